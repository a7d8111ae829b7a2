"""Is the solution any good? Figures, warnings and refusals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.images import Frame
from roomsplat.core.progress import RunWarning
from roomsplat.errors import RegistrationError
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.solution import Solution

MAX_REPROJECTION_PX = 2.0
FOCAL_RANGE = (0.45, 2.5)  # of the longer side: 96° to 23°; phones' lenses lie between 0.6 and 2.2
JUMP_FACTOR = 6.0
CUT_SUPPORT = (
    0.8  # a jump that the matches bear out this well is a cut in the film, as `can` has three, and no mistake
)
MIN_PARALLAX_DEG = 1.0
MIN_SUPPORT = 0.5
FILM_HINT = "Film again: walk slowly sideways around the room, do not only turn in place."


class NoModelError(RegistrationError):
    """Matching found no model, or one of a few frames: a start from nothing may still find one.

    To the user it is a ``RegistrationError`` like any other, hence not among the errors with codes of their own.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class SfmQuality:
    """How good the cameras are, as far as they can tell themselves."""

    num_input: int
    """Frames offered."""
    num_registered: int
    """Frames with a camera."""
    num_turned: int
    """Of these, frames placed by rotation alone, where their neighbour stands (``turns.py``)."""
    num_points: int
    """Points kept, those of assumed distance included."""
    reprojection_error_px: float
    """Mean over the points, in px of the pictures as filmed."""
    track_length: float
    """Mean number of frames that saw a point."""
    parallax_deg: float
    """Median over the points of the widest angle under which a point was seen."""
    focal_ratio: float
    """Focal length over the longer side."""
    distortion: float
    """Radial term k: r becomes r (1 + k r²)."""
    support: float
    """The smallest share, over all cuts of the film, of the verified matches across it that the cameras explain."""
    path_length: float
    """Of the camera's way, in units of the result."""
    jumps: tuple[int, ...]
    """Numbers (``Frame.index``) of the frames before which the camera jumps: cuts of the film, or mistakes."""


def measure(
    solution: Solution,
    frames: Sequence[Frame],
    centers: NDArray[np.float64],
    keep: NDArray[np.bool_],
    scale: float,
) -> SfmQuality:
    """Figures of a solution.

    Args:
        solution: what the solver found.
        frames: all frames offered.
        centers: (c, 3) camera positions in the world of the result.
        keep: (p,) points that passed the filter.
        scale: px of the pictures as filmed per px of the reduced ones.
    """
    num_points = int(keep.sum())
    keep = keep & ~solution.is_assumed
    angles = solution.angles[~solution.is_assumed]
    measured = ~solution.is_assumed[solution.observation_points]
    registered = [frames[i] for i in solution.frame_numbers]
    lens = solution.camera
    jumps = find_jumps(centers, np.array([frame.timestamp_s for frame in registered]))
    return SfmQuality(
        num_input=len(frames),
        num_registered=len(registered),
        num_turned=len(registered) - len(np.unique(solution.observation_frames[measured])),
        num_points=num_points,
        reprojection_error_px=_mean(solution.errors[keep]) * scale,
        track_length=_mean(solution.track_lengths[keep]),
        parallax_deg=float(np.median(angles)) if len(angles) else 0.0,
        focal_ratio=lens.focal / max(lens.width, lens.height),
        distortion=lens.k,
        support=float(solution.support.min()) if len(solution.support) else 0.0,
        path_length=float(np.linalg.norm(np.diff(centers, axis=0), axis=1).sum()),
        jumps=tuple(registered[i].index for i in jumps),
    )


def find_jumps(centers: NDArray[np.float64], times_s: NDArray[np.float64]) -> list[int]:
    """Rows i where the camera moves from i - 1 to i much faster than it does around there.

    Speed is compared with the median of the ten nearest steps: a walk has pauses and strides, a jump has neither.
    """
    if len(centers) < 4:
        return []
    gaps = np.diff(times_s)
    typical_gap = float(np.median(gaps))
    speeds = np.linalg.norm(np.diff(centers, axis=0), axis=1) / np.maximum(gaps, typical_gap)
    overall = float(np.median(speeds))
    jumps = list[int]()
    for i, speed in enumerate(speeds):
        near = np.delete(speeds[max(0, i - 5) : i + 6], min(i, 5))
        if speed > JUMP_FACTOR * max(float(np.median(near)), 0.5 * overall):
            jumps.append(i + 1)
    return jumps


def refuse_bad(quality: SfmQuality, config: SfmConfig) -> None:
    """End the run where going on would waste the user's time.

    Raises:
        RegistrationError: too few cameras, mostly turns, or no parallax.
    """
    share = quality.num_registered / max(quality.num_input, 1)
    if quality.num_registered < config.min_model_frames or share < config.min_registered_share:
        raise NoModelError(
            f"Only {quality.num_registered} of {quality.num_input} frames could be placed in one room.",
            hint="Film slowly, with light on and things in view, and keep what you have seen partly in the picture.",
        )
    if quality.num_turned > quality.num_registered / 2:
        raise RegistrationError(
            f"The camera only turned in {quality.num_turned} of {quality.num_registered} frames: that gives no depth.",
            hint=FILM_HINT,
        )
    if quality.parallax_deg < MIN_PARALLAX_DEG:
        raise RegistrationError(
            f"The camera hardly moved: things are seen under {quality.parallax_deg:.1f}°, which gives no depth.",
            hint=FILM_HINT,
        )


def warnings_of(quality: SfmQuality, solution: Solution, frames: Sequence[Frame]) -> tuple[RunWarning, ...]:
    """What the user should know."""
    result = list[RunWarning]()
    missing = sorted(set(range(len(frames))) - set(solution.frame_numbers))
    if missing:
        where = describe_times([frames[i].timestamp_s for i in missing], [f.timestamp_s for f in frames])
        result.append(
            RunWarning(
                code="frames_not_registered",
                message=f"{len(missing)} of {len(frames)} frames could not be placed ({where}) and are left out.",
            )
        )
    if quality.support < MIN_SUPPORT:
        at = frames[solution.frame_numbers[int(np.argmin(solution.support))]]
        result.append(
            RunWarning(
                code="cameras_uncertain",
                message=f"The film before and after {at.timestamp_s:.1f} s may not fit together; film that part again.",
            )
        )
    numbers = [frames[i].index for i in solution.frame_numbers]
    doubtful = [jump for jump in quality.jumps if solution.support[numbers.index(jump) - 1] < CUT_SUPPORT]
    if doubtful:
        at = frames[solution.frame_numbers[numbers.index(doubtful[0])]]
        result.append(
            RunWarning(
                code="camera_path_jumps",
                message=f"The camera's path jumps {len(doubtful)} times, first at {at.timestamp_s:.1f} s: "
                "parts of the room may be misplaced.",
            )
        )
    if not FOCAL_RANGE[0] <= quality.focal_ratio <= FOCAL_RANGE[1]:
        result.append(
            RunWarning(
                code="focal_implausible",
                message=f"The lens was estimated at {quality.focal_ratio:.2f} of the longer side, as no phone has it.",
            )
        )
    return tuple(result)


def describe_times(missing_s: Sequence[float], all_s: Sequence[float]) -> str:
    """Times as ranges: '16.2–18.5 s'. Neighbours in ``all_s`` join."""
    place = {time: i for i, time in enumerate(all_s)}
    ranges = list[list[float]]()
    for time in missing_s:
        if ranges and place[time] == place[ranges[-1][1]] + 1:
            ranges[-1][1] = time
        else:
            ranges.append([time, time])
    words = [f"{a:.1f} s" if a == b else f"{a:.1f} to {b:.1f} s" for a, b in ranges]
    shown = words[:4]
    return ", ".join(shown) + (f" and {len(words) - 4} more places" if len(words) > 4 else "")


def _mean(values: NDArray[np.floating] | NDArray[np.integer]) -> float:
    return float(values.mean()) if len(values) else 0.0
