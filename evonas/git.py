"""The commit of the source, for the record of a run."""

import subprocess
from pathlib import Path


def git_commit() -> str | None:
    """Returns the commit of the source, with `-dirty` where files differ from it.

    None outside a git repository.
    """
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()
