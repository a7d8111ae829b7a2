"""Lost frames placed against the scene of the others, nearest in time first; who is not certain stays lost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.images import RenderOutput
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import Progress, ReportProgress, silent
from roomsplat.core.projection import project
from roomsplat.core.transforms import RigidTransform
from roomsplat.posefree.align import Aligned, align
from roomsplat.posefree.config import PosefreeConfig
from roomsplat.posefree.features import Found, find
from roomsplat.posefree.grow import ENOUGH, grown, new_gaussians
from roomsplat.posefree.judge import PUSH, Figures, center, distance, explained
from roomsplat.posefree.resection import Resection, resect
from roomsplat.posefree.scene import COVERED, Scene, fit_scene, lift, most_alike, rays_of, shown, thumbnail
from roomsplat.render.base import Engine, Splats
from roomsplat.sfm.matching import match
from roomsplat.sfm.shares import part

Double = NDArray[np.float64]

TOLERANCE = 0.004
"""How far from where it should be a feature may be seen, as a share of the focal length: 2 px of 500."""
FIT_SHARE, FEATURES_SHARE = 0.5, 0.7
"""Of the progress, when the scene is fitted and when the features are found."""
AROUND = 4
"""Known frames, the nearest in time, that a lost frame is measured by."""
SAMPLED = 37
"""One pixel of so many in a known frame tells the depth of what the scene does not show of it."""
KEPT_VIEWS = 64
"""Of the scene from known frames; 2 MB each at 400 px."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture of the film."""

    number: int
    """Its place in the film."""
    time_s: float
    path: Path
    """Undistorted."""
    camera: PinholeCamera
    """At the picture's size; of a lost frame only the lens is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A lost frame that was found again."""

    number: int
    cam_from_world: Double
    """(4, 4)."""
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class _Located:
    """A placed frame and what placed it."""

    placed: Placed
    points: Double
    """(n, 3) points of the room that agree with it."""
    partners: tuple[Shot, ...]
    """Known frames that see such points, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A lost frame that stays lost."""

    number: int
    reason: str
    """A few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What became of the lost frames, each in the order of the film."""

    placed: tuple[Placed, ...]
    refused: tuple[Refused, ...]


def place_lost(
    model: SparseModel,
    known: Sequence[Shot],
    lost: Sequence[Shot],
    engine: Engine,
    config: PosefreeConfig,
    folder: Path,
    report: ReportProgress = silent,
    *,
    threads: int | None = None,
) -> Placement:
    """Find the cameras of ``lost`` in the world of ``model``, whose images are ``known``, in that order.

    ``folder`` exists and is empty; what is left in it afterwards is of no use. The same input gives the same result.

    Raises:
        InvalidFileError: a picture cannot be read.
        CrashError: the search for features was killed or crashed.
        RegistrationError: it failed.
    """
    if not lost or len(known) < AROUND:
        return Placement(
            placed=(), refused=tuple(Refused(number=one.number, reason="not tried") for one in lost)
        )
    scene = fit_scene(model, engine, config, part(report, 0, FIT_SHARE))
    with engine.guard:
        return _Placing(scene, known, lost, config).run(folder, threads, part(report, FIT_SHARE, 1))


class _Placing:
    """One film's lost frames."""

    def __init__(
        self, scene: Scene, known: Sequence[Shot], lost: Sequence[Shot], config: PosefreeConfig
    ) -> None:
        self._scene, self._config = scene, config
        self._splats: Splats = scene.engine.create(scene.gaussians, sh_degree=scene.gaussians.sh_degree)
        self._known = list(known)
        self._lost = sorted(lost, key=lambda shot: (self._gap(shot), shot.number))
        self._thumbnails = {
            shot.number: thumbnail(scene.picture(shot.path)) for shot in (*known, *self._tried())
        }
        self._found = dict[int, Found]()
        self._views = dict[int, RenderOutput]()
        self._around = dict[int, float]()
        self._placed = list[Placed]()
        self._placed_before = dict[int, int]()

    def run(self, folder: Path, threads: int | None, report: ReportProgress) -> Placement:
        """Round after round, until nothing more is found."""
        todo, reasons = list(self._tried()), dict[int, str]()
        self._find_features(todo, folder, threads)
        self._fill(todo)
        begin, total = FEATURES_SHARE - FIT_SHARE, len(todo)
        for _ in range(self._config.rounds):
            left = list[Shot]()
            for shot in todo:
                if not self._has_news(shot):
                    left.append(shot)
                    continue
                self._placed_before[shot.number] = len(self._placed)
                placed = self._try(shot)
                if isinstance(placed, _Located):
                    self._accept(shot, placed)
                else:
                    reasons[shot.number] = placed
                    left.append(shot)
                done = len(self._placed)
                report(
                    Progress(
                        fraction=begin + (1 - begin) * done / total,
                        message=f"{done} of {total} lost frames placed",
                        metrics={"placed": done},
                    )
                )
            if not left or len(left) == len(todo):
                break
            todo = left
        mine = {one.number for one in self._placed}
        refused = [
            Refused(
                number=shot.number, reason=reasons.get(shot.number, "not tried: too many frames are lost")
            )
            for shot in self._lost
            if shot.number not in mine
        ]
        return Placement(
            placed=tuple(sorted(self._placed, key=lambda one: one.number)),
            refused=tuple(sorted(refused, key=lambda one: one.number)),
        )

    def _has_news(self, shot: Shot) -> bool:
        """Whether it was not tried yet, or frames that may help were placed since."""
        since = self._placed_before.get(shot.number)
        if since is None:
            return True
        new = {one.number for one in self._placed[since:]}
        return any(other.number in new for other in self._partners(shot))

    def _tried(self) -> Sequence[Shot]:
        return self._lost[: self._config.max_lost]

    def _gap(self, shot: Shot) -> float:
        return min(abs(shot.time_s - other.time_s) for other in self._known)

    def _find_features(self, todo: Sequence[Shot], folder: Path, threads: int | None) -> None:
        partners = {other.number: other for shot in todo for other in self._partners(shot)}
        shots = [*todo, *(partners[number] for number in sorted(partners))]
        found = find(
            [shot.path for shot in shots], folder, max_side=self._config.feature_side, threads=threads
        )
        self._found = {shot.number: one for shot, one in zip(shots, found, strict=True)}

    def _partners(self, shot: Shot) -> list[Shot]:
        """Known frames that are near in time or look alike."""
        by_time = sorted(self._known, key=lambda other: (abs(other.time_s - shot.time_s), other.number))
        near, far = by_time[: self._config.neighbours], by_time[self._config.neighbours :]
        alike = most_alike(
            self._thumbnails[shot.number],
            [self._thumbnails[other.number] for other in far],
            self._config.similar,
        )
        return near + [far[i] for i in alike]

    def _view(self, shot: Shot) -> RenderOutput:
        """The scene from a known frame; the last ones are kept, as frames that follow each other share partners."""
        view = self._views.pop(shot.number, None) or self._scene.view(shot.camera)
        self._views[shot.number] = view
        while len(self._views) > KEPT_VIEWS:
            del self._views[next(iter(self._views))]
        return view

    def _explained(self, shot: Shot) -> float:
        """Of a known frame."""
        if shot.number not in self._around:
            view = self._view(shot)
            mask = view.alpha > COVERED
            self._around[shot.number] = explained(view, mask, self._scene.picture(shot.path))
        return self._around[shot.number]

    def _try(self, shot: Shot) -> _Located | str:
        """The frame's place, or why it has none."""
        camera = shot.camera.resized(*self._scene.size)
        points, rays, features, whose = self._matches(shot, camera)
        found = resect(points, rays, tolerance=TOLERANCE, seed=self._config.seed + shot.number)
        matches = 0 if found is None else len(np.unique(features[found.inliers]))
        if found is None or matches < 4:
            return "nothing in it matches the scene"
        seen = points[found.inliers] @ found.cam_from_world[2, :3] + found.cam_from_world[2, 3]
        depth = float(np.median(seen))
        first = self._align(shot, camera, found.cam_from_world, found.curvature)
        figures = self._figures(shot, camera, found, first, depth, matches)
        objection = figures.objection()
        if objection is not None:
            return objection
        sharing = set(whose[found.inliers].tolist())
        return _Located(
            placed=Placed(number=shot.number, cam_from_world=first.cam_from_world, figures=figures),
            points=points[found.inliers],
            partners=tuple(other for other in self._partners(shot) if other.number in sharing),
        )

    def _matches(
        self, shot: Shot, camera: PinholeCamera
    ) -> tuple[Double, Double, NDArray[np.int64], NDArray[np.int64]]:
        """Points of the room, the rays along which the frame sees them, which of its features, whose depth it was."""
        mine = self._found[shot.number]
        points, rays = list[Double](), list[Double]()
        features, whose = list[NDArray[np.int64]](), list[NDArray[np.int64]]()
        for other in self._partners(shot):
            theirs = self._found.get(other.number)
            if theirs is None:
                continue
            pairs = match(mine.descriptors, theirs.descriptors).astype(np.int64)
            seen = other.camera.resized(*self._scene.size)
            lifted, is_good = lift(self._view(other), seen, theirs.places[pairs[:, 1]])
            points.append(lifted[is_good])
            rays.append(rays_of(camera, mine.places[pairs[is_good, 0]]))
            features.append(pairs[is_good, 0])
            whose.append(np.full(int(is_good.sum()), other.number))
        return np.concatenate(points), np.concatenate(rays), np.concatenate(features), np.concatenate(whose)

    def _witnesses(self, shot: Shot) -> list[PinholeCamera]:
        """The known frames that may have seen what the frame sees."""
        return [other.camera for other in self._partners(shot)]

    def _align(self, shot: Shot, camera: PinholeCamera, pose: Double, curvature: Double) -> Aligned:
        here = replace(camera, cam_from_world=pose.astype(np.float32))
        return align(
            self._scene, self._splats, self._scene.picture(shot.path), here, curvature, self._witnesses(shot)
        )

    def _figures(
        self,
        shot: Shot,
        camera: PinholeCamera,
        found: Resection,
        first: Aligned,
        depth: float,
        matches: int,
    ) -> Figures:
        sign = np.where(np.random.default_rng(shot.number).integers(0, 2, 6) == 0, -1.0, 1.0) / np.sqrt(3)
        push = sign * PUSH * np.array([0.5, 0.5, 0.5, depth, depth, depth])
        pushed = RigidTransform.exp(push).matrix @ first.cam_from_world
        second = self._align(shot, camera, pushed, found.curvature)
        here = replace(camera, cam_from_world=first.cam_from_world.astype(np.float32))
        view = self._scene.view(here)
        mask = shown(view.depth, view.alpha, here, self._witnesses(shot))
        return Figures(
            matches=matches,
            sigma=found.center_sigma / depth,
            covered=float(mask.mean()),
            explained=explained(view, mask, self._scene.picture(shot.path)),
            explained_around=float(np.median([self._explained(other) for other in self._nearest(shot)])),
            drift=distance(found.cam_from_world, first.cam_from_world, depth),
            comes_back=distance(first.cam_from_world, second.cam_from_world, depth),
            speed=self._speed(shot, center(first.cam_from_world), depth),
        )

    def _speed(self, shot: Shot, place: Double, depth: float) -> float:
        """How fast the film would have to be to reach ``place`` from the nearest known frame, in its median speeds.

        A film that stands still has no speed: a hundredth of the depth a frame counts as none.
        """
        shots = sorted(self._known, key=lambda other: other.time_s)
        times = np.array([other.time_s for other in shots])
        centers = np.stack([center(other.camera.cam_from_world) for other in shots])
        gaps = np.maximum(np.diff(times), 1e-9)
        typical = float(np.median(np.linalg.norm(np.diff(centers, axis=0), axis=1) / gaps))
        slowest = 0.01 * depth / float(np.median(gaps))
        nearest = int(np.argmin(np.abs(times - shot.time_s)))
        gap = max(abs(float(times[nearest]) - shot.time_s), float(np.median(gaps)))
        return float(np.linalg.norm(place - centers[nearest]) / gap / max(typical, slowest))

    def _accept(self, shot: Shot, located: _Located) -> None:
        """From now on the frame is known, and the scene shows what it sees."""
        placed = located.placed
        camera = replace(shot.camera, cam_from_world=placed.cam_from_world.astype(np.float32))
        known = replace(shot, camera=camera)
        self._placed.append(placed)
        self._known.append(known)
        view, small = self._view(known), camera.resized(*self._scene.size)
        mask = shown(view.depth, view.alpha, small, [one.camera for one in located.partners])
        self._grow(known, mask, project(small, located.points), located.partners)

    def _fill(self, todo: Sequence[Shot]) -> None:
        """Let the scene show all that the known frames next to lost ones see.

        What only the last frame before a gap saw has no points, and a brief training leaves it dark; but it is what
        the first lost frame sees, too.
        """
        edges = {self._nearest(shot)[0].number: self._nearest(shot)[0] for shot in todo}
        for known in [edges[number] for number in sorted(edges)]:
            view = self._view(known)
            mask = view.alpha > COVERED
            rows, columns = (place[::SAMPLED] for place in np.nonzero(mask))
            depths = view.depth[rows, columns].astype(np.float64)
            pixels = np.column_stack([columns, rows]).astype(np.float64) + 0.5
            self._grow(known, mask, (pixels, depths), self._nearest(known)[1:])

    def _nearest(self, shot: Shot) -> list[Shot]:
        """The known frames around it in time, nearest first."""
        return sorted(self._known, key=lambda other: (abs(other.time_s - shot.time_s), other.number))[:AROUND]

    def _grow(
        self, known: Shot, mask: NDArray[np.bool_], depths: tuple[Double, Double], others: Sequence[Shot]
    ) -> None:
        """New Gaussians where a known frame sees what is not in ``mask``; ``depths``: some pixels and their depth."""
        if mask.mean() >= ENOUGH or self._config.growth_steps == 0:
            return
        picture, small = self._scene.picture(known.path), known.camera.resized(*self._scene.size)
        new = new_gaussians(~mask, small, picture, *depths)
        if new is None:
            return
        # The frame itself twice: the others are in the scene already.
        window = [(one.path, one.camera) for one in (known, known, *others)]
        steps, extent = self._config.growth_steps, float(np.median(depths[1]))
        seed = self._config.seed + known.number
        self._scene = grown(self._scene, new, window, steps=steps, extent=extent, seed=seed)
        gaussians = self._scene.gaussians
        self._splats = self._scene.engine.create(gaussians, sh_degree=gaussians.sh_degree)
        self._views.clear()
        self._around.clear()
