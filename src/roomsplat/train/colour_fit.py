"""The affine colour map that brings one picture closest to another, written once against the namespace ``xp``."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.render.base import Array

_RIDGE = 1e-6
"""Of a pixel's weight, in favour of changing nothing: decides for pictures of one colour, and is not seen elsewhere."""


def fitted_colour(xp: Any, image: Array, reference: Array) -> NDArray[np.float64]:
    """(3, 4) [A b] that makes A image + b closest to ``reference`` in least squares; both (h, w, 3)."""
    pixels = image.reshape(-1, 3).astype(xp.float64)
    wanted = reference.reshape(-1, 3).astype(xp.float64)
    given = xp.concatenate([pixels, xp.ones_like(pixels[:, :1])], axis=1)
    columns = [given[:, k] for k in range(4)]
    system = np.array([[float((a * b).mean()) for b in columns] for a in columns])
    right = np.array([[float((a * wanted[:, c]).mean()) for a in columns] for c in range(3)])
    system += _RIDGE * np.eye(4)
    right += _RIDGE * np.eye(3, 4)
    return np.linalg.solve(system, right.T).T


def recoloured(xp: Any, image: Array, colour: NDArray[np.floating]) -> Array:
    """(h, w, 3) ``image`` through (3, 4) ``colour``."""
    red, green, blue = (image[..., k, None] for k in range(3))
    rows = [xp.asarray(colour[:, k], image.dtype) for k in range(4)]
    return rows[0] * red + rows[1] * green + rows[2] * blue + rows[3]
