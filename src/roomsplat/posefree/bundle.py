"""Cameras, points and one lens moved together until what is seen is where it should be: bundle adjustment.

Levenberg and Marquardt's steps with the points eliminated (Triggs et al. 2000, sections 4 and 6), Cauchy's weights
against matches that are wrong. Lengths in pictures are in longer sides of the picture, from its middle.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from roomsplat.core.rotations import matrix_from_rotation_vector

Double = NDArray[np.float64]
Number = NDArray[np.int64]

FOCAL_SPREAD, BEND_SPREAD = 0.4, 0.1
"""How far a lens is expected from the usual one: of the focal length's logarithm, and of the radial term."""
PRIOR_WEIGHT = 30.0
"""What is expected of the lens counts as much as so many matches that are one ``scale`` off."""
NEAREST = 1e-6
TRIALS, ENOUGH = 6, 1e-4
"""So often a step is tried more carefully; it is the last where it gains less than this share."""
PLAIN_SIZE = 2_000_000
"""Numbers in a matrix up to which it is not worth being sparse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """A pinhole with one radial term: r ↦ r (1 + k r²), as ``sfm.solution.Lens``, for a picture of any size."""

    focal: float
    """In longer sides of the picture."""
    k: float = 0.0

    def rays(self, places: Double) -> Double:
        """(n, 2) places to the plane z = 1, by fixed-point iteration."""
        distorted = places / self.focal
        ideal = distorted
        for _ in range(10 if self.k else 0):
            ideal = distorted / (1 + self.k * (ideal**2).sum(axis=1, keepdims=True))
        return ideal

    def places(self, rays: Double) -> Double:
        """(n, 2) points on the plane z = 1 to places."""
        return rays * (self.focal * (1 + self.k * (rays**2).sum(axis=1, keepdims=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Which camera sees which point where."""

    cameras: Number
    """(o,) rows of the cameras."""
    points: Number
    """(o,) rows of the points."""
    places: Double
    """(o, 2) from the picture's middle, in longer sides."""

    def part(self, keep: NDArray[np.bool_]) -> "Seen":
        """Some of them."""
        return Seen(cameras=self.cameras[keep], points=self.points[keep], places=self.places[keep])


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is to be found."""

    poses: Double
    """(c, 4, 4) cam_from_world."""
    points: Double
    """(p, 3)."""
    lens: Lens


@dataclass(frozen=True, slots=True, kw_only=True)
class Freedom:
    """What may move."""

    cameras: NDArray[np.bool_]
    """(c,)."""
    focal: bool
    bend: bool
    """The radial term."""
    usual: Lens
    """The lens that is expected before anything was seen."""


def errors(world: World, seen: Seen) -> Double:
    """(o,) how far each point is seen from where it should be, in longer sides; infinite behind the camera."""
    local = _local(world, seen)
    front = local[:, 2] > NEAREST
    rays = local[:, :2] / np.where(front, local[:, 2], 1)[:, None]
    return np.where(front, np.linalg.norm(world.lens.places(rays) - seen.places, axis=1), np.inf)


def adjust(world: World, seen: Seen, freedom: Freedom, *, scale: float, rounds: int) -> World:
    """The world of the least robust error.

    Every point is seen twice or more, all in front; ``scale`` is the error, in longer sides, at which a match begins to
    count for less.
    """
    cost, damping = _cost(world, seen, freedom, scale), 1e-3
    for _ in range(rounds):
        system, before = _System(world, seen, freedom, scale), cost
        for _ in range(TRIALS):
            moved = system.step(damping)
            after = np.inf if moved is None else _cost(moved, seen, freedom, scale)
            if moved is not None and after < cost:
                world, cost, damping = moved, after, max(damping / 8, 1e-9)
                break
            damping *= 8
        if cost > (1 - ENOUGH) * before:
            break
    return world


def _local(world: World, seen: Seen) -> Double:
    poses = world.poses[seen.cameras]
    return np.einsum("oij,oj->oi", poses[:, :3, :3], world.points[seen.points]) + poses[:, :3, 3]


def _cost(world: World, seen: Seen, freedom: Freedom, scale: float) -> float:
    squares = np.minimum(errors(world, seen), 1e3) ** 2 / scale**2
    focal, bend = _from_usual(world.lens, freedom.usual)
    return float(np.log1p(squares).sum() + PRIOR_WEIGHT * (focal**2 + bend**2))


def _from_usual(lens: Lens, usual: Lens) -> tuple[float, float]:
    return float(np.log(lens.focal / usual.focal)) / FOCAL_SPREAD, (lens.k - usual.k) / BEND_SPREAD


class _System:
    """The normal equations at one place, points eliminated: rows of six for a free camera each, then the free lens."""

    def __init__(self, world: World, seen: Seen, freedom: Freedom, scale: float) -> None:
        self._world, self._freedom = world, freedom
        self._free = int(freedom.cameras.sum())
        self._lens = [k for k, is_free in enumerate((freedom.focal, freedom.bend)) if is_free]
        of_camera, of_point, of_lens, residual = slopes(world, seen)
        weight = np.sqrt(1 / (1 + (residual**2).sum(axis=1) / scale**2)) / scale
        residual = residual * weight[:, None]
        of_camera, of_point, of_lens = (j * weight[:, None, None] for j in (of_camera, of_point, of_lens))
        of_lens = of_lens[:, :, self._lens]
        moves = freedom.cameras[seen.cameras]
        row = (np.cumsum(freedom.cameras) - 1)[seen.cameras[moves]]
        of_camera = of_camera[moves]
        self._begin(row, of_camera, of_lens, moves)
        self._v = _sums(seen.points, np.einsum("oki,okj->oij", of_point, of_point), len(world.points))
        self._is_plain = len(self._u) * 3 * len(world.points) <= PLAIN_SIZE
        self._w: Any = self._mixed(
            row, seen.points[moves], np.einsum("oki,okj->oij", of_camera, of_point[moves]),
            _sums(seen.points, np.einsum("oki,okj->oij", of_lens, of_point), len(world.points)),
        )  # fmt: skip
        first = _sums(row, np.einsum("oki,ok->oi", of_camera, residual[moves]), self._free)
        self._a = -np.concatenate([first.ravel(), np.einsum("oki,ok->i", of_lens, residual)])
        self._b = -_sums(seen.points, np.einsum("oki,ok->oi", of_point, residual), len(world.points)).ravel()
        for place, k in enumerate(self._lens, start=6 * self._free):  # what is expected of the lens
            spread = (FOCAL_SPREAD, BEND_SPREAD)[k]
            self._u[place, place] += PRIOR_WEIGHT / spread**2
            self._a[place] -= PRIOR_WEIGHT * _from_usual(world.lens, freedom.usual)[k] / spread

    def _begin(self, row: Number, of_camera: Double, of_lens: Double, moves: NDArray[np.bool_]) -> None:
        """``_u``: of cameras and lens with themselves."""
        end = 6 * self._free
        self._u = np.zeros((end + len(self._lens),) * 2)
        own = _sums(row, np.einsum("oki,okj->oij", of_camera, of_camera), self._free)
        for place, block in enumerate(own):
            self._u[6 * place : 6 * place + 6, 6 * place : 6 * place + 6] = block
        both = _sums(row, np.einsum("oki,okj->oij", of_camera, of_lens[moves]), self._free)
        self._u[:end, end:] = both.reshape(end, len(self._lens))
        self._u[end:, :end] = self._u[:end, end:].T
        self._u[end:, end:] = np.einsum("oki,okj->ij", of_lens, of_lens)

    def _mixed(self, row: Number, point: Number, blocks: Double, of_lens: Double) -> Any:
        """Of cameras and lens with points; plain where that is small, as in a window, else sparse."""
        shape = (len(self._u), 3 * len(of_lens))
        down = np.broadcast_to(6 * row[:, None, None] + np.arange(6)[:, None], blocks.shape)
        across = np.broadcast_to(3 * point[:, None, None] + np.arange(3), blocks.shape)
        below = of_lens.transpose(1, 0, 2).reshape(len(self._lens), 3 * len(of_lens))
        if self._is_plain:
            plain = np.zeros(shape)
            plain[down, across] = blocks
            plain[6 * self._free :] = below
            return plain
        entries = (blocks.ravel(), (down.ravel(), across.ravel()))
        cameras = sparse.csr_matrix(entries, shape=(6 * self._free, shape[1]))
        return sparse.vstack([cameras, sparse.csr_matrix(below)], format="csr")

    def step(self, damping: float) -> World | None:
        """The world one step on; ``None`` where the equations have no solution."""
        diagonal, count = np.arange(3), len(self._v)
        v = self._v.copy()
        v[:, diagonal, diagonal] = v[:, diagonal, diagonal] * (1 + damping) + 1e-9
        inverse = np.linalg.inv(v)
        across: Any
        if self._is_plain:
            across = (self._w.reshape(-1, count, 1, 3) @ inverse).reshape(self._w.shape)
            reduced = self._u - across @ self._w.T
        else:
            ends = np.arange(count + 1)
            across = self._w @ sparse.bsr_matrix((inverse, ends[:-1], ends), shape=(3 * count, 3 * count))
            reduced = self._u - np.asarray((across @ self._w.T).todense())
        size = np.arange(len(reduced))
        reduced[size, size] += damping * self._u[size, size] + 1e-9
        try:
            first = np.asarray(cho_solve(cho_factor(reduced), self._a - across @ self._b), np.float64)
        except LinAlgError:
            return None
        left = np.asarray(self._b - self._w.T @ first, np.float64).reshape(-1, 3)
        return self._moved(first, np.einsum("pij,pj->pi", inverse, left))

    def _moved(self, first: Double, second: Double) -> World | None:
        world, poses = self._world, self._world.poses.copy()
        twists = first[: 6 * self._free].reshape(-1, 6)
        turns = np.tile(np.eye(4), (len(twists), 1, 1))
        for turn, twist in zip(turns, twists, strict=True):
            turn[:3, :3], turn[:3, 3] = matrix_from_rotation_vector(twist[:3]), twist[3:]
        poses[self._freedom.cameras] = turns @ poses[self._freedom.cameras]
        change = dict(zip(self._lens, first[6 * self._free :].tolist(), strict=True))
        if abs(change.get(0, 0.0)) > 1:
            return None
        lens = replace(
            world.lens,
            focal=world.lens.focal * float(np.exp(change.get(0, 0.0))),
            k=world.lens.k + change.get(1, 0.0),
        )
        return World(poses=poses, points=world.points + second, lens=lens)


def _sums(rows: Number, values: Double, count: int) -> Double:
    """(count, …) the (n, …) values summed by their rows."""
    flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
    places = (rows[:, None] * flat.shape[1] + np.arange(flat.shape[1])).ravel()
    summed = np.asarray(
        np.bincount(places, weights=flat.ravel(), minlength=count * flat.shape[1]), np.float64
    )
    return summed.reshape(count, *values.shape[1:])


def slopes(world: World, seen: Seen) -> tuple[Double, Double, Double, Double]:
    """(o, 2, 6), (o, 2, 3), (o, 2, 2) of a twist of the camera, of the point, of log focal and k; (o, 2) residuals."""
    local, lens = _local(world, seen), world.lens
    depth = np.maximum(local[:, 2], NEAREST)
    rays = local[:, :2] / depth[:, None]
    x, y = rays.T
    square = x * x + y * y
    zero = np.zeros_like(x)
    onto = np.stack([
        np.stack([1 / depth, zero, -x / depth], axis=1), np.stack([zero, 1 / depth, -y / depth], axis=1),
    ], axis=1)  # fmt: skip
    bend = np.eye(2) * (1 + lens.k * square)[:, None, None] + 2 * lens.k * rays[:, :, None] * rays[:, None]
    onto = lens.focal * (bend @ onto)
    # Rows of -[p]x: a turn w moves p by w x p.
    of_camera = np.concatenate([onto @ -_cross(local), onto], axis=2)
    of_point = onto @ world.poses[seen.cameras][:, :3, :3]
    made = lens.places(rays)
    of_lens = np.stack([made, lens.focal * square[:, None] * rays], axis=2)
    return of_camera, of_point, of_lens, made - seen.places


def _cross(vectors: Double) -> Double:
    """(n, 3, 3) the matrices that take w to v x w."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    return np.stack([
        np.stack([zero, -z, y], axis=1), np.stack([z, zero, -x], axis=1), np.stack([-y, x, zero], axis=1),
    ], axis=1)  # fmt: skip
