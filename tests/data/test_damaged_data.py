import pytest

from tests.data.damage import LAYOUTS, damage, outcome, sound_data
from tests.data.layouts import image

# Each gave a traceback or took more than 10 s when `scripts.stress.data_readers` first found it.
FOUND = [1785, 1834, 1841, 2387, 2709, 4598, 5600]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return [image(folder / f"f{i}.png") for i in range(2)]


@pytest.mark.parametrize("kind", range(len(LAYOUTS)))
def test_sound_data_is_written(tmp_path, pictures, kind):
    assert outcome(sound_data(tmp_path / "in", kind, pictures), tmp_path / "out", 0) == "written"


@pytest.mark.parametrize("seed", [*range(60), *FOUND])
def test_damaged_data_is_written_or_refused_with_a_message(tmp_path, pictures, seed):
    folder = sound_data(tmp_path / "in", seed, pictures)
    damage(folder, seed)
    said = outcome(folder, tmp_path / "out", seed)
    assert said
    assert (tmp_path / "out").exists() == (said == "written")
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]
