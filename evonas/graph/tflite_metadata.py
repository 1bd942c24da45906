"""What a TFLite file says of its tensors: TFLite's metadata, for detectors with post-processing.

MediaPipe, TFLite's task library and Android read it. The schema is TensorFlow's
`metadata_schema.fbs`, version 1.2; its few tables are written field by field, for no small package
ships it. Labels are a file in a ZIP archive that is appended to the network.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

NAME = "TFLITE_METADATA"  # of the buffer
LABELS = "labelmap.txt"
OUTPUTS = ("location", "category", "score", "number of detections")

_IDENTIFIER, _PARSER = b"M001", "1.2.0"
_RGB, _BOUNDARIES, _RATIO, _VALUE_LABELS = (np.int8(n) for n in (1, 1, 0, 3))
_FEATURE, _IMAGE, _BOX = (np.uint8(n) for n in (1, 2, 3))  # ContentProperties
_NORMALIZATION = np.uint8(1)  # ProcessUnitOptions
# Where left, top, right and bottom stand in a box of the operator.
_BOX_ORDER = np.array([1, 0, 3, 2], np.uint32)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table: its fields in the schema's order. A number's type is the field's; None is absent."""

    fields: tuple[Any, ...]


def detection_metadata(
    name: str, description: str, mean: float, std: float, pixel_range: tuple[float, float]
) -> bytes:
    """Returns the metadata of a detector that ends in `TFLite_Detection_PostProcess`.

    Args:
        name: Of the network.
        description: Of it, for people.
        mean: What is subtracted from the pixels' values 0 to 255.
        std: What they are then divided by.
        pixel_range: Least and largest value of the input tensor.
    """
    import flatbuffers

    low, high = pixel_range
    normalised = _Table((_floats(mean), _floats(std)))
    image = _Table(
        (
            "image",
            "RGB, stretched to the network's square",
            None,
            _Table((_IMAGE, _Table((_RGB, None)), None)),
            [_Table((_NORMALIZATION, normalised))],
            _Table((_floats(high), _floats(low))),
            None,
        )
    )
    boxes = _Table((_BOX, _Table((_BOX_ORDER, _BOUNDARIES, _RATIO)), _axis(2)))
    labels = _Table((LABELS, "Names of the classes, line by line", _VALUE_LABELS, None, None))
    outputs = [
        _output(0, "Boxes: top, left, bottom, right, from 0 to 1", boxes),
        _output(1, "Numbers of the classes, from 0", _feature(2), [labels]),
        _output(2, "Scores from 0 to 1", _feature(2)),
        _output(3, "How many detections there are", _feature(None)),
    ]
    groups = [_Table(("detection_result", list(OUTPUTS[:3])))]
    graph = _Table((None, None, [image], outputs, None, None, None, None, groups, None))
    model = _Table((name, description, None, [graph], None, None, None, _PARSER))
    builder = flatbuffers.Builder(1024)
    builder.Finish(_packed(builder, model), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def with_labels(tflite: bytes, classes: Sequence[str]) -> bytes:
    """Returns a file with the names of its classes appended, one a line, as readers expect."""
    content = "".join(" ".join(name.split()) + "\n" for name in classes)
    file = io.BytesIO(tflite)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(zipfile.ZipInfo(LABELS), content)  # of 1980: the same bytes each time
    return file.getvalue()


def _output(place: int, description: str, content: _Table, files: Any = None) -> _Table:
    return _Table((OUTPUTS[place], description, None, content, None, None, files))


def _feature(axis: int | None) -> _Table:
    return _Table((_FEATURE, _Table(()), None if axis is None else _axis(axis)))


def _axis(axis: int) -> _Table:
    return _Table((np.int32(axis), np.int32(axis)))


def _floats(value: float) -> Any:
    return np.array([value], np.float32)


def _packed(builder: Any, value: Any) -> int:
    """Writes a table, text or vector; returns where."""
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, np.ndarray):
        return int(builder.CreateNumpyVector(value))
    if isinstance(value, list):
        places = [_packed(builder, entry) for entry in value]
        builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            builder.PrependUOffsetTRelative(place)
        return int(builder.EndVector())
    assert isinstance(value, _Table)
    written = [
        field if field is None or isinstance(field, np.generic) else _packed(builder, field)
        for field in value.fields
    ]
    builder.StartObject(len(written))
    for slot, field in enumerate(written):
        if isinstance(field, np.uint8):
            builder.PrependUint8Slot(slot, int(field), 0)
        elif isinstance(field, np.int8):
            builder.PrependInt8Slot(slot, int(field), 0)
        elif isinstance(field, np.int32):
            builder.PrependInt32Slot(slot, int(field), 0)
        elif field is not None:
            builder.PrependUOffsetTRelativeSlot(slot, field, 0)
    return int(builder.EndObject())
