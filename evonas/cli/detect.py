"""`evonas detect`: objects in images."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonas.cli.options import count_option, number_option, overlap_of_tiles, overlap_option
from evonas.cli.output import AsJson, print_json
from evonas.errors import EvonasError
from evonas.limits import listed, printable, printable_lines

if TYPE_CHECKING:
    from PIL import Image

    from evonas.data.drawing import Found
    from evonas.export.runtime import ImageDetector

# What a single image can be the cause of; the others are done all the same.
_ONE_IMAGE = (EvonasError, OSError, MemoryError)
_SOFTWARE = "evonas detect"  # in the PNG's text, by which our own files are known


@dataclass(frozen=True, slots=True)
class _Wanted:
    """How images are looked at."""

    threshold: float
    tile: int | None
    overlap: float


def detect(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="A .safetensors archive, a run's or an export's folder, or an exported .onnx or "
            ".tflite file with its card.json beside it.",
        ),
    ],
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE...", help="Image files, folders of them, or quoted patterns."
        ),
    ],
    threshold: Annotated[float, number_option("Lowest score to report.", 0, 1)] = 0.5,
    tile: Annotated[
        int | None,
        count_option("Look at tiles of this many pixels, for images with small objects.", 8),
    ] = None,
    overlap: Annotated[float | None, overlap_option()] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for drawn images; with --json none by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find objects in images and draw them; boxes are in pixels of the upright image.

    No file is written over but drawings of an earlier call, which are not looked at as images of
    a folder. Images that cannot be read are reported at the end, with exit code 3; the others are
    done.
    """
    from evonas.cli.interrupts import keeps
    from evonas.data.coco_folder import check_outside_data
    from evonas.export.image_files import find_images, output_paths
    from evonas.export.load import load_detector
    from evonas.files import check_folder

    wanted = _Wanted(threshold, tile, overlap_of_tiles(tile, overlap))
    folder = out or (None if as_json else Path("detections"))
    if folder is not None:
        check_folder(folder)
        check_outside_data(folder)
    detector = load_detector(model)
    files = find_images(images, _is_ours)
    drawn: Sequence[Path | None] = [None] * len(files)
    if folder is not None:
        drawn = output_paths(files, folder, _is_ours)
    entries: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    codes: set[int] = set()
    with keeps(lambda: _kept(folder, len(entries), len(files))):
        for path, target in zip(files, drawn, strict=True):
            try:
                entry = _detect_one(detector, path, target, wanted)
            except _ONE_IMAGE as error:
                failed.append({"image": str(path), "error": str(error)})
                codes.add(error.exit_code if isinstance(error, EvonasError) else 1)
                continue
            entries.append(entry)
            if not as_json:
                names = ", ".join(
                    f"{listed([item['name']])} {item['score']:.2f}" for item in entry["detections"]
                )
                where = f"  -> {printable(entry['drawn'])}" if "drawn" in entry else ""
                typer.echo(f"{printable(path)}: {names or 'nothing'}{where}")
    if as_json:
        result = {"archive": str(model), "threshold": threshold, "images": entries}
        print_json({**result, "failed": failed})
    if failed:
        _report(failed, len(files))
        raise typer.Exit(codes.pop() if len(codes) == 1 else 1)


def _detect_one(
    detector: "ImageDetector", path: Path, target: Path | None, wanted: _Wanted
) -> dict[str, Any]:
    from evonas.data.images import open_image

    image = open_image(path)
    if wanted.tile is None:
        objects = detector.detect(image, wanted.threshold)
    else:
        from evonas.export.detect import detect_on_tiles

        objects = detect_on_tiles(detector, image, wanted.threshold, wanted.tile, wanted.overlap)
    entry: dict[str, Any] = {
        "image": str(path),
        "width": image.width,
        "height": image.height,
        "detections": [asdict(item) for item in objects],
    }
    if target is not None:
        _draw(image, objects, target)
        entry["drawn"] = str(target)
    return entry


def _draw(image: "Image.Image", objects: "list[Found]", path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    from evonas.data.drawing import draw
    from evonas.files import atomic_file

    info = PngInfo()
    info.add_text("Software", _SOFTWARE)
    with atomic_file(path) as file:
        draw(image, objects).save(file, "PNG", pnginfo=info)


def _is_ours(path: Path) -> bool:
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as found:
            return found.info.get("Software") == _SOFTWARE
    except (OSError, ValueError, SyntaxError):
        return False


def _kept(folder: Path | None, done: int, total: int) -> str:
    where = "" if folder is None else f"; their drawings are in {folder}"
    return f"{done} of {total} images are done{where}"


def _report(failed: list[dict[str, str]], total: int) -> None:
    """Lists the images that could not be done, on stderr."""
    typer.echo(f"{len(failed)} of {total} images failed:", err=True)
    for entry in failed:
        typer.echo(f"  {printable_lines(entry['error'])}", err=True)
