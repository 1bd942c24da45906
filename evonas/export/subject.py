"""What can be evaluated: an archive, a run, an export's folder, an ONNX or a TFLite file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from evonas.detector import Detections, Protocol, anchor_boxes, postprocess
from evonas.detector.archive import Card, load_archive, read_card
from evonas.errors import EvonasError, SchemaError
from evonas.export.located import ARCHIVES, locate_detector
from evonas.files import read_json
from evonas.graph.detection import read_post_processing
from evonas.limits import read_regular
from evonas.space import Architecture

_MOST_BYTES = 512 << 20  # of a file

Outputs = Callable[[Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True, slots=True)
class Subject:
    """A detector in any form.

    Attributes:
        file: Where it is.
        format: `archive`, or that of an exported file; see `evonas.export.produce.FORMATS`.
        card: What it says of itself.
        image_size: Side of its input.
        finder: Makes of a protocol what finds objects in float32 images (n, 3, size, size) from
            -1 to 1.
        fixed: The protocol that the file itself holds; None where any can be applied.
    """

    file: Path
    format: str
    card: Card
    image_size: int
    finder: Callable[[Protocol], Callable[[Tensor], Detections]]
    fixed: Protocol | None = None


def open_subject(path: Path) -> Subject:
    """Opens a detector.

    Args:
        path: An archive; the folder of a run or an export; or an exported `.onnx` or `.tflite`
            file, beside the `card.json` that `evonas export` wrote.

    Raises:
        SchemaError: It is missing, cannot be read, or is not what its card says.
        MissingPackageError: The file's runtime is not installed.
    """
    path = locate_detector(path, ARCHIVES)
    if path.stat().st_size > _MOST_BYTES:
        raise SchemaError(f"{path}: larger than {_MOST_BYTES >> 20} MiB")
    if path.suffix in (".onnx", ".tflite"):
        return _exported(path)
    archive = load_archive(path)
    detector = archive.detector.folded()
    finder = _finder(detector, detector.architecture)
    return Subject(path, "archive", archive.card, archive.image_size, finder)


def _exported(path: Path) -> Subject:
    card, architecture = card_beside(path)
    size = architecture.skeleton.image_size
    n_anchors, slots = len(anchor_boxes(architecture.skeleton)), len(card.classes)
    if path.suffix == ".tflite":
        content = read_regular(path, None)
        with _told(path):
            ends_in_boxes = read_post_processing(content) is not None
        if ends_in_boxes:
            return _post_processed(path, card, size)
        from evonas.export.tflite import TFLiteDetector

        run = _opened(path, lambda content: TFLiteDetector(content, slots))
        kind = "tflite-int8" if run.is_int8() else "tflite"
        finder = _finder(_guarded(path, run), architecture, n_anchors, slots)
        return Subject(path, kind, card, size, finder)
    from evonas.export.onnx import OnnxDetector

    onnx = _opened(path, OnnxDetector)
    if onnx.names == ("codes", "logits"):
        finder = _finder(_guarded(path, onnx), architecture, n_anchors, slots)
        return Subject(path, "onnx", card, size, finder)
    if onnx.names != ("boxes", "scores", "labels"):
        raise SchemaError(f"{path}: not an exported detector: its outputs are {onnx.names}")

    def find(images: Tensor) -> Detections:
        with _told(path):
            boxes, scores, labels = onnx(images)
        return Detections(boxes, scores, labels)

    return Subject(path, "onnx-nms", card, size, lambda _: find, card.detection)


def _post_processed(path: Path, card: Card, size: int) -> Subject:
    from evonas.export.detection_file import TorchDetectionFile

    file = _opened(path, lambda content: TorchDetectionFile(content, size, len(card.classes)))

    def find(images: Tensor) -> Detections:
        with _told(path):
            return Detections(*file(images))

    kind = "tflite-int8-post" if file.is_quantised else "tflite-post"
    return Subject(path, kind, card, size, lambda _: find, file.protocol)


def _finder(
    outputs: Outputs, architecture: Architecture, n_anchors: int = 0, slots: int = 0
) -> Callable[[Protocol], Callable[[Tensor], Detections]]:
    skeleton = architecture.skeleton
    anchors = anchor_boxes(skeleton)

    def make(protocol: Protocol) -> Callable[[Tensor], Detections]:
        def find(images: Tensor) -> Detections:
            codes, logits = outputs(images)
            if n_anchors and (codes.shape[1:] != (n_anchors, 4) or logits.shape[2] != slots):
                raise SchemaError(
                    f"the file gives {tuple(codes.shape)} and {tuple(logits.shape)}, its card "
                    f"says {n_anchors} anchors and {slots} classes"
                )
            return postprocess(codes, logits, anchors, skeleton.image_size, protocol)

        return find

    return make


def _guarded(path: Path, run: Outputs) -> Outputs:
    def guarded(images: Tensor) -> tuple[Tensor, Tensor]:
        with _told(path):
            codes, logits = run(images)
        return codes, logits

    return guarded


def _opened(path: Path, kind: Callable[[bytes], Any]) -> Any:
    """Opens a file in its runtime."""
    with _told(path):
        return kind(read_regular(path, None))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turns what a runtime raises into one message; runtimes have no common root of errors."""
    try:
        yield
    except SchemaError as error:
        named = str(error).startswith(str(path))
        raise (error if named else SchemaError(f"{path}: {error}")) from error
    except EvonasError:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise SchemaError(f"{path}: cannot be run ({reason})") from error


def card_beside(path: Path) -> tuple[Card, Architecture]:
    """Reads the `card.json` beside an exported file: the card and its architecture.

    Raises:
        SchemaError: It is missing or damaged.
    """
    card_file = path.parent / "card.json"
    content = read_json(card_file, "the card that `evonas export` writes beside its files")
    known = {entry.name for entry in fields(Card)} | {"score_threshold", "iou_threshold"}
    try:
        return read_card({name: content[name] for name in known & content.keys()})
    except SchemaError as error:
        raise SchemaError(f"{card_file}: {error}") from error
