"""The colours of all pictures, and how what recurs in them looks.

Okabe and Ito's colours, distinguishable by every kind of colour vision, on white and on black.
Colour is never the only sign: what has one has a symbol, a pattern or a dash too.
"""

BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
BLACK = "#000000"
GREY = "#8a8a8a"  # for what stands in the background

# For things of one kind, in order.
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)

# Between two colours that mean less and more: as much.
NEUTRAL = "#f4f4f4"
NOTHING = "rgba(0, 0, 0, 0)"  # not to be seen

# By kind of op.
OPS = {"ibn0": GREY, "ibn": SKY, "fused": ORANGE, "tucker": GREEN}

# A front, what stands out of it, and what it dominates.
FRONT, CHOSEN, REFERENCE, DOMINATED = BLUE, VERMILION, PURPLE, GREY
# What was ticked a moment ago, and where a budget ends.
TICKED, BUDGET = ORANGE, VERMILION


def shade(colour: str, opacity: float) -> str:
    """Returns a colour for an area, through which one sees.

    >>> shade(BLUE, 0.15)
    'rgba(0, 114, 178, 0.15)'
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"
