"""The documents as a site, and the files beside them."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from evonas.cli import COMMANDS
from scripts.report.architecture import drawing, lines, rows
from scripts.report.site_pages import command_reference, problem_table
from tests.docs.blocks import ROOT, blocks
from tests.test_imports import ALLOWED


class _Loads(HTMLParser):
    """What a page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "iframe"):
            self.urls.append(given.get("src") or "")
        if tag == "link" and given.get("rel") in ("stylesheet", "preconnect", "icon"):
            self.urls.append(given.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", out]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
def test_the_site_is_built_strictly_and_has_every_page(site: Path) -> None:
    for page in (ROOT / "docs").glob("*.md"):
        assert (site / f"{page.stem}.html").exists(), page.name
    assert "<svg" in (site / "architecture.svg").read_text()


@pytest.mark.slow
def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in site.glob("*.html"):
        loads = _Loads()
        loads.feed(page.read_text())
        assert loads.urls
        assert not [url for url in loads.urls if re.match(r"(https?:)?//", url)], page.name


@pytest.mark.slow
def test_the_references_hold_what_is_stable(site: Path) -> None:
    import evonas

    text = (site / "api.html").read_text()
    assert not [name for name in evonas.__all__ if f">{name}<" not in text.replace("</span>", "<")]
    assert "Examples:" in text
    assert "&gt;&gt;&gt; load_space" not in text  # a doctest is code, no quotation
    commands = (site / "commands.html").read_text()
    assert not [name for name in COMMANDS if f"<code>evonas {name}</code>" not in commands]


def test_the_reference_of_the_command_line_has_every_option() -> None:
    text = command_reference()
    assert "## `evonas search`" in text
    assert "### `evonas table front`" in text
    assert "| `--population` | `24` |" in text
    assert "| `--remeasure`, `--no-remeasure` |" in text


def test_the_table_of_problems_has_every_problem() -> None:
    import evonas

    text = problem_table()
    assert [line.split("`")[1] for line in text.splitlines()[2:]] == evonas.list_problems()
    assert "`params <= 150000 and latency:cpu-xnnpack <= 0.35`" in text


def test_the_drawing_shows_every_part_above_what_it_may_import() -> None:
    picture = drawing(ALLOWED)
    for name in ALLOWED.keys() - {"__init__", "__main__"}:
        assert re.search(rf"\b{name}\b", picture), name
    place = {name: row for row, names in enumerate(rows(ALLOWED)) for name in names}
    drawn = lines(ALLOWED)
    assert ("search", "scoring") in drawn
    assert ("search", "space") not in drawn  # it follows from the one before
    assert all(place[above] > place[below] for above, below in drawn)


def test_a_law_with_a_circle_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="a circle among a, b"):
        rows({"a": {"b"}, "b": {"a"}})


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/extending.md"]
)
def test_files_that_a_document_names_are_there(document: str) -> None:
    text = (ROOT / document).read_text()
    named = re.findall(r"(?:\]\(|`)((?:evonas|app|docs|tests|examples|scripts)/[\w/.-]+)", text)
    assert named
    yours = ("evonas/search/algorithms/greedy.py",)
    named = [n for n in named if "NAME" not in n and n not in yours]
    missing = [n for n in named if not (ROOT / n).exists()]
    assert not missing


def test_the_citation_is_well_formed() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "version", "license"} <= citation.keys()
    assert citation["authors"] == [{"name": "evonas maintainers"}]
    assert "@" not in (ROOT / "CITATION.cff").read_text()
    assert f"## {citation['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_algorithm_of_the_page_on_extending_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    import numpy as np

    import evonas
    from evonas.benchmark.trial import run_trial
    from evonas.search import algorithms

    [code] = [b.code for b in blocks(ROOT / "docs/extending.md") if "BatchAlgorithm" in b.code]
    module = types.ModuleType("evonas.search.algorithms.greedy")
    exec(compile(code, "docs/extending.md", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(algorithms.ALGORITHMS, "greedy", ("greedy", "Greedy"))
    problem = evonas.load_problem("pico/u55")
    found = run_trial(problem, "greedy", 300, seed=1, population=20).genotypes
    assert len(found) == 300
    volume = problem.hypervolume(problem.evaluate_genotypes(found))
    random = problem.space.sample(60, np.random.default_rng(0))
    assert problem.hypervolume(problem.evaluate_genotypes(random)) < volume <= 1
