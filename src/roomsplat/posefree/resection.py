"""A camera's pose from points whose places are known: three at a time, then all that agree.

Three points give up to four poses (Grunert 1841, in the form of Haralick et al. 1994, section 3.1); random triples are
tried, and the pose that most points agree with is refined by iteratively reweighted least squares.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.transforms import RigidTransform

Double = NDArray[np.float64]

TRIPLES = 3000
"""Random triples: with a share of 12 % of right matches one of them is all right with a chance of 99 %."""
SCORED = 300
"""Matches that a first count looks at; the best poses are counted over all."""
FINALISTS = 20
ROUNDS = 12
STEPS = 3
"""Of refinement: matches are chosen anew between the rounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resection:
    """A pose and how well it is known."""

    cam_from_world: Double
    """(4, 4)."""
    inliers: NDArray[np.bool_]
    """(n,) matches that agree."""
    center_sigma: float
    """Standard deviation of the camera's place, along the direction in which it is known worst; world units."""
    angle_sigma: float
    """The same of its direction, in radians."""
    curvature: Double
    """(6, 6) how a twist moves what is seen, squared and in the mean: along which ways the pose is known well."""


def resect(
    points: Double, rays: Double, *, tolerance: float, seed: int, triples: int = TRIPLES
) -> Resection | None:
    """The pose from which (n, 3) points are seen along (n, 2) rays on the plane z = 1; ``None`` where none is found.

    ``tolerance``: distance on that plane up to which a match agrees; ``triples``: how many are tried.
    """
    if len(points) < 4:
        return None
    random = np.random.default_rng(seed)
    threes = random.integers(0, len(points), (triples, 3))
    threes = threes[(np.diff(np.sort(threes, axis=1), axis=1) > 0).all(axis=1)]
    poses = poses_of_triples(points[threes], rays[threes])
    if len(poses) == 0:
        return None
    some = random.permutation(len(points))[:SCORED]
    first = _agreement(poses, points[some], rays[some], tolerance)
    finalists = poses[np.argsort(-first, kind="stable")[:FINALISTS]]
    best = finalists[int(np.argmax(_agreement(finalists, points, rays, tolerance)))]
    place = angle = np.inf
    for _ in range(STEPS):
        inliers = _distances(best[None], points, rays)[0] < tolerance
        if inliers.sum() < 4:
            return None
        best, place, angle = refine(best, points[inliers], rays[inliers], scale=tolerance / 3)
    inliers = _distances(best[None], points, rays)[0] < tolerance
    curvature = _normal_equations(best, points[inliers], rays[inliers], scale=1.0)[0] / max(
        int(inliers.sum()), 1
    )
    return Resection(
        cam_from_world=best,
        inliers=inliers,
        center_sigma=place,
        angle_sigma=angle,
        curvature=curvature,
    )


def poses_of_triples(points: Double, rays: Double) -> Double:
    """(m, 4, 4) every pose that explains a triple: (t, 3, 3) points seen along (t, 3, 2) rays."""
    seen = np.concatenate([rays, np.ones((*rays.shape[:2], 1))], axis=2)
    seen /= np.linalg.norm(seen, axis=2, keepdims=True)
    a2, b2, c2 = (((points[:, i] - points[:, j]) ** 2).sum(axis=1) for i, j in ((1, 2), (0, 2), (0, 1)))
    cos_a, cos_b, cos_c = ((seen[:, i] * seen[:, j]).sum(axis=1) for i, j in ((1, 2), (0, 2), (0, 1)))
    b2 = np.maximum(b2, 1e-300)
    p, q, r, s = (a2 - c2) / b2, (a2 + c2) / b2, a2 / b2, c2 / b2
    coefficients = np.stack([
        (p - 1) ** 2 - 4 * s * cos_a**2,
        4 * (p * (1 - p) * cos_b - (1 - q) * cos_a * cos_c + 2 * s * cos_a**2 * cos_b),
        2 * (p**2 - 1 + 2 * p**2 * cos_b**2 + 2 * (1 - s) * cos_a**2 - 4 * q * cos_a * cos_b * cos_c
             + 2 * (1 - r) * cos_c**2),
        4 * (-p * (1 + p) * cos_b + 2 * r * cos_c**2 * cos_b - (1 - q) * cos_a * cos_c),
        (1 + p) ** 2 - 4 * r * cos_c**2,
    ], axis=1)  # fmt: skip
    triple, v = _real_roots(coefficients)
    p, cos_a, cos_b, cos_c, b2 = (value[triple] for value in (p, cos_a, cos_b, cos_c, b2))
    below = 2 * (cos_c - v * cos_a)
    below = np.where(np.abs(below) < 1e-12, 1e-12, below)
    u = ((p - 1) * v**2 - 2 * p * cos_b * v + 1 + p) / below
    nearest = np.sqrt(b2 / np.maximum(1 + v**2 - 2 * v * cos_b, 1e-12))
    lengths = np.stack([nearest, u * nearest, v * nearest], axis=1)
    good = np.isfinite(lengths).all(axis=1) & (lengths > 0).all(axis=1)
    return _aligned(points[triple[good]], seen[triple[good]] * lengths[good, :, None])


def _real_roots(coefficients: Double) -> tuple[NDArray[np.int64], Double]:
    """Of (t, 5) quartics: (m,) which quartic and (m,) its positive real root."""
    regular = np.flatnonzero(np.abs(coefficients[:, 0]) > 1e-9)
    companions = np.zeros((len(regular), 4, 4))
    companions[:, 0] = -coefficients[regular, 1:] / coefficients[regular, :1]
    companions[:, [1, 2, 3], [0, 1, 2]] = 1
    roots = np.linalg.eigvals(companions)
    row, column = np.nonzero((np.abs(roots.imag) < 1e-4 * np.maximum(1, np.abs(roots))) & (roots.real > 0))
    return regular[row], np.asarray(roots.real[row, column], np.float64)


def _aligned(world: Double, cam: Double) -> Double:
    """(m, 4, 4) the rigid maps of (m, 3, 3) triangles onto equal ones."""

    def frame(triangle: Double) -> Double:
        x = triangle[:, 1] - triangle[:, 0]
        z = np.cross(x, triangle[:, 2] - triangle[:, 0])
        axes = np.stack([x, np.cross(z, x), z], axis=2)
        return axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-300)

    poses = np.tile(np.eye(4), (len(world), 1, 1))
    poses[:, :3, :3] = frame(cam) @ frame(world).transpose(0, 2, 1)
    poses[:, :3, 3] = cam[:, 0] - np.einsum("mij,mj->mi", poses[:, :3, :3], world[:, 0])
    proper = np.abs(np.linalg.det(poses[:, :3, :3]) - 1) < 1e-6  # not where the points lie on one line
    return poses[proper]


def _distances(poses: Double, points: Double, rays: Double) -> Double:
    """(m, n) between where points are seen and where they should be; infinite behind the camera."""
    local = points @ poses[:, :3, :3].transpose(0, 2, 1) + poses[:, None, :3, 3]
    depth = local[..., 2]
    apart = np.linalg.norm(local[..., :2] / np.where(depth > 0, depth, 1)[..., None] - rays, axis=2)
    return np.where(depth > 0, apart, np.inf)


def _agreement(poses: Double, points: Double, rays: Double, tolerance: float) -> Double:
    """(m,) how many matches agree, those that agree well for more (MSAC; Torr and Zisserman 2000)."""
    scores = [
        np.maximum(1 - (_distances(chunk, points, rays) / tolerance) ** 2, 0).sum(axis=1)
        for chunk in np.array_split(poses, max(1, len(poses) * len(points) // 1_000_000))
    ]
    return np.concatenate(scores)


def refine(pose: Double, points: Double, rays: Double, scale: float) -> tuple[Double, float, float]:
    """The pose of the least robust error (Cauchy's, with ``scale``), and how far its place and angle may be off.

    The last two are standard deviations along the direction in which each is known worst.
    """
    for _ in range(ROUNDS):
        normal, gradient, _ = _normal_equations(pose, points, rays, scale)
        damped = normal + 1e-9 * np.trace(normal) * np.eye(6)
        step: Double = np.asarray(np.linalg.solve(damped, -gradient), np.float64)
        pose = RigidTransform.exp(step).matrix @ pose
    normal, _, squares = _normal_equations(pose, points, rays, scale)
    variance = max(float(np.median(squares)), (scale / 3) ** 2)
    covariance = np.linalg.pinv(normal) * variance
    # The place is -Rᵀt: what the twist moves it by, seen from the camera, is its translation alone.
    place, angle = (
        max(float(np.linalg.eigvalsh(covariance[k : k + 3, k : k + 3])[-1]), 0.0) ** 0.5 for k in (3, 0)
    )
    return pose, place, angle


def _normal_equations(
    pose: Double, points: Double, rays: Double, scale: float
) -> tuple[Double, Double, Double]:
    """(6, 6) and (6,) of one Gauss-Newton step of the twist, and the (n,) squared distances."""
    local = points @ pose[:3, :3].T + pose[:3, 3]
    depth = np.maximum(local[:, 2], 1e-9)
    seen = local[:, :2] / depth[:, None]
    residual = seen - rays
    squares = (residual**2).sum(axis=1)
    weight = 1 / (1 + squares / scale**2)
    x, y = seen.T
    zero = np.zeros_like(x)
    rows = (
        np.stack([-x * y, 1 + x * x, -y, 1 / depth, zero, -x / depth], axis=1),
        np.stack([-1 - y * y, x * y, x, zero, 1 / depth, -y / depth], axis=1),
    )
    normal, gradient = np.zeros((6, 6)), np.zeros(6)
    for axis, row in enumerate(rows):
        normal += (row * weight[:, None]).T @ row
        gradient += (row * weight[:, None]).T @ residual[:, axis]
    return normal, gradient, squares
