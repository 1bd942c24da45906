"""Images that a browser sends: what is let in."""

import io
from typing import TYPE_CHECKING

from evonas.data.images import open_image
from evonas.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES, MOST_PIXELS = 10 * 2**20, 24_000_000
FORMATS = ("PNG", "JPEG", "WEBP")


def read_upload(content: bytes) -> "Image":
    """Returns the image of an upload as 8-bit RGB, upright.

    The content decides what it is, not the name that was sent with it.

    Raises:
        DataError: Too large, of another format, or damaged.
    """
    if len(content) > MOST_BYTES:
        raise DataError(
            f"the image has {len(content) / 2**20:.1f} MB; at most {MOST_BYTES >> 20} MB are "
            "allowed"
        )
    return open_image(io.BytesIO(content), FORMATS, MOST_PIXELS)
