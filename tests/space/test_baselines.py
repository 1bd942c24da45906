import pytest

from evonas.errors import ConfigurationError
from evonas.space import list_baselines, list_published, load_published, resolve
from evonas.space.baselines import FOREIGN
from evonas.space.costs import madds


def test_every_named_network_is_found():
    for name in list_published():
        assert resolve(name).architecture == load_published(name)
    for name in list_baselines():
        assert len(resolve(name).architecture.levels()) == 6


def test_mobilenet_v2_has_its_papers_backbone():
    # Table 2 of arXiv 1801.04381: 17 bottlenecks, here the one classifier layer fewer.
    layers = list(resolve("ssdlite-mobilenet-v2").architecture.layers())
    assert [layer.c_out for layer in layers] == (
        [16] + [24] * 2 + [32] * 3 + [64] * 4 + [96] * 3 + [160] * 3 + [320]
    )
    assert sum(layer.residual for layer in layers) == 10
    assert 0.6e9 < madds(resolve("ssdlite-mobilenet-v2").architecture) < 0.65e9


def test_names_of_no_network_are_refused():
    with pytest.raises(ConfigurationError, match="named networks are mobiledet-cpu"):
        resolve("mobiledet-tpu")
    (foreign,) = FOREIGN
    with pytest.raises(ConfigurationError, match="torchvision's own network"):
        resolve(foreign)


def test_what_is_noted_of_torchvisions_network_is_what_torch_counts():
    torch = pytest.importorskip("torch")
    from evonas.detector.counting import count_costs
    from evonas.detector.torchvision_ssdlite import TorchvisionSSDLite

    noted = FOREIGN["ssdlite320_mobilenet_v3_large"]
    with torch.device("meta"):
        network = TorchvisionSSDLite()
    assert count_costs(network, 320) == {
        "madds": noted.madds,
        "params": noted.params,
        "params_bn4": noted.params_bn4,
    }
