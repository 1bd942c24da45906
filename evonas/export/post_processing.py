"""Detectors as TFLite files that end in boxes: written, and read without torch."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evonas.errors import SchemaError
from evonas.export.litert import Floats, as_given, open_interpreter
from evonas.graph.detection import PostProcessing, read_post_processing, write_detection_tflite
from evonas.graph.tflite_metadata import detection_metadata, with_labels

if TYPE_CHECKING:
    from evonas.detector import Protocol
    from evonas.detector.archive import Archive
    from evonas.space import Skeleton

_INPUTS = (np.float32, np.uint8, np.int8)


def export_detection_tflite(
    archive: "Archive", ranges: Mapping[str, tuple[float, float]] | None = None
) -> bytes:
    """Writes a detector as a TFLite file with post-processing, metadata and labels.

    Args:
        archive: The detector; its card says how to detect.
        ranges: Of all tensors for int8, as `calibrated_ranges` gives them; None for float32.

    Returns:
        A file that takes one image (1, size, size, 3), float32 from -1 to 1 or uint8, and gives
        boxes (1, most, 4) as top, left, bottom, right from 0 to 1, classes, scores (1, most) and
        their number (1,).

    Raises:
        MissingPackageError: LiteRT is not installed.
    """
    from evonas.export.weights import detector_weights

    card, architecture = archive.card, archive.detector.architecture
    metadata = detection_metadata(
        f"evonas {card.architecture}",
        f"Objects of {len(card.classes)} classes in RGB images, {operator_protocol(archive)}",
        card.mean,
        card.std,
        (-1.0, 1.0) if ranges is None else (0.0, 255.0),
    )
    tflite = write_detection_tflite(
        architecture,
        detector_weights(archive.detector),
        operator_anchors(architecture.skeleton),
        operator_options(archive),
        "fp32" if ranges is None else "int8",
        ranges,
        metadata,
    )
    return with_labels(tflite, card.classes)


def operator_anchors(skeleton: "Skeleton") -> Floats:
    """Returns anchors (n_anchors, 4) as centre y, centre x, height, width, from 0 to 1."""
    from evonas.detector import anchor_boxes

    x1, y1, x2, y2 = (anchor_boxes(skeleton) / skeleton.image_size).double().numpy().T
    return np.stack([(y1 + y2) / 2, (x1 + x2) / 2, y2 - y1, x2 - x1], 1).astype(np.float32)


def operator_options(archive: "Archive") -> PostProcessing:
    """Returns what the operator is told: the card's detection, as far as it can do that."""
    from evonas.detector.anchors import BOX_SCALES

    protocol = archive.card.detection
    centre, side = BOX_SCALES
    return PostProcessing(
        num_classes=len(archive.card.classes),
        max_detections=protocol.detections,
        detections_per_class=protocol.detections_per_class or protocol.detections,
        use_regular_nms=protocol.per_class,
        nms_score_threshold=float(protocol.score_threshold),
        nms_iou_threshold=float(protocol.iou_threshold),
        y_scale=centre,
        x_scale=centre,
        h_scale=side,
        w_scale=side,
    )


def operator_protocol(archive: "Archive") -> "Protocol":
    """Returns the protocol that an archive's file with post-processing holds."""
    return protocol_of(operator_options(archive))


def protocol_of(options: PostProcessing) -> "Protocol":
    """Returns what the operator does as a protocol: all anchors, clipped after suppression."""
    from evonas.detector import Protocol

    return Protocol(
        name="tflite",
        candidates=0,
        score_threshold=options.nms_score_threshold,
        iou_threshold=options.nms_iou_threshold,
        per_class=options.use_regular_nms,
        detections=options.max_detections,
        detections_per_class=options.detections_per_class if options.use_regular_nms else 0,
        clip="after",
    )


class DetectionFile:
    """A TFLite file with post-processing in LiteRT, one image at a time on one thread.

    Args:
        tflite: A file that ends in `TFLite_Detection_PostProcess`.
        image_size: Side of the images that it is expected to take.
        n_classes: How many classes it is expected to tell.

    Attributes:
        options: Of the operator.
        is_quantised: Whether it takes bytes.

    Raises:
        SchemaError: It is another file, or not what is expected.
        MissingPackageError: LiteRT is not installed.
    """

    def __init__(self, tflite: bytes, image_size: int, n_classes: int) -> None:
        options = read_post_processing(tflite)
        if options is None:
            raise SchemaError("holds no post-processing")
        if options.num_classes != n_classes:
            raise SchemaError(f"tells {options.num_classes} classes, its card names {n_classes}")
        self.options = options
        self._interpreter = open_interpreter(tflite)
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = self._interpreter.get_output_details()
        wanted = [1, image_size, image_size, 3]
        shape, kind = self._input["shape"].tolist(), self._input["dtype"]
        if shape != wanted or kind not in _INPUTS or len(self._outputs) != 4:
            raise SchemaError(
                f"takes {kind.__name__} {shape} and gives {len(self._outputs)} outputs; expected "
                f"{wanted} and four outputs"
            )
        self.is_quantised = kind is not np.float32
        self._size, self._n_classes = image_size, n_classes

    def find(self, image: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """Returns boxes (k, 4) as x1, y1, x2, y2 in pixels, scores and labels (k,), best first.

        Boxes are clipped to the image, as the operator does not; one that lies outside has no area.

        Args:
            image: (3, size, size) from -1 to 1.

        Raises:
            SchemaError: The file tells of classes that there are not.
        """
        pixels = np.ascontiguousarray(image.transpose(1, 2, 0)[None])
        self._interpreter.set_tensor(self._input["index"], as_given(pixels, self._input))
        self._interpreter.invoke()
        boxes, classes, scores, number = (self._output(i) for i in range(4))
        count = int(number.reshape(-1)[0])
        labels = classes[0, :count].astype(np.int64)
        if not ((labels >= 0) & (labels < self._n_classes)).all():
            raise SchemaError("tells of classes that its card does not name")
        corners = boxes[0, :count][:, [1, 0, 3, 2]].clip(0, 1) * np.float32(self._size)
        return corners, scores[0, :count], labels

    def _output(self, place: int) -> Any:
        return self._interpreter.get_tensor(self._outputs[place]["index"])
