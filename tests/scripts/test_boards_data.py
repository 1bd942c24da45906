"""The data of `boards` from a copy of DeepPCB."""

import numpy as np
import pytest
import typer
from PIL import Image

from evonas.data import data_fingerprint, load_coco
from scripts.build import boards_data


@pytest.fixture
def copy(tmp_path):
    """Four boards of 640x640 pixels with a defect each, as DeepPCB lays them out."""
    folder, rng = tmp_path / "PCBData", np.random.default_rng(0)
    for name, count in (("trainval", 3), ("test", 1)):
        lines = []
        for number in range(count):
            base = f"group/{name}{number}"
            (folder / base).parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 255, (640, 640, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{base}_test.jpg")
            (folder / f"{base}.txt").write_text(f"{100 * number} 40 {100 * number + 30} 80 2\n")
            lines.append(f"{base}.jpg {base}.txt\n")
        (folder / f"{name}.txt").write_text("".join(lines))
    return folder


def test_other_boards_are_made_and_told_from_those_of_the_table(copy, tmp_path, capsys):
    out = tmp_path / "boards"
    with pytest.raises(typer.Exit) as stop:
        boards_data.main(copy, out)
    assert stop.value.exit_code == 1
    said = capsys.readouterr()
    assert f"fingerprint {data_fingerprint(out / 'tiles64')}" in said.out
    assert boards_data.TILES_FINGERPRINT in said.err
    full, tiles = load_coco(out / "full", "train"), load_coco(out / "tiles64", "train")
    assert len(full) == 3
    assert tiles.sizes.max() == tiles.sizes.min() == 64
    assert sorted(tiles.boxes[0, 2:].tolist()) == [15, 20]


def test_the_tables_own_tiles_are_known(copy, tmp_path, monkeypatch):
    out = tmp_path / "boards"
    with pytest.raises(typer.Exit):
        boards_data.main(copy, out)
    monkeypatch.setattr(boards_data, "TILES_FINGERPRINT", data_fingerprint(out / "tiles64"))
    boards_data.main(copy, out)  # what is there already is not made again
