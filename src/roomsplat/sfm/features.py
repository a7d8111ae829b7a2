"""Features of every frame, found on reduced pictures: thresholds in px then mean the same for every camera."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.progress import Progress, ReportProgress
from roomsplat.media.images import read_image, reduced_size, resize_image, write_image
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig

CHUNK = 10  # pictures per call of the extractor: progress is told between calls, and only these lie on disk at once
PROBES = 6
PEAK = 0.004  # contrast threshold; see the lab notebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What was found in one frame."""

    keypoints: NDArray[np.float32]
    """(n, 2) px of the reduced picture."""
    descriptors: NDArray[np.uint8]
    """(n, 128) SIFT."""
    colors: NDArray[np.uint8]
    """(n, 3) sRGB at the keypoints."""


def find_features(
    session: Session, paths: Sequence[Path], config: SfmConfig, report: ReportProgress
) -> list[Features]:
    """Features of all frames, in their order."""
    probes = sorted({round(i * (len(paths) - 1) / (PROBES - 1)) for i in range(PROBES)})
    found = _extract(session.probe(), paths, probes, config, upsample=False)
    upsample = sum(len(one.keypoints) for one in found) < config.enough_features * len(probes)
    result = list[Features]()
    for start in range(0, len(paths), CHUNK):
        indices = range(start, min(start + CHUNK, len(paths)))
        result += _extract(session, paths, indices, config, upsample=upsample)
        report(
            Progress(
                fraction=len(result) / len(paths), message=f"features of frame {len(result)} of {len(paths)}"
            )
        )
    return result


def _extract(
    session: Session, paths: Sequence[Path], indices: Sequence[int], config: SfmConfig, *, upsample: bool
) -> list[Features]:
    """Write reduced pictures, find features, sample their colours, remove the pictures."""
    pictures = dict[int, NDArray[np.uint8]]()
    for i in indices:
        picture = read_image(paths[i])
        width, height = reduced_size(picture.shape[1], picture.shape[0], config.max_side)
        pictures[i] = resize_image(picture, width, height)
        write_image(session.picture_path(i), pictures[i])
    first = pictures[indices[0]]
    size = (first.shape[1], first.shape[0])
    session.extract(indices, size, max_features=config.max_features, upsample=upsample, peak=PEAK)
    result = list[Features]()
    for i in indices:
        keypoints = session.keypoints(i)
        height, width = pictures[i].shape[:2]
        x = np.clip(keypoints[:, 0].astype(np.int64), 0, width - 1)
        y = np.clip(keypoints[:, 1].astype(np.int64), 0, height - 1)
        result.append(
            Features(keypoints=keypoints, descriptors=session.descriptors(i), colors=pictures[i][y, x])
        )
        session.picture_path(i).unlink()
    return result
