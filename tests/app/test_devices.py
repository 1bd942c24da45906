import numpy as np

from app.cards import device_error
from app.residuals import agreement_figure, op_users, ops_figure, residuals
from evonas.latency import evaluate_device
from evonas.space import load_space


def test_devices_shows_every_device_of_a_space(open_app):
    at = open_app(page="devices")
    assert not at.exception
    for device in at.selectbox(key="device").options:
        at = at.selectbox(key="device").set_value(device).run()
        assert not at.exception, device
        assert not at.error, device


def test_residuals_agree_with_the_accuracy_of_the_command():
    data = residuals("ethos-u55-256", load_space("nano"))
    held = np.abs(data.relative[data.held_out])
    figures = evaluate_device("ethos-u55-256", "nano")
    assert np.isclose(held.mean(), figures.mape)
    assert int(data.held_out.sum()) == figures.n_test
    assert agreement_figure(data).data
    assert ops_figure(data).data
    assert "held-out" in device_error("ethos-u55-256", "nano")


def test_users_of_an_op_are_those_that_decode_to_it():
    space = load_space("pico")
    genotypes = space.sample(30, np.random.default_rng(0))
    users = op_users(space, genotypes)
    for row, genotype in enumerate(genotypes):
        ops = {op.name for block in space.decode(genotype).blocks for op in block.ops}
        assert {name for name, uses in users.items() if uses[row]} == ops


def test_a_device_without_measurements_has_no_residuals():
    assert residuals("edge-gpu", load_space("pico")) is None
