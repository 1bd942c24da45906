import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_no_picture_has_colours_of_its_own():
    files = [*(ROOT / "evonas" / "figures").glob("*.py"), *(ROOT / "app").rglob("*.py")]
    others = [path for path in files if path.name not in ("palette.py", "page.py")]
    assert len(others) > 30
    for path in others:
        assert not re.findall(r"#[0-9a-fA-F]{6}\b|rgba?\(\d", path.read_text()), path
