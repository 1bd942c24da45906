"""The critical-difference diagram of Demsar (2006) as SVG text."""

from collections.abc import Mapping, Sequence
from html import escape

_LEFT, _RIGHT, _TOP, _LINE = 150, 150, 46, 20


def critical_difference(
    ranks: Mapping[str, float], difference: float, groups: Sequence[Sequence[str]]
) -> str:
    """Returns the mean ranks on a line; a bar joins algorithms that are not told apart.

    Args:
        ranks: Mean ranks by algorithm, the best first.
        difference: The critical difference, drawn to scale; NaN draws none.
        groups: Which algorithms a bar joins.
    """
    names, k, width = list(ranks), len(ranks), 640
    axis = _TOP + 8 * len(groups) + 14

    def place(rank: float) -> float:
        return _LEFT + (rank - 1) / max(1, k - 1) * (width - _LEFT - _RIGHT)

    half = (k + 1) // 2
    height = axis + _LINE * (max(half, k - half) + 1) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="Mean ranks with critical difference">',
        f'<path d="M{place(1):.1f} {axis}H{place(k):.1f}" stroke="currentColor"/>',
    ]
    for rank in range(1, k + 1):
        x = place(rank)
        parts.append(f'<path d="M{x:.1f} {axis - 4}V{axis}" stroke="currentColor"/>')
        parts.append(f'<text x="{x:.1f}" y="{_TOP - 14}" class="m">{rank}</text>')
    if difference == difference:
        end = min(place(1 + difference), width - 4.0)
        parts.append(f'<path d="M{place(1):.1f} 12H{end:.1f}" stroke="currentColor"/>')
        parts.append(f'<text x="{end + 6:.1f}" y="16">CD {difference:.2f}</text>')
    for number, name in enumerate(names):
        left = number < half
        y = axis + _LINE * ((number if left else k - 1 - number) + 1)
        x, side = place(ranks[name]), _LEFT - 10 if left else width - _RIGHT + 10
        anchor = "end" if left else "start"
        parts.append(
            f'<path d="M{x:.1f} {axis}V{y}H{side}" fill="none" stroke="currentColor" '
            'stroke-width="0.8"/>'
        )
        parts.append(
            f'<text x="{side + (-4 if left else 4)}" y="{y + 4}" text-anchor="{anchor}">'
            f"{escape(name)} {ranks[name]:.2f}</text>"
        )
    for number, group in enumerate(groups):
        first, last = place(ranks[group[0]]) - 3, place(ranks[group[-1]]) + 3
        y = axis - 8 - 8 * number
        parts.append(
            f'<path d="M{first:.1f} {y}H{last:.1f}" stroke="currentColor" stroke-width="3.5"/>'
        )
    return "".join([*parts, "</svg>"])
