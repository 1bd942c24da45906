import pytest

from tests.browser import settle, show_in

pytestmark = pytest.mark.e2e

PAGES = [
    "",
    "architecture",
    "compare?archs=pico:0000000,pico:0000001",
    "searches",
    "benchmark",
    "training?arch=nano:000000000000000",
    "detect",
    "find",
    "devices",
]


def test_no_page_has_a_serious_violation_in_light_or_dark(open_page, url, serious):
    page = open_page()
    found = []
    for address in PAGES:
        page.goto(f"{url}/{address}")
        settle(page)
        for scheme in ("light", "dark"):
            show_in(page, scheme)
            found += [f"{address or 'explore'}, {scheme}: {wrong}" for wrong in serious(page)]
    assert not found, "\n".join(found)
