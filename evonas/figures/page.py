"""The frame of the reports: one HTML file that needs nothing else."""

from collections.abc import Sequence
from html import escape

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1020px;
  padding: 0 1rem; color: #1a1a1a; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
table { border-collapse: collapse; margin: 0.7rem 0 } th, td { padding: 2px 10px }
th { border-bottom: 1px solid #888; font-weight: 600 } td, th { text-align: right }
td.l, th.l { text-align: left } tr:nth-child(even) td { background: #f5f5f5 }
.charts { display: flex; flex-wrap: wrap; gap: 12px } .charts > svg {
  max-width: 100%; height: auto } .legend span { margin-right: 14px; white-space: nowrap }
.note { color: #555 } .scroll { overflow-x: auto }
svg text { font: 11px system-ui, sans-serif; fill: #222 } svg .t { font-size: 13px;
  font-weight: 600 } svg .m { text-anchor: middle } svg .e { text-anchor: end }
svg .g { stroke: #ddd; stroke-width: 1 }
"""


def page(title: str, parts: Sequence[str]) -> str:
    """Returns a whole HTML document."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1>{''.join(parts)}</body></html>\n"
    )


def heading(text: str) -> str:
    """Returns the heading of a section."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str, note: bool = False) -> str:
    """Returns a paragraph."""
    return f'<p class="note">{escape(text)}</p>' if note else f"<p>{escape(text)}</p>"


def charts(drawn: Sequence[str]) -> str:
    """Returns charts side by side."""
    return f'<div class="charts">{"".join(drawn)}</div>'


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Returns a table, its first columns left-aligned."""
    head = _cells("th", headings, left)
    body = "".join(f"<tr>{_cells('td', row, left)}</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def _cells(tag: str, texts: Sequence[str], left: int) -> str:
    classes = (' class="l"' if column < left else "" for column in range(len(texts)))
    cells = zip(texts, classes, strict=True)
    return "".join(f"<{tag}{class_}>{escape(text)}</{tag}>" for text, class_ in cells)
