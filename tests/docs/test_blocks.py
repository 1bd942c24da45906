"""Every code block of the documents runs, or is parsed by what it would run."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.docs.blocks import Block, blocks, commands, documents, fences, name_of
from tests.docs.shell import BEFORE, PARSED, SMALLER, run_line
from tests.docs.small import make_boards, make_photographs, make_small_folder

# Documents whose commands train, search or export, if only for three steps, or compare.
SLOW = {
    "README.md", "docs/benchmark.md", "docs/boards.md", "docs/guide.md", "docs/small-data.md",
}  # fmt: skip
# What a reader has there who begins with this document alone; else what all share.
_OWN = {"docs/small-data.md": make_photographs, "docs/boards.md": make_boards}
_WITH_CODE = [path for path in documents() if fences(path)]
_PAGES = [
    pytest.param(path, id=name_of(path), marks=[pytest.mark.slow] * (name_of(path) in SLOW))
    for path in _WITH_CODE
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    make_small_folder(folder)
    return folder


@pytest.mark.parametrize("document", _PAGES)
def test_every_block_of_a_document_runs(
    document: Path, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    if name_of(document) in _OWN:
        folder.mkdir()
        _OWN[name_of(document)](folder)
    else:
        shutil.copytree(small, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EVONAS_HOME", str(tmp_path / "home"))
    names: dict[str, object] = {"__name__": "__main__"}
    ran = 0
    for block in blocks(document):
        _run(block, names)
        ran += 1
    assert ran == fences(document) / 2, "a block was not found"


def _run(block: Block, names: dict[str, object]) -> None:
    if block.language == "python":
        exec(compile(block.code, block.where, "exec"), names)
    elif block.language == "sh":
        lines = commands(block)
        assert lines, f"{block.where}: an empty block"
        for line in lines:
            run_line(line)
    elif block.language == "yaml":
        assert yaml.safe_load(block.code), block.where
    elif block.language == "json":
        assert json.loads(block.code), block.where
    else:
        pytest.fail(f"{block.where}: a block of {block.language!r}, which no test runs")


def test_every_document_is_among_those_that_run() -> None:
    found = sum(len(blocks(path)) for path in documents())
    assert found == sum(fences(path) for path in documents()) / 2
    assert found == sum(len(blocks(param.values[0])) for param in _PAGES)
    assert {name_of(path) for path in documents()} >= SLOW


def test_every_substitution_is_of_a_command_that_a_document_shows() -> None:
    shown = [
        line.replace("python -m evonas", "evonas").partition("| ")[2] or line
        for path in documents()
        for block in blocks(path)
        if block.language == "sh"
        for line in commands(block)
    ]
    for start, *_ in (*SMALLER, *PARSED, *BEFORE):
        assert any(line.startswith(start) for line in shown), f"no document shows {start!r}"


@pytest.mark.parametrize("line", ["evonas search --no-such-option", "evonas no-such-command"])
def test_a_command_that_does_not_exist_fails(line: str) -> None:
    with pytest.raises(AssertionError, match="exit code 2"):
        run_line(line)


@pytest.mark.parametrize(
    "line",
    [
        "evonas app --no-such-option",
        "evonas device measure --device cpu-xnnpack --no-such-option",
        "python -m scripts.build.truth --no-such-option",
        "python -m scripts.report.blocks --no-such-option",
        "torchrun --nproc-per-node 2 -m evonas train --no-such-option",
        "make no-such-target",
        "pip install 'evonas[no-such-extra]'",
        "rm -rf runs",
    ],
)
def test_a_line_that_is_parsed_only_is_parsed_in_earnest(line: str) -> None:
    with pytest.raises(BaseException, match=r"no.such|no kind|2"):
        run_line(line)


def test_a_block_of_an_unknown_language_fails() -> None:
    with pytest.raises(pytest.fail.Exception, match="which no test runs"):
        _run(Block("here:1", "bash", ("ls",)), {})
