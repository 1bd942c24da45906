import re

import numpy as np

from evonas.figures.svg import Chart, Line


def test_a_dot_at_an_axis_end_is_drawn_whole():
    values = np.array([1.0, 2.0, 4.0])
    drawn = Chart("", "", "", [Line("", values, values, dots=True)]).svg()
    dots = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="3"', drawn)
    # The axes run from 58 to 448 and from 256 up to 30; a dot keeps 4 from their ends.
    assert dots == [("62.0", "252.0"), ("189.3", "179.3"), ("444.0", "34.0")]
