"""Decodes the image files that people have into 8-bit RGB."""

import struct
import warnings
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

# Pillow warns on its own from 89 million pixels on, on stderr; ours are refused below.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# Of Pillow's formats those that people keep photographs in; others start programs (EPS) or hold
# no pixels of their own.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "JPEG2000")
_NO_RANGE = "floating-point pixels have no known range; 8 or 16 bits are required"
_STRIP = 256  # rows of a 16-bit image that are scaled at once

# What Pillow raises for files that are no image, cut off or damaged.
_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
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
        with Image.open(path, formats=FORMATS) as stored:
            _check_pixels(path, stored)
            as_stored = stored.size == size != _upright_size(stored)
            image = _to_rgb(stored if as_stored else _upright(stored))
    except Image.DecompressionBombError:
        raise DataError(
            f"{path}: image {image_id} is too large; at most {MAX_PIXELS:,} pixels are allowed"
        ) from None
    except _DECODING_ERRORS as error:
        raise DataError(f"{path}: image {image_id} cannot be decoded: {error}") from error
    if image.size != size:
        raise DataError(
            f"{path}: image {image_id} is {image.size[0]}x{image.size[1]} pixels, "
            f"but the annotations say {size[0]}x{size[1]}"
        )
    return image


def why_unusable(path: Path, image_id: int, size: tuple[int, int]) -> str | None:
    """Returns why `read_image` would refuse a file, or None; it is decoded but not converted."""
    try:
        if size in image_sizes(path):
            return None
    except DataError:
        pass  # said below, with the image's id
    try:
        read_image(path, image_id, size)
    except DataError as error:
        return str(error)
    return None


def open_image(
    source: Path | BinaryIO, formats: tuple[str, ...] = FORMATS, most_pixels: int = 0
) -> Image.Image:
    """Reads any image as 8-bit RGB, upright as viewers show it.

    Args:
        source: The file, or its content.
        formats: Pillow's names of the formats allowed; `FORMATS` by default.
        most_pixels: The most pixels allowed, known before any is decoded; 0 for `MAX_PIXELS`.

    Raises:
        DataError: The file cannot be decoded, or is larger than allowed.
    """
    name = source if isinstance(source, Path) else "the image"
    try:
        with Image.open(source, formats=formats) as stored:
            _check_pixels(name, stored, most_pixels)
            return _to_rgb(_upright(stored))
    except UnidentifiedImageError:
        allowed = ", ".join(formats)
        raise DataError(f"{name}: cannot be decoded as an image; allowed are {allowed}") from None
    except Image.DecompressionBombError:
        raise DataError(
            f"{name}: it is too large; at most {MAX_PIXELS:,} pixels are allowed"
        ) from None
    except _DECODING_ERRORS as error:
        raise DataError(f"{name}: cannot be decoded as an image: {error}") from error


def image_sizes(path: Path) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns an image's width and height as stored, and as viewers show it; it is decoded once.

    Raises:
        DataError: The file cannot be decoded, or has more than `MAX_PIXELS` pixels.
    """
    return _sizes(path, decode=True)


def header_size(path: Path) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns the same without decoding the image.

    Raises:
        DataError: The file is no image.
    """
    return _sizes(path, decode=False)


def _sizes(path: Path, decode: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    try:
        with Image.open(path, formats=FORMATS) as stored:
            _check_pixels(path, stored)
            sizes = stored.size, _upright_size(stored)
            if stored.mode == "F":
                raise ValueError(_NO_RANGE)
            if decode:
                stored.load()
    except UnidentifiedImageError:
        raise DataError(f"{path}: cannot be decoded as an image") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Image.DecompressionBombError:
        raise DataError(
            f"{path}: it is too large; at most {MAX_PIXELS:,} pixels are allowed"
        ) from None
    except _DECODING_ERRORS as error:
        raise DataError(f"{path}: cannot be decoded as an image: {error}") from error
    return sizes


def _check_pixels(name: object, image: Image.Image, most: int = 0) -> None:
    """Refuses an image of too many pixels before any is decoded."""
    most = most or MAX_PIXELS
    if image.width * image.height > most:
        raise DataError(
            f"{name}: {image.width}x{image.height} is too large; "
            f"at most {most:,} pixels are allowed"
        )


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


def _upright(image: Image.Image) -> Image.Image:
    """Returns an image as viewers show it; itself where it is stored so, to save a copy."""
    turned = image.getexif().get(_ORIENTATION, 1) != 1
    return ImageOps.exif_transpose(image) if turned else image


def _upright_size(image: Image.Image) -> tuple[int, int]:
    on_its_side = image.getexif().get(_ORIENTATION, 1) in _TURNED
    return (image.height, image.width) if on_its_side else image.size


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits, which Pillow would clip rather than scale
        image = Image.fromarray(_scaled_to_bytes(np.asarray(image)))
    if image.mode == "F":
        raise ValueError(_NO_RANGE)
    if "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")


def _scaled_to_bytes(pixels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Returns 16-bit pixels (h, w) as 8-bit ones; some rows at a time, for the sake of memory."""
    scaled = np.empty(pixels.shape, np.uint8)
    for first in range(0, len(pixels), _STRIP):
        strip = pixels[first : first + _STRIP].astype(np.int32).clip(0, 65535)
        scaled[first : first + _STRIP] = (strip + 128) // 257
    return scaled
