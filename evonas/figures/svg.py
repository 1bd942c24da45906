"""Small line charts as SVG text, for reports that are one file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from evonas.arrays import Floats
from evonas.figures.palette import BLACK, SERIES

_COLOURS = (*SERIES, BLACK)
_DASHES = ("", "6 3", "2 2")  # of the second and third round of colours
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 30, 44
_DOT = 3  # radius


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line of a chart.

    Attributes:
        name: For the legend; no entry without one.
        x: (n,).
        y: (n,).
        style: Number of its colour and dash, the same for one thing in every chart.
        low: (n,) lower edge of a band around it.
        high: (n,) upper edge.
        steps: Whether it runs in steps, first across, as an attainment surface does.
        dots: Whether it is points without a line.
        faint: Whether it stands back behind the others.
    """

    name: str
    x: Floats
    y: Floats
    style: int = 0
    low: Floats | None = None
    high: Floats | None = None
    steps: bool = False
    dots: bool = False
    faint: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Lines over two axes.

    Attributes:
        title: Above.
        x_label: Below.
        y_label: Beside.
        lines: Drawn in order.
        log_y: Whether the vertical axis is logarithmic.
        size: Width and height, pixels.
        x_names: Names in place of numbers at 0, 1, ... on the horizontal axis.
    """

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    log_y: bool = False
    size: tuple[int, int] = (460, 300)
    x_names: Sequence[str] = field(default_factory=tuple)

    def svg(self) -> str:
        """Returns the chart as an SVG element."""
        width, height = self.size
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" aria-label="{escape(self.title)}">',
            f'<text x="{_LEFT}" y="17" class="t">{escape(self.title)}</text>',
        ]
        drawn = [line for line in self.lines if len(line.x)]
        if not drawn:
            return "".join([*parts, f'<text x="{_LEFT}" y="60">no data</text></svg>'])
        x_scale, y_scale = self._scales(drawn)
        parts += self._axes(x_scale, y_scale)
        parts += [shape for line in drawn for shape in _shapes(line, x_scale, y_scale)]
        return "".join([*parts, "</svg>"])

    def _scales(self, lines: Sequence[Line]) -> tuple["_Scale", "_Scale"]:
        width, height = self.size
        x = np.concatenate([line.x for line in lines])
        bands = [edge for line in lines for edge in (line.low, line.high) if edge is not None]
        y = np.concatenate([line.y for line in lines] + bands)
        x, y = x[np.isfinite(x)], y[np.isfinite(y)]
        if self.log_y:
            y = np.log10(np.maximum(y, 1e-6))
        margin = 0.5 if self.x_names else 0.0
        inset = _DOT + 1 if any(line.dots for line in lines) else 0  # none is drawn half outside
        left, right = _LEFT + inset, width - _RIGHT - inset
        bottom, top = height - _BOTTOM - inset, _TOP + inset
        return (
            _Scale(float(x.min()) - margin, float(x.max()) + margin, left, right),
            _Scale(float(y.min()), float(y.max()), bottom, top, self.log_y),
        )

    def _axes(self, x_scale: "_Scale", y_scale: "_Scale") -> list[str]:
        width, height = self.size
        bottom, parts = height - _BOTTOM, []
        named = [(float(i), escape(name)) for i, name in enumerate(self.x_names)]
        for value, text in named or [(v, f"{v:g}") for v in x_scale.ticks()]:
            x = x_scale.place(value)
            parts.append(f'<path d="M{x:.1f} {_TOP}V{bottom}" class="g"/>')
            parts.append(f'<text x="{x:.1f}" y="{bottom + 15}" class="m">{text}</text>')
        for value in y_scale.ticks():
            y = y_scale.place(value)
            text = f"{10**value:.3g}" if y_scale.logarithmic else f"{value:.4g}"
            parts.append(f'<path d="M{_LEFT} {y:.1f}H{width - _RIGHT}" class="g"/>')
            parts.append(f'<text x="{_LEFT - 5}" y="{y + 4:.1f}" class="e">{text}</text>')
        middle = (_LEFT + width - _RIGHT) / 2
        parts.append(f'<text x="{middle}" y="{height - 8}" class="m">{escape(self.x_label)}</text>')
        across = (_TOP + bottom) / 2
        turned = f'transform="rotate(-90 13 {across})"'
        parts.append(f'<text x="13" y="{across}" {turned} class="m">{escape(self.y_label)}</text>')
        return parts


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    first: float
    last: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return self.first + (value - self.low) / span * (self.last - self.first)

    def line(self, values: Floats) -> Floats:
        values = np.log10(np.maximum(values, 1e-6)) if self.logarithmic else values
        span = self.high - self.low or 1.0
        places: Floats = self.first + (values - self.low) / span * (self.last - self.first)
        return places

    def ticks(self) -> list[float]:
        """Returns about five round values."""
        span = self.high - self.low or 1.0
        power = 10.0 ** np.floor(np.log10(span / 5))
        step = next(power * m for m in (1, 2, 5, 10) if span / (power * m) <= 6)
        first = np.ceil(self.low / step - 1e-9)
        count = int(np.floor(self.high / step + 1e-9) - first) + 1
        return [float(round((first + i) * step, 12)) for i in range(count)]


def colour(style: int) -> str:
    """Returns a style's colour."""
    return _COLOURS[style % len(_COLOURS)]


def dash(style: int) -> str:
    """Returns a style's dashes, as SVG has them."""
    return _DASHES[style // len(_COLOURS) % len(_DASHES)]


def legend(names: Sequence[str]) -> str:
    """Returns a legend as HTML: a name for each style from 0 on."""
    entries = [
        f'<span><svg width="26" height="10"><path d="M1 5H25" stroke="{colour(style)}" '
        f'stroke-width="2.5" stroke-dasharray="{dash(style)}"/></svg> {escape(name)}</span>'
        for style, name in enumerate(names)
    ]
    return f'<p class="legend">{" ".join(entries)}</p>'


def _shapes(line: Line, x_scale: _Scale, y_scale: _Scale) -> list[str]:
    good = np.isfinite(line.x) & np.isfinite(line.y)
    x, y = x_scale.line(line.x[good]), y_scale.line(line.y[good])
    tint = colour(line.style)
    if line.dots:
        return [
            f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{_DOT}" fill="{tint}"/>'
            for a, b in zip(x, y, strict=True)
        ]
    parts = []
    if line.low is not None and line.high is not None:
        low, high = y_scale.line(line.low[good]), y_scale.line(line.high[good])
        edge = list(zip(x, low, strict=True)) + list(zip(x[::-1], high[::-1], strict=True))
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in edge)
        parts.append(f'<polygon points="{points}" fill="{tint}" opacity="0.13"/>')
    if line.steps:
        x, y = np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    width, faded = (0.9, ' opacity="0.55"') if line.faint else (1.8, "")
    parts.append(
        f'<polyline points="{points}" fill="none" stroke="{tint}" stroke-width="{width}" '
        f'stroke-dasharray="{dash(line.style)}"{faded}/>'
    )
    return parts
