import pytest

from tests.browser import settle

pytestmark = pytest.mark.e2e

PAGES = [
    "",
    "architecture",
    "compare?archs=pico:0000000,pico:0000001",
    "searches",
    "benchmark",
    "training?arch=nano:000000000000000",
    "detect",
    "devices",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_violation(open_page, url, serious, scheme):
    page = open_page(color_scheme=scheme)
    found = []
    for address in PAGES:
        page.goto(f"{url}/{address}")
        settle(page)
        found += [f"{address or 'explore'}: {violation}" for violation in serious(page)]
    assert not found, "\n".join(found)
