import fcntl

import pytest

from app.shared.runs import check_name, read_log, remove_folder, state_of
from evonas.errors import ConfigurationError


def test_a_state_is_that_of_the_process_then_of_what_it_left(tmp_path):
    def state(finished=False):
        return state_of(tmp_path, lambda: finished)

    assert state() == "failed"
    assert state(finished=True) == "finished"
    (tmp_path / "stopped").touch()
    assert state() == "stopped"
    assert state(finished=True) == "finished"
    with (tmp_path / "alive.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert state(finished=True) == "running"
        (tmp_path / "waiting").touch()
        assert state() == "waiting"
        with pytest.raises(ConfigurationError, match="stop it before"):
            remove_folder(tmp_path)
    assert state() == "stopped"


def test_one_that_ends_while_it_is_looked_at_has_not_failed(tmp_path, monkeypatch):
    def ends(folder):
        (folder / "report.html").touch()
        return False

    monkeypatch.setattr("app.shared.background.is_alive", ends)
    assert state_of(tmp_path, (tmp_path / "report.html").exists) == "finished"


def test_a_link_is_not_removed(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    with pytest.raises(ConfigurationError, match="by hand"):
        remove_folder(tmp_path / "link")
    assert (tmp_path / "kept").is_dir()


@pytest.mark.parametrize("name", ["", "-a", "A", "a" * 41, "../a", "a/b", "a\n", "ä"])
def test_a_name_is_that_of_a_plain_folder(name):
    with pytest.raises(ConfigurationError, match="lower-case letters"):
        check_name(name)


def test_the_end_of_a_log_is_read(tmp_path):
    assert read_log(tmp_path) == ""
    (tmp_path / "output.log").write_bytes(b"x" * 9000 + b"\xff end")
    assert len(read_log(tmp_path)) == 4000
    assert read_log(tmp_path).endswith("� end")
