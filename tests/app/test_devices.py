import numpy as np
import pytest

from app.devices.import_form import MOST_BYTES, import_upload
from app.shared.cards import device_error
from app.shared.table_view import view_table
from evonas.errors import ConfigurationError
from evonas.figures.devices import errors_data, errors_figure, op_users, ops_figure
from evonas.latency import add_npu, evaluate_device, load_predictor
from evonas.latency.memory_limit import SURE, MemoryLimit, load_chances, save_memory_limit
from evonas.space import load_space
from evonas.table import open_table
from tests.app.conftest import SPACE, add_own_device, the_button
from tests.latency.test_own_npu import HALF


def test_devices_shows_every_device_of_a_space(open_app):
    at = open_app(page="devices")
    assert not at.exception
    for device in at.selectbox(key="device").options:
        at = at.selectbox(key="device").set_value(device).run()
        assert not at.exception, device
        assert not at.error, device


def test_errors_agree_with_the_accuracy_of_the_command():
    data = errors_data("ethos-u55-256", load_space("nano"))
    held = np.abs(data.relative[data.held_out])
    figures = evaluate_device("ethos-u55-256", "nano")
    assert np.isclose(held.mean(), figures.mape)
    assert int(data.held_out.sum()) == figures.n_test
    assert errors_figure(data).data
    assert ops_figure(data).data
    assert "held-out" in device_error("ethos-u55-256", "nano")


def test_users_of_an_op_are_those_that_decode_to_it():
    space = load_space("pico")
    genotypes = space.sample(30, np.random.default_rng(0))
    users = op_users(space, genotypes)
    for row, genotype in enumerate(genotypes):
        ops = {op.name for block in space.decode(genotype).blocks for op in block.ops}
        assert {name for name, uses in users.items() if uses[row]} == ops


def test_a_device_without_measurements_has_no_errors():
    assert errors_data("edge-gpu", load_space("pico")) is None


def measured_csv(n: int = 24) -> list[str]:
    """What a device twice as slow as Arm's would have measured."""
    space = load_space("nano")
    genotypes = np.unique(space.sample(n, np.random.default_rng(3)), axis=0)
    times = 2 * load_predictor("ethos-u55-256", space).predict(genotypes)
    rows = zip(space.arch_ids(genotypes), times.tolist(), strict=True)
    return ["arch_id,latency,unit", *(f"{arch_id},{ms},ms" for arch_id, ms in rows)]


def send(at, name: str, content: bytes):
    at.text_input[0].set_value(name)
    at.file_uploader(key="csv").set_value(("results.csv", content, "text/csv"))
    return the_button(at, "Check and add to nano").click().run()


@pytest.mark.slow
def test_a_device_is_imported_and_shown(open_app, own_data):
    at = open_app(page="devices")
    at = send(at, "my-phone", "\n".join(measured_csv()).encode())
    assert not at.exception
    assert not at.error
    assert at.selectbox(key="device").value == "my-phone"
    assert "cross-validation" in " ".join(info.value for info in at.info)
    assert (own_data / "latency" / "nano" / "my-phone.predictor.npz").exists()


def test_faulty_rows_are_listed_each(open_app, own_data):
    lines = measured_csv()
    lines[3] = lines[3].replace(",ms", ",fps")
    lines[5] = "nano:zzz,1,ms"
    lines.append(lines[7])
    at = send(open_app(page="devices"), "my-phone", "\n".join(lines).encode())
    assert not at.exception
    assert "3 faults" in at.error[0].value
    faults = next(frame.value for frame in at.dataframe if "what is wrong" in frame.value)
    assert faults["row"].tolist() == [4, 6, 26]
    assert "fps" in faults["what is wrong"][0]
    assert not (own_data / "latency" / "nano" / "my-phone.predictor.npz").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("my-phone", b""),
        ("my-phone", b"\xff\xfe\x00"),
        ("my-phone", b"a,b\n1,2\n"),
        ("my-phone", b"arch_id,latency,unit\n" + b'"' * 1000),
        ("my-phone", b"arch_id,latency,unit\n=cmd|' /C calc'!A0,1,ms\n"),
        ("my-phone", b"x" * (MOST_BYTES + 1)),
        ("../../evil", b"arch_id,latency,unit\n"),
        ("cpu-xnnpack", b"arch_id,latency,unit\n"),
        ("", b"arch_id,latency,unit\n"),
    ],
)
def test_hostile_files_and_names_import_nothing(open_app, own_data, name, content):
    before = sorted(own_data.rglob("*"))
    at = send(open_app(page="devices"), name, content)
    assert not at.exception
    assert len(at.error) == 1
    assert sorted(own_data.rglob("*")) == before


def test_read_only_imports_nothing(open_app, own_data, monkeypatch):
    monkeypatch.setenv("EVONAS_APP_READ_ONLY", "1")
    at = open_app(page="devices")
    assert not [box for box in at.text_input if box.label == "Name of the device"]
    with pytest.raises(ConfigurationError, match="read-only"):
        import_upload(b"", "my-phone", "nano")


@pytest.mark.parametrize("query", [{"device": "../x"}, {"device-space": "<b>"}, {"device": "\x00"}])
def test_forged_devices_show_the_first(open_app, query):
    at = open_app(page="devices", **query)
    assert not at.exception
    assert not at.error


def test_damaged_measurements_are_one_message(open_app, own_data):
    broken = own_data / "latency" / "nano" / "ethos-u55-256.measurements.npz"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"broken")
    at = open_app(page="devices", device="ethos-u55-256")
    assert not at.exception
    assert len(at.error) == 1
    assert str(own_data) not in at.error[0].value


def test_an_own_device_is_renamed_and_then_removed(open_app, own_data):
    add_own_device("my-phone")
    at = open_app(page="devices", device="my-phone")
    at.text_input(key="new name").set_value("my-tablet").run()
    at = the_button(at, "Rename it").click().run()
    assert not at.exception
    assert at.selectbox(key="device").value == "my-tablet"
    assert [file.name for file in own_data.rglob("*.npz")] == ["my-tablet.predictor.npz"]
    at = the_button(at, "Remove it for good").click().run()
    assert "my-tablet" not in at.selectbox(key="device").options
    assert not list(own_data.rglob("*.npz"))
    assert not at.exception


@pytest.mark.parametrize("name", ["cpu-xnnpack", "../evil", "", "my-other"])
def test_a_device_takes_no_name_that_is_taken_or_hostile(open_app, own_data, name):
    add_own_device("my-phone")
    add_own_device("my-other")
    before = sorted(own_data.rglob("*"))
    at = open_app(page="devices", device="my-phone")
    at.text_input(key="new name").set_value(name).run()
    at = the_button(at, "Rename it").click().run()
    assert len(at.toast) == 1
    assert sorted(own_data.rglob("*")) == before


def test_shipped_devices_and_read_only_servers_offer_no_removal(open_app, own_data, monkeypatch):
    add_own_device("my-phone")
    at = open_app(page="devices", device="cpu-xnnpack")
    assert "Remove it for good" not in [button.label for button in at.button]
    monkeypatch.setenv("EVONAS_APP_READ_ONLY", "1")
    at = at.selectbox(key="device").set_value("my-phone").run()
    assert "Remove it for good" not in [button.label for button in at.button]


def test_an_npu_of_ones_own_is_listed_and_once_fitted_an_axis(open_app, own_data, folder):
    add_npu("my-npu", "ethos-u65-256", HALF, "half.ini", "Half", "Half")
    at = open_app(page="devices")
    assert not at.exception
    listed = next(frame.value for frame in at.dataframe if "predicts" in frame.value)
    [row] = [row for _, row in listed.iterrows() if row["device"] == "my-npu"]
    [about] = [m.value for m in at.markdown if "**my-npu**" in m.value]
    assert "Ethos-U65-256 at 500 MHz" in about
    assert not row["predicts"]
    add_own_device("my-npu")
    genotypes = open_table(folder / "table").genotypes()
    table = np.zeros(SPACE.n_cells)
    table[np.unique(SPACE.cells(genotypes[::2])[:, -1])] = 5.0  # layers that are too much
    save_memory_limit(MemoryLimit("my-npu", SPACE, table, 200_000, 200, 0.5, 0.9))
    at = at.run().selectbox(key="device").set_value("my-npu").run()
    assert not at.exception
    assert "Your own: Arm Ethos-U65-256" in " ".join(caption.value for caption in at.caption)
    latency = view_table(folder / "table", "nano").column("latency:my-npu", "nano")
    fits = load_chances("my-npu", SPACE)(genotypes) >= SURE
    assert 0 < fits.sum() < len(fits)
    assert (np.isfinite(latency) == fits).all()
    at = at.switch_page("explore/page.py").run()
    assert not at.exception
    at = at.selectbox(key="x").set_value("latency:my-npu").run()
    assert not at.exception
    assert {"peak_memory", "flash"} <= {*at.selectbox(key="x").options}
