"""`evonas import`: published weights as an archive."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from evonas.cli.output import AsJson, print_json

_SHOWN = 8


def import_(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE_OR_FOLDER",
            help="A TensorFlow 1 checkpoint, a TFLite file, or a folder or tarball with either.",
        ),
    ],
    name: Annotated[
        str,
        typer.Option(
            "--as", help="mobiledet-cpu, mobiledet-dsp, mobiledet-edgetpu or mobiledet-gpu."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the archive.")],
    member: Annotated[
        str, typer.Option(help="Which file of the folder or tarball, where there are several.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Read a published network's weights into an archive with COCO's 80 classes.

    `evonas train` fine-tunes it (--init), `evonas val`, `export` and `detect` take it as it is.
    """
    from evonas.detector.archive import save_archive
    from evonas.errors import ConfigurationError
    from evonas.files import check_folder
    from evonas.weights import import_weights

    path = out / f"{name}.safetensors"
    check_folder(out)
    if path.exists():
        raise ConfigurationError(f"{path}: exists already; name another folder with --out")
    imported = import_weights(source, name, member)
    save_archive(path, imported.archive)
    card = imported.archive.card
    result: dict[str, Any] = {
        "archive": str(path),
        "architecture": name,
        "file": imported.file,
        "format": imported.format,
        "classes": len(card.classes),
        "averaged": imported.averaged,
        "left_out": list(imported.left_out),
        "resizing": card.resizing,
        "protocol": card.protocol.as_dict(),
    }
    if as_json:
        print_json(result)
        return
    typer.echo(f"{path}: {name} from {imported.file}, {len(card.classes)} classes of COCO")
    if imported.averaged:
        typer.echo(f"  {imported.averaged} values are their exponential averages")
    if imported.left_out:
        shown = ", ".join(ascii(entry)[1:-1] for entry in imported.left_out[:_SHOWN])
        more = len(imported.left_out) - _SHOWN
        typer.echo(f"  left out: {shown}" + (f" and {more} more" if more > 0 else ""))
    typer.echo(f"  images are resized as TensorFlow 1 does; evaluated as {card.protocol}")
    typer.echo(
        f"  fine-tune it: evonas train {name} --recipe mobiledet-small-data --init "
        f"{shlex.quote(str(path))} --data DATA --out RUN"
    )
