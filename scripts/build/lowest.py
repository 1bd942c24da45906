"""An environment with the lowest versions that pyproject.toml allows of the numeric packages.

    python -m scripts.build.lowest .venv-lowest

All else comes from the environment that runs this.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import typer

ROOT = Path(__file__).resolve().parents[2]
LOWERED = ("numpy", "scipy", "h5py", "pymoo", "moocore")


def lowest() -> list[str]:
    """Returns the requirements `NAME==LOWEST`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bounds = dict(re.findall(r"^([\w-]+)>=([\d.]+)", "\n".join(project["dependencies"]), re.M))
    return [f"{name}=={bounds[name]}" for name in LOWERED]


def main(environment: Path) -> None:
    """Makes the environment."""
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    wanted = [*lowest(), "--no-deps", "-e", str(ROOT)]
    pip = [str(environment / "bin" / "pip"), "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, "--ignore-installed", *wanted], check=True)
    [packages] = environment.glob("lib/python*/site-packages")
    ours = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "others.pth").write_text(f"{ours}\n")


if __name__ == "__main__":
    typer.run(main)
