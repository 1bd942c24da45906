import subprocess

from evonas import git


def test_a_commit_is_marked_where_files_differ_from_it(tmp_path, monkeypatch):
    def run(*arguments):
        settings = ["-c", "user.name=A", "-c", "user.email=a@b"]
        command = ["git", *settings, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    monkeypatch.setattr(git, "__file__", str(tmp_path / "git.py"))
    assert git.git_commit() is None
    run("init")
    (tmp_path / "file").write_text("1")
    run("add", "file")
    run("commit", "-m", "One")
    commit = run("rev-parse", "HEAD")
    assert git.git_commit() == commit
    (tmp_path / "file").write_text("2")
    assert git.git_commit() == f"{commit}-dirty"
