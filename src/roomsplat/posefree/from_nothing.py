"""Cameras where structure from motion gave none: the film's own order instead of its best-connected pictures.

Incremental mapping begins where matches are most and goes where they are many; where a film shows little, that is a few
places that look alike, and what lies between is lost or joined wrongly. Here a model begins with two frames and goes
along the film, frame by frame (``journey.py``). What is still lost then is placed against the scene (``stage.py``).
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.images import Frame
from roomsplat.core.progress import Progress, ReportProgress, RunWarning, silent
from roomsplat.errors import OutputError, RegistrationError
from roomsplat.media.images import read_header, reduced_size
from roomsplat.posefree.bridge import bridge, joined
from roomsplat.posefree.bundle import Lens, World, errors
from roomsplat.posefree.features import Found, Matched, find_and_match
from roomsplat.posefree.journey import Journey, Model, intersected
from roomsplat.posefree.tracks import chained
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.manifest import SfmResult, save_sfm
from roomsplat.sfm.quality import FILM_HINT
from roomsplat.sfm.shares import part
from roomsplat.sfm.solution import Lens as FilmLens
from roomsplat.sfm.solution import Solution
from roomsplat.sfm.solve import finish
from roomsplat.sfm.support import Evidence, MatchedPair, weigh

Double = NDArray[np.float64]

USUAL_FOCAL = 1.2
"""Of the longer side, where the film's file says nothing: what sfm begins with, too."""
MATCHED_SHARE, GROWN_SHARE = 0.4, 0.9
"""Of the progress, when matches are found and when the model has grown."""
MIN_SUPPORT = 0.5
"""Of a frame by its matches, and of a cut of the film by those across it; what has less is dropped, as in sfm."""
SIDE = 1280
"""px of the longer side that errors of matches are told in: sfm's."""
MIN_FRAMES = 3
MIN_PART_FRAMES, MAX_PARTS = 8, 6
"""Frames left over that may be another part of the film, and how many parts there may be."""


def cameras_from_nothing(
    frames: Sequence[Frame],
    out_dir: Path,
    config: SfmConfig,
    report: ReportProgress = silent,
    *,
    why: str = "Matching alone found no model of the whole film",
) -> SfmResult:
    """Find the cameras of a film that matching alone found none for, and leave in ``out_dir`` what sfm would.

    ``out_dir`` exists and is empty. The same input gives the same result. ``why`` it is done is told as a warning.

    Raises:
        CrashError: the search for features was killed or crashed.
        RegistrationError: no usable solution.
        InvalidFileError: a frame cannot be read.
        OutputError: a result cannot be written.
    """
    work = out_dir / "work"
    try:
        work.mkdir()
        (out_dir / "images").mkdir()
        found, matched = find_and_match(
            [frame.path for frame in frames],
            work,
            part(report, 0, MATCHED_SHARE),
            max_side=config.max_side,
            threads=config.threads,
        )
    except OSError as error:
        raise OutputError(
            f"{out_dir} could not be written ({error.strerror}).", hint="Choose another output folder."
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    header = read_header(frames[0].path)
    size = reduced_size(header.width, header.height, config.max_side)
    usual = Lens(focal=config.focal_ratio or USUAL_FOCAL)
    solution = solve(found, matched, size, usual, config.seed, part(report, MATCHED_SHARE, GROWN_SHARE))
    if solution is None:
        raise RegistrationError(
            "No few frames of the film show enough of the same things to begin with.", hint=FILM_HINT
        )
    result = finish(solution, frames, out_dir, config, part(report, GROWN_SHARE, 1))
    told = RunWarning(
        code="cameras_from_nothing",
        message=f"{why}; {len(result.frames)} of {len(frames)} cameras were "
        "found frame by frame along the film, which may bend a long path a little.",
    )
    result = replace(result, warnings=(told, *result.warnings))
    save_sfm(out_dir, result)
    return result


def solve(
    found: Sequence[Found],
    matched: Sequence[Matched],
    size: tuple[int, int],
    usual: Lens,
    seed: int,
    report: ReportProgress = silent,
) -> Solution | None:
    """Cameras and points from features and matches; ``None`` where not even a few frames hang together.

    ``size``: (width, height) px that errors and the lens are told in; ``usual``: where the lens begins.
    """
    shape = np.array(size) / max(size)
    places = [(one.places - 0.5) * shape for one in found]
    tracks, _ = chained([len(one.places) for one in found], matched)
    journey = Journey(tracks, places, usual, seed)
    parts = _parts(journey, len(found), report)
    if not parts:
        return None
    model, bridges = _united(journey, parts)
    matched = [one for one in matched if not any(one.first <= a < one.second for a in bridges)]
    _drop_unfounded(journey, model, places, matched, bridges)
    if len(model.poses) < MIN_FRAMES:
        return None
    return _solution(journey, model, found, tracks.features, size, _evidence(model, places, matched))


def _parts(journey: Journey, count: int, report: ReportProgress) -> list[Model]:
    """Models of parts of the film that share no frame, largest first; each grows as far as it can."""
    left, parts = np.ones(count, np.bool_), list[Model]()
    while left.sum() >= MIN_PART_FRAMES and len(parts) < MAX_PARTS:
        before = count - int(left.sum())

        def tell(placed: int, before: int = before) -> None:
            done = before + placed
            message, metrics = f"{done} of {count} cameras", {"registered": float(done)}
            report(Progress(fraction=done / count, message=message, metrics=metrics))

        model = journey.begin(left)
        if model is None:
            break
        journey.grow(model, left, tell)
        if len(model.poses) < MIN_FRAMES:
            break
        parts.append(model)
        left[list(model.poses)] = False
    return sorted(parts, key=lambda part: -len(part.poses))


def _united(journey: Journey, parts: Sequence[Model]) -> tuple[Model, list[int]]:
    """The largest part with all that follow it closely in the film, and the frames before each bridge."""
    model, rest, bridges = parts[0], list(parts[1:]), list[int]()
    while True:
        found = [(other, between) for other in rest if (between := bridge(model, other)) is not None]
        if not found:
            break
        other, (similarity, first, second) = found[0]
        model = joined(model, other, similarity)
        rest = [one for one in rest if one is not other]
        bridges.append(min(first, second))
    if bridges:
        journey.bundle_all(model)
    return model, bridges


def _drop_unfounded(
    journey: Journey,
    model: Model,
    places: Sequence[Double],
    matched: Sequence[Matched],
    bridges: Sequence[int],
) -> None:
    """Take out frames that contradict their own matches, then the smaller side of every cut that is not borne out."""
    while len(model.poses) >= MIN_FRAMES:
        frames, evidence = np.array(sorted(model.poses)), _evidence(model, places, matched)
        alone, cuts = evidence.of_frames(frames), evidence.of_cuts(frames)
        for last in bridges:  # nothing crosses them: that is why they are bridges
            cuts[frames[:-1] == frames[frames <= last].max(initial=-1)] = 1
        wrong = frames[alone < MIN_SUPPORT].tolist()
        if not wrong and cuts.min() < MIN_SUPPORT:
            cut = int(np.argmin(cuts)) + 1
            wrong = frames[:cut].tolist() if 2 * cut < len(frames) else frames[cut:].tolist()
        if not wrong:
            return
        for frame in wrong:
            del model.poses[frame]
        if model.poses:
            journey.bundle_all(model)


def _evidence(model: Model, places: Sequence[Double], matched: Sequence[Matched]) -> Evidence:
    """What all matches say of the cameras, those that were never used included."""
    rows = {frame: row for row, frame in enumerate(sorted(model.poses))}
    pairs = [
        MatchedPair(
            first=rows[one.first],
            second=rows[one.second],
            rays_first=model.lens.rays(places[one.first][one.features[:, 0]]),
            rays_second=model.lens.rays(places[one.second][one.features[:, 1]]),
        )
        for one in matched
        if one.first in rows and one.second in rows
    ]
    poses = np.stack([model.poses[frame] for frame in rows])
    return weigh(pairs, np.array(list(rows)), poses, SIDE * model.lens.focal)


def _solution(
    journey: Journey,
    model: Model,
    found: Sequence[Found],
    features: NDArray[np.int64],
    size: tuple[int, int],
    evidence: Evidence,
) -> Solution:
    """The model as sfm tells it."""
    seen, rows, which = journey.agreeing(model)
    numbers = np.unique(journey.tracks[which])
    poses = np.stack([model.poses[frame] for frame in rows.tolist()])
    world = World(poses=poses, points=model.points[numbers], lens=model.lens)
    longest, count = max(size), len(numbers)
    tracks = np.bincount(seen.points, minlength=count)
    off, colors = np.zeros(count), np.zeros((count, 3))
    np.add.at(off, seen.points, errors(world, seen) * longest)
    offsets = np.cumsum([0, *(len(one.places) for one in found)])
    of_all = np.concatenate([one.colors for one in found])
    np.add.at(colors, seen.points, of_all[offsets[journey.frames[which]] + features[which]])
    angles = intersected(poses, model.lens.rays(seen.places), seen)[1]
    lens = FilmLens(
        focal=model.lens.focal * longest, cx=size[0] / 2, cy=size[1] / 2, k=model.lens.k, width=size[0], height=size[1]
    )  # fmt: skip
    return Solution(
        lens=np.array([lens.focal, lens.cx, lens.cy, lens.k, lens.width, lens.height], np.float64),
        frames=rows,
        cam_from_world=poses,
        points=world.points,
        colors=np.round(colors / np.maximum(tracks, 1)[:, None]).astype(np.uint8),
        errors=off / np.maximum(tracks, 1),
        is_assumed=np.zeros(count, np.bool_),
        track_lengths=tracks,
        angles=np.degrees(angles),
        observation_frames=seen.cameras,
        observation_points=seen.points,
        support=evidence.of_cuts(rows),
        other_models=np.zeros(0, np.int64),
    )
