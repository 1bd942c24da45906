"""Decodes the image files that people have into 8-bit RGB."""

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from evonas.errors import DataError, MissingPackageError

try:
    from PIL import Image, ImageOps, UnidentifiedImageError
except ImportError as error:
    raise MissingPackageError("pillow", "train") from error

# What Pillow raises for files that are no image, cut off or damaged.
_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)


def read_image(path: Path, image_id: int, size: tuple[int, int]) -> Image.Image:
    """Reads an image as 8-bit RGB, upright as its annotations see it.

    Grey, palette, RGBA (the alpha is dropped), CMYK and 16-bit files are converted. The rotation
    in the EXIF data is applied unless only the stored pixels have the annotated size.

    Args:
        path: The file.
        image_id: The id in the annotations, for messages.
        size: Width and height that the annotations state.

    Raises:
        DataError: The file cannot be decoded, or has another size.
    """
    try:
        with Image.open(path) as stored:
            upright = ImageOps.exif_transpose(stored)
            image = _to_rgb(stored if stored.size == size != upright.size else upright)
    except _DECODING_ERRORS as error:
        raise DataError(f"{path}: image {image_id} cannot be decoded: {error}") from error
    if image.size != size:
        raise DataError(
            f"{path}: image {image_id} is {image.size[0]}x{image.size[1]} pixels, "
            f"but the annotations say {size[0]}x{size[1]}"
        )
    return image


def open_image(
    source: Path | BinaryIO, formats: tuple[str, ...] | None = None, most_pixels: int = 0
) -> Image.Image:
    """Reads any image as 8-bit RGB, upright as viewers show it.

    Args:
        source: The file, or its content.
        formats: Pillow's names of the formats allowed; all that it knows by default.
        most_pixels: The most pixels allowed, known before any is decoded; 0 for Pillow's limit.

    Raises:
        DataError: The file cannot be decoded, or is larger than allowed.
    """
    name = source if isinstance(source, Path) else "the image"
    try:
        with Image.open(source, formats=formats) as stored:
            if 0 < most_pixels < stored.width * stored.height:
                raise DataError(
                    f"{name}: {stored.width}x{stored.height} pixels; at most {most_pixels:,} "
                    "are allowed"
                )
            return _to_rgb(ImageOps.exif_transpose(stored))
    except UnidentifiedImageError:
        allowed = f"; allowed are {', '.join(formats)}" if formats else ""
        raise DataError(f"{name}: cannot be decoded as an image{allowed}") from None
    except _DECODING_ERRORS as error:
        raise DataError(f"{name}: cannot be decoded as an image: {error}") from error


def resized_pixels(
    image: Image.Image, side: int, resizing: str = "antialiased"
) -> NDArray[np.uint8]:
    """Returns the pixels, (3, side, side), resized bilinearly if they must be.

    Args:
        image: RGB.
        side: Of the square.
        resizing: `antialiased`, as Pillow does; or `tf1`, as TensorFlow 1 does: from the corner,
            without antialiasing, and rounded to whole numbers, which TensorFlow does not.
    """
    if image.size != (side, side):
        if resizing == "tf1":
            return _as_tensorflow_1(np.asarray(image), side).transpose(2, 0, 1)
        image = image.resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(image).transpose(2, 0, 1)


def _as_tensorflow_1(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Resizes (h, w, 3): pixel i of the result is at i * h / side of the source."""
    (top, bottom, down), (left, right, across) = (
        _neighbours(length, side) for length in pixels.shape[:2]
    )
    across = across[:, None]
    rows = []
    for upper, lower, share in zip(top, bottom, down, strict=True):  # little memory for any image
        pair = pixels[[upper, lower]].astype(np.float32)
        near = pair[:, left] + (pair[:, right] - pair[:, left]) * across
        rows.append(near[0] + (near[1] - near[0]) * share)
    resized: NDArray[np.uint8] = np.rint(np.stack(rows)).astype(np.uint8)
    return resized


def _neighbours(
    length: int, side: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Returns for each of `side` pixels the source's two, and how near the second one is."""
    place = np.arange(side, dtype=np.float32) * np.float32(length / side)
    low = np.floor(place).astype(np.int64)
    return low, np.minimum(low + 1, length - 1), place - low.astype(np.float32)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits, which Pillow would clip rather than scale
        pixels = np.asarray(image).astype(np.int64).clip(0, 65535)
        image = Image.fromarray(((pixels + 128) // 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range; 8 or 16 bits are needed")
    if "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")
