"""How close a mesh is to the truth: precision, recall and F-score of points on both (Knapitsch et al. 2017).

Only what the film shows counts. A point of the truth counts if at least two cameras see it: inside the picture,
nearer than 2 cm to what the exact depth says is first along the line of sight, the surface turned at least 10° towards
the camera. Every point of the mesh counts that lies in the room's box, 30 cm wider on every side: what is invented in
places that no camera saw is wrong, what is seen through the windows is not asked.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from roomsplat.core.cameras import Cameras
from roomsplat.core.mesh import TriangleMesh

Float = NDArray[np.float32]
Double = NDArray[np.float64]

QUERIES = 100_000
"""Points that are asked for their distance, on either surface."""
DENSE = 1_500_000
"""Points that stand for the other surface: 1 cm apart on the 150 to 300 m² of a room, so distances are 2 to 3 mm too
long where they matter."""
LEAST_VIEWS = 2
SEEN_WITHIN = 0.02
LEAST_SLOPE = 0.17
MARGIN = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshScore:
    """One mesh beside the truth."""

    precision: float
    """Share of the mesh's points within the tolerance of a visible point of the truth, or of a hidden one."""
    recall: float
    """Share of the truth's visible points within the tolerance of the mesh."""

    @property
    def f_score(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


def sample_surface(mesh: TriangleMesh, count: int, seed: int) -> tuple[Double, Double]:
    """(count, 3) points spread evenly over the area, and the unit normals there."""
    random, areas = np.random.default_rng(seed), mesh.areas().astype(np.float64)
    face = random.choice(len(areas), count, p=areas / areas.sum())
    share: Double = random.random((2, count, 1))
    share = np.where(share.sum(axis=0) > 1, 1 - share, share)  # the other half of the square folded over
    u, v = share[0], share[1]
    a, b, c = mesh.corners()[face].astype(np.float64).transpose(1, 0, 2)
    return a + u * (b - a) + v * (c - a), mesh.face_normals()[face].astype(np.float64)


def count_views(points: Double, normals: Double, cameras: Cameras, depths: list[Float]) -> NDArray[np.int64]:
    """(n,) how many cameras see each point."""
    seen = np.zeros(len(points), np.int64)
    for i, depth in enumerate(depths):
        pose, (fx, fy, cx, cy) = cameras.cam_from_world[i].astype(np.float64), cameras.intrinsics[i]
        local = points @ pose[:3, :3].T + pose[:3, 3]
        z = np.maximum(local[:, 2], 1e-6)
        x, y = np.floor(local[:, 0] / z * fx + cx), np.floor(local[:, 1] / z * fy + cy)
        inside = (local[:, 2] > 0.05) & (x >= 0) & (x < cameras.width) & (y >= 0) & (y < cameras.height)
        there = np.zeros(len(points))
        there[inside] = depth[y[inside].astype(int), x[inside].astype(int)]
        away = local / np.linalg.norm(local, axis=1, keepdims=True)
        slope = np.abs(np.einsum("ni,ni->n", away, normals @ pose[:3, :3].T))
        # A pixel's depth differs over the pixel by its size over the slope.
        slack = SEEN_WITHIN + 0.7 * z / fx / np.maximum(slope, LEAST_SLOPE)
        seen += inside & (slope > LEAST_SLOPE) & (np.abs(there - z) < slack)
    return seen


def score_mesh(
    mesh: TriangleMesh,
    truth: TriangleMesh,
    cameras: Cameras,
    depths: list[Float],
    tolerances: tuple[float, ...],
) -> dict[float, MeshScore]:
    """Precision and recall at every tolerance, in metres.

    Args:
        mesh: what was reconstructed, in the truth's coordinates.
        truth: the exact surface.
        cameras: of the film.
        depths: per camera (h, w) the exact depth.
        tolerances: in metres.
    """
    real, normals = sample_surface(truth, DENSE, 0)
    asked, slopes = real[:QUERIES], normals[:QUERIES]  # the samples come in random order
    visible = asked[count_views(asked, slopes, cameras, depths) >= LEAST_VIEWS]
    found, _ = sample_surface(mesh, DENSE, 1)
    low, high = truth.vertices.min(axis=0) - MARGIN, truth.vertices.max(axis=0) + MARGIN
    found = found[np.all((found > low) & (found < high), axis=1)]
    to_truth = np.asarray(KDTree(real).query(found[:QUERIES], workers=-1)[0])
    to_mesh = np.asarray(KDTree(found).query(visible, workers=-1)[0])
    return {
        t: MeshScore(precision=float((to_truth < t).mean()), recall=float((to_mesh < t).mean()))
        for t in tolerances
    }
