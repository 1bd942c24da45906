"""Draws what may import what, from the law that the tests hold.

    python -m scripts.report.architecture OUT.svg

Each part stands one row above the highest part that it may import. A line leads to a part below
that it may import unless it may import it through another one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from xml.sax.saxutils import escape

import typer

# Parts that everything may import are named below the picture instead of drawn.
_LEFT_OUT = {"__init__", "__main__"}
_WIDTH, _BOX, _HEIGHT, _ROW = 980, 104, 30, 78
_STYLE = """
text { font: 13px sans-serif; text-anchor: middle; fill: #1a1a2e }
rect { fill: #e8eaf6; stroke: #3f51b5 }
path { fill: none; stroke: #7986cb; stroke-opacity: 0.55 }
.ground rect { fill: #f5f5f5; stroke: #9e9e9e }
"""

Law = Mapping[str, set[str]]


def rows(law: Law) -> list[list[str]]:
    """Returns the parts by height, the lowest row first.

    >>> rows({"a": set(), "b": {"a"}, "c": {"a", "b"}, "d": {"a"}})
    [['a'], ['b', 'd'], ['c']]
    """
    height: dict[str, int] = {}
    left = {name: {below for below in allowed if below in law} for name, allowed in law.items()}
    while left:
        ready = [name for name, allowed in left.items() if allowed <= height.keys()]
        if not ready:
            raise ValueError(f"the law has a circle among {', '.join(sorted(left))}")
        for name in ready:
            height[name] = 1 + max((height[below] for below in left.pop(name)), default=-1)
    top = max(height.values())
    return [sorted(n for n in height if height[n] == row) for row in range(top + 1)]


def lines(law: Law) -> list[tuple[str, str]]:
    """Returns (part, part below it) without what follows from other lines.

    >>> lines({"a": set(), "b": {"a"}, "c": {"a", "b"}})
    [('b', 'a'), ('c', 'b')]
    """
    return [
        (name, below)
        for name, allowed in law.items()
        for below in sorted(allowed & law.keys())
        if not any(below in law[other] for other in allowed & law.keys() if other != below)
    ]


def drawing(law: Law) -> str:
    """Returns the picture as SVG."""
    drawn = {name: allowed - _LEFT_OUT for name, allowed in law.items() if name not in _LEFT_OUT}
    ground = {name for name in drawn if all(name in law[o] for o in ("space", "table", "search"))}
    upper = {name: allowed - ground for name, allowed in drawn.items() if name not in ground}
    levels = rows(upper)
    place = {}
    for row, names in enumerate(levels):
        for column, name in enumerate(names):
            x = _WIDTH * (column + 1) / (len(names) + 1)
            place[name] = (x, _ROW * (len(levels) - row) - _ROW / 2)
    parts = [_line(*place[above], *place[below]) for above, below in lines(upper)]
    parts += [_box(name, x, y) for name, (x, y) in place.items()]
    foot = _ROW * len(levels) + 20
    text = "below all of them: " + ", ".join(sorted(ground))
    parts.append(
        f'<g class="ground"><rect x="40" y="{foot - 20}" width="{_WIDTH - 80}" height="{_HEIGHT}" '
        f'rx="4"/><text x="{_WIDTH / 2}" y="{foot}">{escape(text)}</text></g>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {foot + 30}" '
        f'role="img"><title>What may import what</title><style>{_STYLE}</style>'
        f'<rect width="{_WIDTH}" height="{foot + 30}" style="fill: white; stroke: none"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _box(name: str, x: float, y: float) -> str:
    return (
        f'<g><rect x="{x - _BOX / 2:.1f}" y="{y - _HEIGHT / 2:.1f}" width="{_BOX}" '
        f'height="{_HEIGHT}" rx="4"/><text x="{x:.1f}" y="{y + 5:.1f}">{escape(name)}</text></g>'
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    top, bottom = y1 + _HEIGHT / 2, y2 - _HEIGHT / 2
    middle = (top + bottom) / 2
    bends = f"C{x1:.1f},{middle:.1f} {x2:.1f},{middle:.1f} {x2:.1f},{bottom:.1f}"
    return f'<path d="M{x1:.1f},{top:.1f} {bends}"/>'


def main(out: Annotated[Path, typer.Argument(help="The SVG file to write.")]) -> None:
    """Draws what may import what, from the law that the tests hold."""
    from evonas.files import write_atomically
    from tests.test_imports import ALLOWED

    write_atomically(out, drawing(ALLOWED).encode())


if __name__ == "__main__":
    typer.run(main)
