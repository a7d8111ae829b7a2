"""What every kept picture of the film was like: blurred, dark, turning, lost. The report and its advice read this."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras
from roomsplat.core.images import Frame
from roomsplat.media.images import read_reduced
from roomsplat.pipeline.blur import SIDE, edge_width
from roomsplat.train.evaluate import ImageScore

Double = NDArray[np.float64]

LOOKED_AT = 200
"""Pictures that are opened: a long film's are thinned evenly, 30 ms each in full HD."""
CLIPPED = 250
"""Grey levels from here on show nothing any more."""
THREADS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmFigures:
    """Arrays over the n kept pictures, in the film's order; NaN where nothing is known."""

    times_s: Double
    """(n,) seconds from the start; for a folder of images their place."""
    names: tuple[str, ...]
    registered: NDArray[np.bool_]
    """(n,) has a camera."""
    lost: Mapping[int, str]
    """Place of each picture without a camera, and why."""
    blur: Double
    """(n,) width of the edges in px at ``blur.SIDE``."""
    brightness: Double
    """(n,) mean level, 0 to 1 of white as it is stored (sRGB)."""
    clipped: Double
    """(n,) share of the picture that is burnt out."""
    turning: Double
    """(n,) degrees a second, to the next picture with a camera."""
    psnr: Double
    """(n,) dB of held-out pictures."""
    ssim: Double
    """(n,) of held-out pictures."""
    gains: Double
    """(n,) how much brighter the camera made the picture than it made the film on average (1: no difference)."""
    is_film: bool
    """Times are seconds."""

    def __len__(self) -> int:
        """The number of pictures."""
        return len(self.times_s)


def film_figures(
    frames: Sequence[Frame],
    registered: Sequence[Frame],
    cameras: Cameras,
    *,
    is_film: bool,
    scores: Sequence[ImageScore] = (),
    gains: Double | None = None,
    reasons: Mapping[int, str] | None = None,
) -> FilmFigures:
    """Gather the figures.

    Args:
        frames: all kept pictures.
        registered: those with a camera, in the order of ``cameras``.
        cameras: theirs.
        is_film: times are seconds.
        scores: of held-out pictures; ``index`` counts in ``registered``.
        gains: (c,) of ``registered``, NaN where unknown.
        reasons: why pictures have no camera, by their place in ``frames``; others were lost by matching.
    """
    place = {frame.index: number for number, frame in enumerate(frames)}
    rows = np.array([place[frame.index] for frame in registered], np.int64)
    times = np.array([frame.timestamp_s for frame in frames], np.float64)
    has_camera = np.zeros(len(frames), np.bool_)
    has_camera[rows] = True
    unknown = np.full(len(frames), np.nan)
    psnr, ssim, all_gains, turning = unknown.copy(), unknown.copy(), unknown.copy(), unknown.copy()
    for score in scores:
        psnr[rows[score.index]], ssim[rows[score.index]] = score.psnr, score.ssim
    if gains is not None:
        all_gains[rows] = gains
    if len(rows) > 1:
        turning[rows[:-1]] = turn_rates(cameras, times[rows])
    blur, brightness, clipped = _looked_at([frame.path for frame in frames])
    why = reasons or {}
    return FilmFigures(
        times_s=times,
        names=tuple(frame.name for frame in frames),
        registered=has_camera,
        lost={
            int(number): why.get(int(number), "nothing in it matched the rest of the film")
            for number in np.flatnonzero(~has_camera)
        },
        blur=blur,
        brightness=brightness,
        clipped=clipped,
        turning=turning,
        psnr=psnr,
        ssim=ssim,
        gains=all_gains,
        is_film=is_film,
    )


def turn_rates(cameras: Cameras, times_s: Double) -> Double:
    """(c - 1,) degrees a second that the camera turns from each picture to the next."""
    rotations = np.asarray(cameras.cam_from_world[:, :3, :3], np.float64)
    between = rotations[1:] @ rotations[:-1].transpose(0, 2, 1)
    angles = np.arccos(np.clip((np.trace(between, axis1=1, axis2=2) - 1) / 2, -1, 1))
    return np.degrees(angles) / np.maximum(np.diff(times_s), 1e-3)


def _looked_at(paths: Sequence[Path]) -> tuple[Double, Double, Double]:
    """Edge width, mean level and burnt-out share of each picture, of ``LOOKED_AT`` of them."""
    count = len(paths)
    looked = np.unique(np.linspace(0, count - 1, min(count, LOOKED_AT)).round().astype(np.int64))
    found = np.full((3, count), np.nan)
    with ThreadPoolExecutor(THREADS) as readers:
        seen = readers.map(_impression, [paths[int(number)] for number in looked])
        for number, figures in zip(looked, seen, strict=True):
            found[:, number] = figures
    return found[0], found[1], found[2]


def _impression(path: Path) -> tuple[float, float, float]:
    grey = read_reduced(path, SIDE).astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return edge_width(grey), float(grey.mean()) / 255, float((grey >= CLIPPED).mean())
