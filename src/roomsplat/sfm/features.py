"""Features of every frame, found on reduced pictures: thresholds in px then mean the same for every camera."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.progress import Progress, ReportProgress
from roomsplat.media.images import read_image, reduced_size, resize_image, write_image
from roomsplat.media.masks import mask_of, read_mask, shrink_mask, write_mask
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig

# Pictures per call of the extractor and per thread of it. Progress is told between calls, and only these lie on disk
# at once (2.8 MB each); with few of them most threads wait for the last one (ten pictures kept six of 16 cores idle).
CHUNK_PER_THREAD = 8
PROBES = 6
PEAK = 0.004  # contrast threshold; see the lab notebook
# A second look at a few frames, at twice their size: a corner of `office` had 212 features and now
# has 719, and 25 matches with the next frame where it had none. Half the threshold again: no more matches.
CLOSER_PEAK = 0.002
CLOSER_FEATURES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What was found in one frame."""

    keypoints: NDArray[np.float32]
    """(n, 2) px of the reduced picture."""
    descriptors: NDArray[np.uint8]
    """(n, 128) SIFT, or what a network found, as bytes."""
    colors: NDArray[np.uint8]
    """(n, 3) sRGB at the keypoints."""


def find_features(
    session: Session, paths: Sequence[Path], config: SfmConfig, report: ReportProgress
) -> list[Features]:
    """Features of all frames, in their order."""
    probes = sorted({round(i * (len(paths) - 1) / (PROBES - 1)) for i in range(PROBES)})
    found = _extract(session.beside("probe"), paths, probes, config, upsample=False)
    upsample = sum(len(one.keypoints) for one in found) < config.enough_features * len(probes)
    result, chunk = list[Features](), CHUNK_PER_THREAD * session.extractors
    for start in range(0, len(paths), chunk):
        indices = range(start, min(start + chunk, len(paths)))
        result += _extract(session, paths, indices, config, upsample=upsample)
        report(
            Progress(
                fraction=len(result) / len(paths), message=f"features of frame {len(result)} of {len(paths)}"
            )
        )
    return result


def look_closer(
    session: Session, paths: Sequence[Path], indices: Sequence[int], config: SfmConfig
) -> list[Features]:
    """Features of these frames down to weak ones, on the pictures at twice their size."""
    many = replace(config, max_features=max(config.max_features, CLOSER_FEATURES))
    beside = session.beside("closer")
    result, chunk = list[Features](), CHUNK_PER_THREAD * beside.extractors
    for start in range(0, len(indices), chunk):
        result += _extract(
            beside, paths, indices[start : start + chunk], many, upsample=True, peak=CLOSER_PEAK
        )
    return result


def colors_at(picture: NDArray[np.uint8], keypoints: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(n, 3) of a (h, w, 3) picture at (n, 2) px."""
    height, width = picture.shape[:2]
    x = np.clip(keypoints[:, 0].astype(np.int64), 0, width - 1)
    y = np.clip(keypoints[:, 1].astype(np.int64), 0, height - 1)
    return picture[y, x]


def _extract(
    session: Session,
    paths: Sequence[Path],
    indices: Sequence[int],
    config: SfmConfig,
    *,
    upsample: bool,
    peak: float = PEAK,
) -> list[Features]:
    """Write reduced pictures and masks, find features, sample their colours, remove the pictures."""
    any_masked = any(mask_of(paths[index]) is not None for index in indices)

    def reduce(index: int) -> tuple[int, int]:
        picture = read_image(paths[index])
        size = reduced_size(picture.shape[1], picture.shape[0], config.max_side)
        write_image(session.picture_path(index), resize_image(picture, *size))
        if any_masked:  # COLMAP finds nothing in a picture that lacks a mask where others have one
            mask = mask_of(paths[index])
            counts = np.ones(picture.shape[:2], np.bool_) if mask is None else read_mask(mask)
            write_mask(session.mask_path(index), shrink_mask(counts, *size))
        return size

    def collect(index: int) -> Features:
        keypoints, picture = session.keypoints(index), read_image(session.picture_path(index))
        session.picture_path(index).unlink()
        session.mask_path(index).unlink(missing_ok=True)
        return Features(
            keypoints=keypoints,
            descriptors=session.descriptors(index),
            colors=colors_at(picture, keypoints),
        )

    with ThreadPoolExecutor(
        session.threads
    ) as pool:  # Pillow reads and resizes without the interpreter's lock
        sizes = list(pool.map(reduce, indices))
    session.extract(indices, sizes[0], max_features=config.max_features, upsample=upsample, peak=peak)
    return [collect(index) for index in indices]
