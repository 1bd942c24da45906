"""The code blocks of the documents, in order."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = "```"


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        where: `FILE:LINE` of its first line of code.
        language: What stands behind the fence.
        lines: Its code.
    """

    where: str
    language: str
    lines: tuple[str, ...]

    @property
    def code(self) -> str:
        return "\n".join(self.lines) + "\n"


def documents() -> list[Path]:
    """Returns every document with prose: those at the top, the site's, that of the shipped data."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmark_data/README.md"]
    return sorted(found)


def programs() -> list[Path]:
    """Returns the examples."""
    return sorted((ROOT / "examples").glob("*.py"))


def name_of(path: Path) -> str:
    """Returns how a document is called: its path in the repository."""
    return str(path.relative_to(ROOT))


def fences(path: Path) -> int:
    """Counts the lines that open or close a block, indented ones too, without reading blocks."""
    return sum(line.lstrip().startswith((_FENCE, "~~~")) for line in path.read_text().splitlines())


def blocks(path: Path) -> list[Block]:
    """Returns the blocks of a document."""
    found: list[Block] = []
    language, begun, lines = None, 0, []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.startswith(_FENCE):
            lines.append(line)
        elif language is None:
            language, begun, lines = line.removeprefix(_FENCE).strip(), number + 1, []
        else:
            found.append(Block(f"{name_of(path)}:{begun}", language, tuple(lines)))
            language = None
    assert language is None, f"{name_of(path)}:{begun}: the block does not end"
    return found


def commands(block: Block) -> list[str]:
    """Returns the commands of a shell block, each on one line.

    >>> commands(Block("", "sh", ("a \\\\", "   b", "", "c  # and so on")))
    ['a b', 'c # and so on']
    """
    joined = block.code.replace("\\\n", " ")
    return [" ".join(line.split()) for line in joined.splitlines() if line.strip()]
