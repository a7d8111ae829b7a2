"""What a ray meets, found the slow way: every triangle, in double precision, straight from the plane equation."""

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]


def first_hit(triangles: NDArray[np.floating], origin: Double, direction: Double) -> tuple[int, float]:
    """(index or -1, distance in units of ``direction``) of the nearest of (t, 9) triangles (a corner, two edges)."""
    corner, edge1, edge2 = (np.asarray(triangles[:, k : k + 3], np.float64) for k in (0, 3, 6))
    # origin + s · direction = corner + b1 · edge1 + b2 · edge2, three equations for (s, b1, b2)
    matrices = np.stack([np.broadcast_to(-direction, corner.shape), edge1, edge2], axis=2)
    solvable = np.abs(np.linalg.det(matrices)) > 1e-14
    solution = np.linalg.solve(matrices[solvable], (origin - corner[solvable])[..., None])[..., 0]
    distance, b1, b2 = solution.T
    hit = (distance > 1e-9) & (b1 >= 0) & (b2 >= 0) & (b1 + b2 <= 1)
    if not hit.any():
        return -1, np.inf
    candidates = np.flatnonzero(solvable)[hit]
    best = int(np.argmin(distance[hit]))
    return int(candidates[best]), float(distance[hit][best])
