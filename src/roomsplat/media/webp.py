"""Tables of bytes as lossless WebP pictures, whose four channels are numbers and not colours."""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_FORMATS = ("WEBP", "PNG")  # a splat format may name other lossless kinds than its own; these two are met


def encode_lossless(table: NDArray[np.uint8]) -> bytes:
    """(h, w, 4) bytes to a WebP file that gives back every one, those below an alpha of 0 too."""
    packed = io.BytesIO()
    Image.fromarray(table, "RGBA").save(packed, "WEBP", lossless=True, exact=True, quality=75, method=4)
    return packed.getvalue()


def decode_lossless(content: bytes, *, max_pixels: int) -> NDArray[np.uint8]:
    """A WebP or PNG file to (h, w, 4) bytes; the size is looked at before anything is unpacked.

    Raises:
        ValueError: it is no such picture, is damaged, or has more than ``max_pixels``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own bound comes first
            with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
                width, height = picture.size
                if width * height > max_pixels:
                    raise ValueError(f"a picture of {width} x {height} where {max_pixels} pixels are enough")
                return np.asarray(picture.convert("RGBA"))
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(f"a picture that cannot be read ({error})") from error
