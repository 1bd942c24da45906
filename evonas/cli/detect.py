"""`evonas detect`: objects in images."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonas.cli.options import number_option
from evonas.cli.output import AsJson, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from evonas.data.drawing import Found


def detect(
    archive: Annotated[
        Path, typer.Argument(help="A detector's .safetensors archive, or its detector-nms.onnx.")
    ],
    images: Annotated[list[Path], typer.Argument(help="Image files of any size and mode.")],
    threshold: Annotated[float, number_option("Least score.", 0, 1)] = 0.5,
    out: Annotated[
        Path | None, typer.Option(help="Folder for drawn images; with --json none by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find objects in images and draw them; boxes are in pixels of the upright image."""
    from evonas.data.drawing import draw

    find = _detector(archive, threshold)
    found = []
    folder = out or (None if as_json else Path("detections"))
    for path in images:
        image, objects = find(path)
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


def _detector(
    archive: Path, threshold: float
) -> "Callable[[Path], tuple[Image.Image, list[Found]]]":
    """Returns what finds objects in a file: in ONNX Runtime for an exported one, else in torch."""
    if archive.suffix == ".onnx":
        from evonas.data.images import open_image
        from evonas.export.runtime import ExportedDetector

        exported = ExportedDetector(archive)

        def in_runtime(path: Path) -> "tuple[Image.Image, list[Found]]":
            image = open_image(path)
            return image, exported.detect(image, threshold)

        return in_runtime
    from evonas.detector.archive import load_archive
    from evonas.export.detect import detect_in_file

    loaded = load_archive(archive)
    return lambda path: detect_in_file(loaded, path, threshold)
