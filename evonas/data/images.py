"""Decodes the image files that people have into 8-bit RGB."""

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from evonas.errors import DataError, MissingPackageError
from evonas.limits import MAX_PIXELS

try:
    from PIL import Image, ImageOps, UnidentifiedImageError
except ImportError as error:
    raise MissingPackageError("pillow", "train") from error

_ORIENTATION = 0x0112  # in EXIF data
_TURNED = (5, 6, 7, 8)  # its values of images that lie on their side

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
            _check_pixels(path, stored)
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
        most_pixels: The most pixels allowed, known before any is decoded; 0 for `MAX_PIXELS`.

    Raises:
        DataError: The file cannot be decoded, or is larger than allowed.
    """
    name = source if isinstance(source, Path) else "the image"
    try:
        with Image.open(source, formats=formats) as stored:
            _check_pixels(name, stored, most_pixels)
            return _to_rgb(ImageOps.exif_transpose(stored))
    except UnidentifiedImageError:
        allowed = f"; allowed are {', '.join(formats)}" if formats else ""
        raise DataError(f"{name}: cannot be decoded as an image{allowed}") from None
    except _DECODING_ERRORS as error:
        raise DataError(f"{name}: cannot be decoded as an image: {error}") from error


def image_sizes(path: Path) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns an image's width and height as stored, and as viewers show it; it is decoded once.

    Raises:
        DataError: The file cannot be decoded, or has more than `MAX_PIXELS` pixels.
    """
    try:
        with Image.open(path) as stored:
            _check_pixels(path, stored)
            stored.load()
            turned = stored.getexif().get(_ORIENTATION, 1) in _TURNED
            width, height = stored.size
    except UnidentifiedImageError:
        raise DataError(f"{path}: cannot be decoded as an image") from None
    except _DECODING_ERRORS as error:
        raise DataError(f"{path}: cannot be decoded as an image: {error}") from error
    return (width, height), (height, width) if turned else (width, height)


def _check_pixels(name: object, image: Image.Image, most: int = 0) -> None:
    """Refuses an image of too many pixels before any is decoded."""
    most = most or MAX_PIXELS
    if image.width * image.height > most:
        raise DataError(
            f"{name}: {image.width}x{image.height} pixels; at most {most:,} are allowed"
        )


def resized_pixels(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """Returns the pixels, (3, side, side), resized bilinearly (and antialiased) if they must be."""
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(image).transpose(2, 0, 1)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits, which Pillow would clip rather than scale
        pixels = np.asarray(image).astype(np.int64).clip(0, 65535)
        image = Image.fromarray(((pixels + 128) // 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range; 8 or 16 bits are needed")
    if "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")
