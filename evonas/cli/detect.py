"""`evonas detect`: objects in images."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from evonas.cli.output import AsJson, print_json


def detect(
    archive: Annotated[Path, typer.Argument(help="A detector's .safetensors archive.")],
    images: Annotated[list[Path], typer.Argument(help="Image files of any size and mode.")],
    threshold: Annotated[float, typer.Option(min=0, max=1, help="Least score.")] = 0.5,
    out: Annotated[
        Path | None, typer.Option(help="Folder for drawn images; with --json none by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find objects in images and draw them; boxes are in pixels of the upright image."""
    from evonas.detector.archive import load_archive
    from evonas.export.detect import detect_in_file, draw

    detector = load_archive(archive)
    found = []
    folder = out or (None if as_json else Path("detections"))
    for path in images:
        image, objects = detect_in_file(detector, path, threshold)
        entry: dict[str, Any] = {
            "image": str(path),
            "width": image.width,
            "height": image.height,
            "detections": [asdict(item) for item in objects],
        }
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            entry["drawn"] = str(folder / f"{path.stem}.png")
            draw(image, objects).save(entry["drawn"])
        found.append(entry)
        if not as_json:
            names = ", ".join(f"{item.name} {item.score:.2f}" for item in objects) or "nothing"
            typer.echo(f"{path}: {names}  -> {entry.get('drawn')}")
    if as_json:
        print_json({"archive": str(archive), "threshold": threshold, "images": found})
