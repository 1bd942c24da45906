import numpy as np

from evonas.figures.choices import gains_figure, importance_figure, shares_figure
from evonas.space import load_space
from evonas.table import Importance, kind_gains, kind_shares, kinds_of
from evonas.table.importance import GeneImportance

SPACE = load_space("pico")
GENOTYPES = SPACE.sample(400, np.random.default_rng(0))
KIND = kinds_of(SPACE, GENOTYPES)


def test_heat_maps_name_choices_and_leave_out_kinds_that_cannot_be():
    [heat] = shares_figure(kind_shares(SPACE, KIND, np.arange(9))).data
    assert list(heat.x[:2]) == ["b1.l1", "b2.l1"]
    assert list(heat.y) == ["ibn0", "ibn", "fused", "tucker", "skipped"]
    assert heat.text[0][0].startswith("<b>")
    assert heat.text[1][0] == ""  # no inverted bottleneck in pico's block 1
    price = np.linspace(1, 2, len(KIND))
    [heat] = gains_figure(kind_gains(SPACE, KIND, price, price), "AP", "latency:x").data
    assert heat.zmax == -heat.zmin > 0


def test_bars_of_importance_begin_at_nothing_and_carry_their_spread():
    genes = (GeneImportance("b1.l1.op", 0.4, 0.3, 0.5), GeneImportance("b2.width", -0.01, -0.02, 0))
    [bars] = importance_figure([Importance("map", 99, 0.9, 0.8, 0.95, genes)]).data
    assert list(bars.y) == ["block 1 layer 1", "block 2 width"]
    assert list(bars.x) == [0.4, 0.0]
    assert np.allclose(bars.error_x.array, [0.1, 0.01])
    assert np.allclose(bars.error_x.arrayminus, [0.1, 0.0])
