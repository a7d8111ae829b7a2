"""Cameras from nothing but matches: two frames first, then one after the other in the order of the film.

Every frame is placed by points whose places are known (``resection.py``), then bundled with the frames that see most of
the same points: a window chosen by what is visible, so that a frame costs the same late in the film as early. When the
model has grown by ``GROWTH`` everything is bundled, the lens included.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roomsplat.posefree.bundle import Freedom, Lens, Seen, World, adjust, errors
from roomsplat.posefree.resection import resect
from roomsplat.posefree.tracks import Tracks
from roomsplat.posefree.two_view import relative_pose

Double = NDArray[np.float64]
Number = NDArray[np.int64]

TOLERANCE = 0.003
"""Error in longer sides up to which a match is believed: 1.9 px of 640."""
SCALE = 0.001
"""At which a match begins to count for less."""
MIN_ANGLE = np.radians(1.0)
"""Points are placed where two of their rays differ by this much …"""
MIN_ANGLE_TURNING = np.radians(0.3)
"""… or by this much where a frame cannot be placed without: a camera that turns fast sees nothing for long."""
TRIPLES = 400
"""That place a frame: with a share of 25 % of right matches, the least, one is all right with a chance of 99.8 %."""
MIN_INLIERS, MIN_SHARE = 12, 0.25
"""A frame is placed by so many points that agree, and by this share of those it sees."""
WINDOW = 8
"""Frames that move with a new one."""
GROWTH = 1.35
MAX_SPEED, MIN_STEPS = 8.0, 8
"""In median steps of the model, once it has so many."""
AHEAD = 10
"""A frame farther than this from every placed one is not tried yet."""
MIN_START = 40
"""Points of the first two frames."""
STARTS = 12
"""Pairs of frames that may be the first ones, tried in this order until one grows."""
ROUNDS_IN_WINDOW, ROUNDS_BETWEEN, ROUNDS_AT_LAST = 5, 6, 15
"""Of a bundle: of a window, of everything while the model still grows, of everything at its end."""
FACTORS = (1.0, 0.62, 0.78)
"""Of the expected focal length, where the first frames begin."""
BEND_FROM = 15
"""Frames from which on the lens's radial term is free; fewer do not tell it from a curved wall."""


@dataclass(slots=True)
class Model:
    """Frames that are placed, in one world."""

    poses: dict[int, Double]
    """(4, 4) by frame."""
    points: Double
    """(t, 3) by track."""
    is_known: NDArray[np.bool_]
    """(t,) whether the track has a place."""
    lens: Lens
    min_angle: Double
    """(t,) radians, what is asked of each track's rays."""


class Journey:
    """Grows one model through the film."""

    def __init__(self, tracks: Tracks, places: Sequence[Double], usual: Lens, seed: int) -> None:
        """``places``: (n, 2) of each frame's features, from the middle in longer sides; ``usual``: a lens to expect."""
        self.count = len(places)
        self._usual, self._seed = usual, seed
        self.frames, self.tracks = tracks.frames, tracks.tracks
        offsets = np.cumsum([0, *(len(one) for one in places)])
        self.places = np.concatenate(list(places))[offsets[tracks.frames] + tracks.features]
        order = np.argsort(self.frames, kind="stable")
        ends = np.searchsorted(self.frames[order], np.arange(self.count + 1))
        self._of_frame = [order[ends[f] : ends[f + 1]] for f in range(self.count)]
        self._first_of = np.searchsorted(self.tracks, np.arange(tracks.count + 1))

    # ---- the first frames

    def begin(self, allowed: NDArray[np.bool_]) -> Model | None:
        """A model of a few of the ``allowed`` frames, or ``None``; of several lenses the one that fits best."""
        best, most = None, 0.0
        for first, second in self._pairs(allowed)[:STARTS]:
            for factor in FACTORS:
                lens = replace(self._usual, focal=self._usual.focal * factor)
                model = self._start(first, second, lens, allowed)
                if model is None:
                    continue
                worth = self._worth(model)
                if worth > most:
                    best, most = model, worth
            if best is not None and len(best.poses) >= 5:
                break
        return best

    def _pairs(self, allowed: NDArray[np.bool_]) -> list[tuple[int, int]]:
        """Frames 3 to 16 apart, those first that share many tracks which moved much."""
        found = list[tuple[float, int, int]]()
        for first in np.flatnonzero(allowed).tolist():
            for gap in (4, 6, 9, 13):
                second = first + gap
                if second >= self.count or not allowed[second]:
                    continue
                mine, theirs = self._common(first, second)
                if len(mine) < MIN_START:
                    continue
                moved = self.places[mine] - self.places[theirs]
                apart = float(np.median(np.linalg.norm(moved - np.median(moved, axis=0), axis=1)))
                found.append((min(len(mine), 200) * min(apart, 0.04), first, second))
        return [(first, second) for _, first, second in sorted(found, reverse=True)[: 4 * STARTS : 4]]

    def _common(self, first: int, second: int) -> tuple[Number, Number]:
        """Observations of the tracks that both frames see."""
        a, b = self._of_frame[first], self._of_frame[second]
        _, i, j = np.intersect1d(self.tracks[a], self.tracks[b], return_indices=True)
        return a[i], b[j]

    def _start(self, first: int, second: int, lens: Lens, allowed: NDArray[np.bool_]) -> Model | None:
        mine, theirs = self._common(first, second)
        found = relative_pose(
            lens.rays(self.places[mine]), lens.rays(self.places[theirs]),
            tolerance=TOLERANCE / lens.focal, seed=self._seed,
        )  # fmt: skip
        if found is None or found.inliers.sum() < MIN_START or found.angle < MIN_ANGLE:
            return None
        model = Model(
            poses={first: np.eye(4), second: found.second_from_first},
            points=np.zeros((len(self._first_of) - 1, 3)),
            is_known=np.zeros(len(self._first_of) - 1, np.bool_),
            lens=lens,
            min_angle=np.full(len(self._first_of) - 1, MIN_ANGLE),
        )
        self._triangulate(model, np.unique(self.tracks[mine[found.inliers]]))
        self._bundle(model, set(model.poses), lens_too=False)
        for frame in sorted(range(first, second), key=lambda f: min(f - first, second - f)):
            if frame not in model.poses and allowed[frame]:
                self.place(model, frame, bundle=False)
        if len(model.poses) < 3:
            return None
        for _ in range(2):
            self._bundle(model, set(model.poses), lens_too=True)
            self._triangulate(model, self._seen_by(set(model.poses)))
        return model

    def _worth(self, model: Model) -> float:
        """What a model explains: observations that agree, those that agree well for more."""
        seen, rows, which = self._seen(model, set(model.poses), model.is_known)
        if len(which) == 0:
            return 0.0
        off = errors(self._world(model, rows, np.unique(self.tracks[which])), seen)
        return float(np.maximum(1 - (off / TOLERANCE) ** 2, 0).sum())

    # ---- one more frame

    def grow(self, model: Model, allowed: NDArray[np.bool_], tell: Callable[[int], None]) -> None:
        """Place every ``allowed`` frame that can be, the nearest in the film first."""
        bundled, refused = len(model.poses), dict[int, int]()
        while True:
            frame = self._next(model, allowed, refused)
            if frame is None:
                break
            if not self.place(model, frame):
                refused[frame] = len(model.poses)
                continue
            tell(len(model.poses))
            if len(model.poses) >= GROWTH * bundled:
                bundled = len(model.poses)
                self.bundle_all(model, rounds=ROUNDS_BETWEEN)
        self.bundle_all(model)

    def _next(self, model: Model, allowed: NDArray[np.bool_], refused: dict[int, int]) -> int | None:
        """The frame nearest to a placed one that was not refused by a model that hardly changed since."""
        placed = np.array(sorted(model.poses))
        left = np.array([f for f in np.flatnonzero(allowed).tolist() if f not in model.poses], np.int64)
        if len(left) == 0:
            return None
        gap = np.abs(left[:, None] - placed).min(axis=1)
        for row in np.lexsort((left, gap)).tolist():
            frame = int(left[row])
            if gap[row] <= AHEAD and len(model.poses) >= refused.get(frame, 0) + (
                2 if frame in refused else 0
            ):
                return frame
        return None

    def place(self, model: Model, frame: int, *, bundle: bool = True) -> bool:
        """Find the camera of a frame by the points it sees; whether it was found."""
        own = np.unique(self.tracks[self._of_frame[frame]])
        pose = self._resected(model, frame)
        if pose is None:  # with points that are known less well, which then stay
            model.min_angle[own] = MIN_ANGLE_TURNING
            self._triangulate(model, own[~model.is_known[own]])
            pose = self._resected(model, frame)
        if pose is None or self._jumps(model, frame, pose):
            return False
        model.poses[frame] = pose
        self._triangulate(model, own[~model.is_known[own]])
        if bundle:
            self._bundle(model, self._window(model, frame), lens_too=False)
            self._triangulate(model, own)
        return True

    @staticmethod
    def _jumps(model: Model, frame: int, pose: Double) -> bool:
        """Whether the film would have to leap to get there: what sees only far things may seem to be anywhere."""
        frames = sorted(model.poses)
        poses = np.stack([*(model.poses[one] for one in frames), pose])
        centers = -np.einsum("cji,cj->ci", poses[:, :3, :3], poses[:, :3, 3])
        gaps = np.diff(np.array(frames))
        if len(gaps) < MIN_STEPS:
            return False
        pace = float(np.median(np.linalg.norm(np.diff(centers[:-1], axis=0), axis=1) / gaps))
        nearest = int(np.argmin(np.abs(np.array(frames) - frame)))
        apart = float(np.linalg.norm(centers[-1] - centers[nearest]))
        return apart > MAX_SPEED * pace * abs(frame - frames[nearest])

    def _resected(self, model: Model, frame: int) -> Double | None:
        mine = self._of_frame[frame]
        mine = mine[model.is_known[self.tracks[mine]]]
        if len(mine) < MIN_INLIERS:
            return None
        rays = model.lens.rays(self.places[mine])
        found = resect(
            model.points[self.tracks[mine]], rays,
            tolerance=2 * TOLERANCE / model.lens.focal, seed=self._seed + frame, triples=TRIPLES,
        )  # fmt: skip
        if found is None or found.inliers.sum() < max(MIN_INLIERS, MIN_SHARE * len(mine)):
            return None
        return found.cam_from_world

    def _window(self, model: Model, frame: int) -> set[int]:
        """The placed frames that see most of what ``frame`` sees, and itself."""
        shared = np.zeros(self.count, np.int64)
        for track in np.unique(self.tracks[self._of_frame[frame]]).tolist():
            if model.is_known[track]:
                shared[self.frames[self._first_of[track] : self._first_of[track + 1]]] += 1
        near = sorted(set(model.poses) - {frame}, key=lambda other: (-shared[other], abs(other - frame)))
        return {frame, *(other for other in near[:WINDOW] if shared[other] > 0)}

    # ---- points

    def _seen_by(self, frames: set[int]) -> Number:
        return np.unique(np.concatenate([self.tracks[self._of_frame[f]] for f in sorted(frames)]))

    def _seen(self, model: Model, frames: set[int], wanted: NDArray[np.bool_]) -> tuple[Seen, Number, Number]:
        """Observations by placed frames of the ``wanted`` tracks that ``frames`` see.

        Returns:
            The observations with cameras and points counted anew, the (c,) frames by row, and the (o,) numbers of the
            observations among all.
        """
        of_tracks = self._seen_by(frames)
        of_tracks = of_tracks[wanted[of_tracks]]
        is_mine = np.zeros(len(wanted), np.bool_)
        is_mine[of_tracks] = True
        is_placed = np.zeros(self.count, np.bool_)
        is_placed[list(model.poses)] = True
        if len(of_tracks) < len(wanted) // 4:
            lengths = self._first_of[of_tracks + 1] - self._first_of[of_tracks]
            skipped = self._first_of[of_tracks] - np.concatenate([[0], np.cumsum(lengths)[:-1]])
            which = np.asarray(np.repeat(skipped, lengths) + np.arange(lengths.sum()), np.int64)
        else:
            which = np.flatnonzero(is_mine[self.tracks])
        which = which[is_placed[self.frames[which]]]
        rows, cameras = np.unique(self.frames[which], return_inverse=True)
        _, points = np.unique(self.tracks[which], return_inverse=True)
        return Seen(cameras=cameras, points=points, places=self.places[which]), rows, which

    def agreeing(self, model: Model) -> tuple[Seen, Number, Number]:
        """As ``_seen``, of all placed frames, only what agrees and only points that are seen so twice."""
        seen, rows, which = self._seen(model, set(model.poses), model.is_known)
        if len(which) == 0:
            return seen, rows, which
        off = errors(self._world(model, rows, np.unique(self.tracks[which])), seen)
        keep = off < TOLERANCE
        keep &= (
            np.bincount(seen.points[keep], minlength=int(seen.points.max(initial=0)) + 1)[seen.points] >= 2
        )
        cameras, points = (np.unique(a[keep], return_inverse=True) for a in (rows[seen.cameras], seen.points))
        part = Seen(cameras=cameras[1], points=points[1], places=seen.places[keep])
        return part, cameras[0], which[keep]

    @staticmethod
    def _world(model: Model, rows: Number, tracks: Number) -> World:
        return World(
            poses=np.stack([model.poses[f] for f in rows.tolist()]),
            points=model.points[tracks],
            lens=model.lens,
        )

    def _triangulate(self, model: Model, tracks: Number) -> None:
        """Give these tracks the places that the placed frames tell, or none where they do not agree."""
        if len(tracks) == 0:
            return
        wanted = np.zeros(len(model.is_known), np.bool_)
        wanted[tracks] = True
        seen, rows, which = self._seen(model, set(model.poses), wanted)
        model.is_known[tracks] = False
        if len(which) == 0:
            return
        numbers = np.unique(self.tracks[which])
        poses = np.stack([model.poses[f] for f in rows.tolist()])
        points, angles = intersected(poses, model.lens.rays(seen.places), seen)
        world = World(poses=poses, points=points, lens=model.lens)
        off = errors(world, seen)
        good = np.bincount(seen.points[off < TOLERANCE], minlength=len(points))
        total = np.bincount(seen.points, minlength=len(points))
        fine = (good >= 2) & (good >= 0.6 * total) & (angles >= model.min_angle[numbers])
        model.points[numbers[fine]] = points[fine]
        model.is_known[numbers[fine]] = True

    # ---- bundles

    def bundle_all(self, model: Model, rounds: int = ROUNDS_AT_LAST) -> None:
        """Everything, lens included, twice: with what agrees after the first time. Who agrees with little then goes."""
        for _ in range(2):
            self._bundle(model, set(model.poses), lens_too=True, rounds=rounds)
            self._triangulate(model, self._seen_by(set(model.poses)))
        seen, rows, _ = self.agreeing(model)
        held = set(rows[np.bincount(seen.cameras, minlength=len(rows)) >= MIN_INLIERS].tolist())
        model.poses = {frame: pose for frame, pose in model.poses.items() if frame in held}

    def _bundle(
        self, model: Model, frames: set[int], *, lens_too: bool, rounds: int = ROUNDS_AT_LAST
    ) -> None:
        """Move ``frames`` and all points that they see; other frames that see them stay and hold."""
        seen, rows, which = self._seen(model, frames, model.is_known)
        if len(which) == 0:
            return
        numbers = np.unique(self.tracks[which])
        world = self._world(model, rows, numbers)
        keep = errors(world, seen) < 4 * TOLERANCE
        keep &= np.bincount(seen.points[keep], minlength=len(numbers))[seen.points] >= 2
        if not keep.any():
            return
        kept, points = np.unique(seen.points[keep], return_inverse=True)
        numbers = numbers[kept]
        part = replace(seen.part(keep), points=points)
        freedom = Freedom(
            cameras=np.isin(rows, list(frames)), focal=lens_too,
            bend=lens_too and len(frames) >= BEND_FROM, usual=self._usual,
        )  # fmt: skip
        world = World(poses=world.poses, points=model.points[numbers], lens=model.lens)
        world = adjust(world, part, freedom, scale=SCALE, rounds=rounds if lens_too else ROUNDS_IN_WINDOW)
        for row, frame in enumerate(rows.tolist()):
            model.poses[frame] = world.poses[row]
        model.points[numbers], model.lens = world.points, world.lens


def intersected(poses: Double, rays: Double, seen: Seen) -> tuple[Double, Double]:
    """(p, 3) the places nearest to all rays to a point (linear, Hartley and Zisserman 2004, section 12.2).

    Args:
        poses: (c, 4, 4).
        rays: (o, 2) on the plane z = 1.
        seen: which ray is whose.

    Returns:
        The places, and (p,) the widest angle between the mean ray to a point and one of its rays, doubled.
    """
    count = int(seen.points.max()) + 1
    pose = poses[seen.cameras]
    rows = rays[:, :, None] * pose[:, 2:3] - pose[:, :2]
    square = np.zeros((count, 4, 4))
    np.add.at(square, seen.points, np.einsum("oki,okj->oij", rows, rows))
    flat = np.linalg.eigh(square)[1][:, :, 0]
    points = flat[:, :3] / np.where(np.abs(flat[:, 3:]) > 1e-12, flat[:, 3:], 1e-12)
    along = points[seen.points] + np.einsum("oji,oj->oi", pose[:, :3, :3], pose[:, :3, 3])
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    mean = np.zeros((count, 3))
    np.add.at(mean, seen.points, along)
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    off = np.arccos(np.clip((mean[seen.points] * along).sum(axis=1), -1, 1))
    widest = np.zeros(count)
    np.maximum.at(widest, seen.points, off)
    return points, 2 * widest
