"""Makes the data set `boards` from a copy of DeepPCB: whole boards, and the tiles of the table.

    git clone https://github.com/tangsanli5201/DeepPCB
    python -m scripts.build.boards_data DeepPCB/PCBData --out boards

Writes `boards/full` (1,500 boards of 640x640 pixels) and `boards/tiles64` (boards scaled to 320,
cut into tiles of 64; of tiles without a defect 5 % are kept), both as COCO-format folders, in about
two minutes, and compares the tiles' fingerprint with that of the shipped table's.
"""

from pathlib import Path
from typing import Annotated

import typer

from evonas.data import data_fingerprint
from evonas.data.convert import convert_dataset
from evonas.data.convert_options import ConvertOptions
from evonas.data.tile import TileOptions, tile_dataset
from evonas.data.tiling import Tiling, parse_scale

TILES_FINGERPRINT = "04af2e249bc64ffc"
_SPLITS = {"train": "trainval", "val": "test"}
_TILES = TileOptions(Tiling(64, parse_scale("320"), overlap=0), least_visible=0.5, keep_empty=0.05)


def main(
    copy: Annotated[Path, typer.Argument(help="The folder PCBData.")],
    out: Annotated[Path, typer.Option(help="Folder that takes `full` and `tiles64`.")],
) -> None:
    """Writes both folders; exits with 1 if the tiles are not those of the table."""
    full, tiles = out / "full", out / "tiles64"
    if not full.exists():
        out.mkdir(parents=True, exist_ok=True)
        convert_dataset(copy, full, ConvertOptions(splits=_SPLITS))
    if not tiles.exists():
        tile_dataset(full, tiles, _TILES)
    found = data_fingerprint(tiles)
    typer.echo(f"{tiles}: fingerprint {found}")
    if found != TILES_FINGERPRINT:
        typer.echo(
            f"The table's tiles have {TILES_FINGERPRINT}. Another version of DeepPCB, or of the "
            "libraries that decode and encode images, makes other files; networks trained on "
            "these go into a table of their own.",
            err=True,
        )
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
