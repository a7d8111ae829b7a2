"""What every engine does on the host, because it is done once a run."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.gaussians import Gaussians

Float = NDArray[np.float32]


def padded_harmonics(gaussians: Gaussians, sh_degree: int) -> Float:
    """(n, (sh_degree + 1)², 3) harmonics: those of ``gaussians``, cut or filled with zeros."""
    coefficients = (sh_degree + 1) ** 2
    kept = min(gaussians.sh.shape[1], coefficients)
    sh = np.zeros((len(gaussians), coefficients, 3), np.float32)
    sh[:, :kept] = gaussians.sh[:, :kept]
    return sh


def nearest_distances(points: Float, k: int, *, workers: int) -> Float:
    """(n, k) distances to the k nearest other points of (n, 3), ascending; infinite where there are fewer.

    ``workers``: threads, -1 for all cores. 30,000 points take 40 ms.
    """
    if len(points) == 0:
        return np.zeros((0, k), np.float32)
    from scipy.spatial import KDTree  # noqa: PLC0415 - takes 0.3 s to import, and a renderer needs none

    distances, _ = KDTree(points).query(points, k=k + 1, workers=workers)
    return np.ascontiguousarray(np.asarray(distances, np.float32)[:, 1:])
