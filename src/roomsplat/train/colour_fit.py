"""Colour maps applied, and the affine one that brings one picture closest to another; against the namespace ``xp``.

A map is (3, 5), columns [A | b | q]: channel k becomes the sum over j of A_kj c_j, plus b_k + q_k c_k².
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.render.base import Array

_RIDGE = 1e-6
"""Of a pixel's weight, in favour of changing nothing: decides for pictures of one colour, and is not seen elsewhere."""


def fitted_colour(xp: Any, image: Array, reference: Array) -> NDArray[np.float64]:
    """(3, 5) [A | b | 0] that makes A image + b closest to ``reference`` in least squares; both (h, w, 3)."""
    pixels = image.reshape(-1, 3).astype(xp.float64)
    wanted = reference.reshape(-1, 3).astype(xp.float64)
    given = xp.concatenate([pixels, xp.ones_like(pixels[:, :1])], axis=1)
    columns = [given[:, k] for k in range(4)]
    system = np.array([[float((a * b).mean()) for b in columns] for a in columns])
    right = np.array([[float((a * wanted[:, c]).mean()) for a in columns] for c in range(3)])
    system += _RIDGE * np.eye(4)
    right += _RIDGE * np.eye(3, 4)
    return np.column_stack([np.linalg.solve(system, right.T).T, np.zeros(3)])


def recoloured(xp: Any, image: Array, colour: NDArray[np.floating]) -> Array:
    """(h, w, 3) ``image`` through (3, 5) ``colour``."""
    red, green, blue = (image[..., k, None] for k in range(3))
    rows = [xp.asarray(colour[:, k], image.dtype) for k in range(5)]
    return rows[0] * red + rows[1] * green + rows[2] * blue + rows[3] + rows[4] * image * image
