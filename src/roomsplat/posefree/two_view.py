"""Two frames and nothing else: how one camera stands to the other, and where what both see lies.

The relative pose comes from five matches at a time (Nistér 2004; solved as Stewénius et al. 2006 do, by the action
matrix of the ten cubic constraints): unlike eight, five are enough where all that is seen lies on one wall.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement, product

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]

SAMPLES = 300
"""Random fives: with 45 % of right matches one of them is all right with a chance of 99 %."""
SCORED = 250
"""Matches that the first count looks at."""
FINALISTS = 12

# Cubic monomials of (x, y, z, 1): the ten of degree three first, then what is left of multiplying those below by x.
_ORDER = [
    (0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 0, 2), (0, 1, 2), (0, 2, 2), (1, 1, 1), (1, 1, 2), (1, 2, 2), (2, 2, 2),
    (0, 0, 3), (0, 1, 3), (1, 1, 3), (0, 2, 3), (1, 2, 3), (2, 2, 3), (0, 3, 3), (1, 3, 3), (2, 3, 3), (3, 3, 3),
]  # fmt: skip
assert sorted(_ORDER) == list(combinations_with_replacement(range(4), 3))
_COLLECT = np.zeros((64, 20))
for _row, _triple in enumerate(product(range(4), repeat=3)):
    _COLLECT[_row, [sorted(one) for one in _ORDER].index(sorted(_triple))] = 1
_LEVI_CIVITA = np.zeros((3, 3, 3))
for _i, _j, _k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    _LEVI_CIVITA[_i, _j, _k], _LEVI_CIVITA[_i, _k, _j] = 1, -1


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoView:
    """One camera seen from another."""

    second_from_first: Double
    """(4, 4), of a step of length 1."""
    inliers: NDArray[np.bool_]
    """(n,) matches that agree and lie in front of both."""
    angle: float
    """Median angle in radians between the two rays to a point."""


def relative_pose(first: Double, second: Double, *, tolerance: float, seed: int) -> TwoView | None:
    """How two cameras stand that see (n, 2) and (n, 2) matches on their planes z = 1; ``None`` with too few matches.

    ``tolerance``: of the Sampson distance, on that plane.
    """
    if len(first) < 8:
        return None
    random = np.random.default_rng(seed)
    a, b = (np.concatenate([rays, np.ones((len(rays), 1))], axis=1) for rays in (first, second))
    fives = random.random((SAMPLES, len(first))).argpartition(4, axis=1)[:, :5]
    candidates = essential_matrices(a[fives], b[fives])
    if len(candidates) == 0:
        return None
    some = random.permutation(len(first))[:SCORED]
    scores = _agreement(candidates, a[some], b[some], tolerance)
    best = candidates[np.argsort(-scores, kind="stable")[:FINALISTS]]
    essential = best[int(np.argmax(_agreement(best, a, b, tolerance)))]
    agree = sampson(essential[None], a, b)[0] < tolerance
    return _in_front(essential, a, b, agree)


def essential_matrices(a: Double, b: Double) -> Double:
    """(m, 3, 3) every essential matrix of (s, 5, 3) and (s, 5, 3) matched rays: bᵀ E a = 0."""
    rows = (b[..., :, None] * a[..., None, :]).reshape(len(a), 5, 9)
    basis = np.linalg.svd(rows, full_matrices=True)[2][:, 5:].reshape(-1, 4, 3, 3)
    squares = np.einsum("saij,sbkj->sabik", basis, basis)
    traces = np.einsum("sabii->sab", squares)
    cubes = 2 * np.einsum("sabik,sckj->sabcij", squares, basis)
    cubes -= np.einsum("sab,scij->sabcij", traces, basis)
    nine = np.einsum("smn,mk->snk", cubes.reshape(len(a), 64, 9), _COLLECT)
    first, second, third = (basis[:, :, row] for row in range(3))
    volumes = np.einsum("sai,sbj,sck,ijk->sabc", first, second, third, _LEVI_CIVITA, optimize=True)
    equations = np.concatenate([nine, (volumes.reshape(len(a), 64) @ _COLLECT)[:, None]], axis=1)
    solvable = np.abs(np.linalg.det(equations[:, :, :10])) > 1e-30
    basis, equations = basis[solvable], equations[solvable]
    if len(basis) == 0:
        return np.zeros((0, 3, 3))
    action = np.zeros((len(basis), 10, 10))
    action[:, :6] = -np.linalg.solve(equations[:, :, :10], equations[:, :, 10:])[:, :6]
    action[:, [6, 7, 8, 9], [0, 1, 3, 6]] = 1
    values, vectors = (np.asarray(part, np.complex128) for part in np.linalg.eig(action))
    which, column = np.nonzero(np.abs(values.imag) < 1e-8)
    real = vectors[which, :, column].real
    good = np.abs(real[:, 9]) > 1e-12
    weights = np.concatenate([real[good, 6:9] / real[good, 9:], np.ones((int(good.sum()), 1))], axis=1)
    found = np.einsum("ma,maij->mij", weights, basis[which[good]])
    return found / np.linalg.norm(found, axis=(1, 2), keepdims=True)


def sampson(essential: Double, a: Double, b: Double) -> Double:
    """(m, n) Sampson distances (Hartley and Zisserman 2004, section 11.4.3) of matched (n, 3) rays with z = 1."""
    there, back = a @ essential.transpose(0, 2, 1), b @ essential
    product_ = np.abs(np.einsum("ni,mni->mn", b, there))
    slope = (there[..., :2] ** 2).sum(axis=2) + (back[..., :2] ** 2).sum(axis=2)
    return product_ / np.sqrt(np.maximum(slope, 1e-24))


def _agreement(candidates: Double, a: Double, b: Double, tolerance: float) -> Double:
    """(m,) how many matches agree, those that agree well for more (MSAC; Torr and Zisserman 2000)."""
    parts = np.array_split(candidates, max(1, len(candidates) * len(a) // 500_000))
    return np.concatenate(
        [np.maximum(1 - (sampson(part, a, b) / tolerance) ** 2, 0).sum(axis=1) for part in parts]
    )


def _in_front(essential: Double, a: Double, b: Double, agree: NDArray[np.bool_]) -> TwoView | None:
    """The one of the four poses of an essential matrix that has most points in front of both cameras."""
    u, _, vt = np.linalg.svd(essential)
    u, vt = u * np.sign(np.linalg.det(u)), vt * np.sign(np.linalg.det(vt))
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    best, most = None, 0
    for rotation in (u @ quarter @ vt, u @ quarter.T @ vt):
        for step in (u[:, 2], -u[:, 2]):
            pose = np.eye(4)
            pose[:3, :3], pose[:3, 3] = rotation, step
            depths, angles = _depths(pose, a, b)
            front = agree & (depths > 0).all(axis=1)
            if front.sum() > most:
                most = int(front.sum())
                best = TwoView(second_from_first=pose, inliers=front, angle=float(np.median(angles[front])))
    return best


def _depths(pose: Double, a: Double, b: Double) -> tuple[Double, Double]:
    """(n, 2) depths in either camera where two rays come nearest, and the (n,) angles between them."""
    turned, step = a @ pose[:3, :3].T, pose[:3, 3]
    aa, bb, ab = (turned**2).sum(axis=1), (b**2).sum(axis=1), (turned * b).sum(axis=1)
    below = np.maximum(aa * bb - ab**2, 1e-18)
    at, bt = -turned @ step, b @ step
    depths = np.stack([(at * bb + bt * ab) / below, (bt * aa + at * ab) / below], axis=1)
    return depths, np.arccos(np.clip(ab / np.sqrt(aa * bb), -1, 1))
