import pytest
from axe_playwright_python.sync_playwright import Axe

from scripts.browser import settle

pytestmark = pytest.mark.e2e

PAGES = [
    "",
    "architecture",
    "compare?archs=pico:0000000,pico:0000001",
    "searches",
    "training?arch=nano:000000000000000",
    "detect",
    "devices",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_violation(open_page, url, scheme):
    page = open_page(color_scheme=scheme)
    found = []
    for address in PAGES:
        page.goto(f"{url}/{address}")
        settle(page)
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                nodes = [node["html"][:160] for node in violation["nodes"][:3]]
                found.append(f"{address or 'explore'}: {violation['id']}: {nodes}")
    assert not found, "\n".join(found)
