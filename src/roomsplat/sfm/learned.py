"""Features and matches from networks in place of SIFT's: ``roomsplat.priors``, the extra ``learned``.

Descriptors are kept as bytes, as COLMAP keeps its own, so that everything behind this file is the same for both.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.progress import Progress, ReportProgress
from roomsplat.media.images import read_image, reduced_size, resize_image
from roomsplat.media.masks import mask_of, read_mask, shrink_mask
from roomsplat.priors.features import Extractor, Kind, LearnedFeatures, from_bytes, to_bytes
from roomsplat.priors.lightglue import Matcher
from roomsplat.sfm.colmap import Session
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.features import CLOSER_FEATURES, Features, colors_at
from roomsplat.sfm.matching import match_frames
from roomsplat.sfm.pairs import Pair

BATCH = 1  # pictures that a network sees together: ALIKED takes 1.6 GB for each of 720 x 1280 px
# The second best neighbour of a network's descriptor is nearer than SIFT's. On `office`, ALIKED, verified matches of
# frames 48-49, 49-50, 48-50 and of two pairs that share nothing: 32, 73, 0 and 0, 0 under 0.8; 71, 159, 17 and 0, 0
# under 0.9; 105, 250, 32 and 0, 26 under 0.95.
MAX_RATIO = 0.9


class LearnedFinder:
    """Finds the features of a film with one network."""

    def __init__(self, kind: Kind, config: SfmConfig) -> None:
        """Load the network; see ``Extractor`` for what may be missing."""
        self._kind: Kind = kind
        self._config = config
        self._extractor = Extractor(kind, max_features=config.max_features)

    def find(self, session: Session, paths: Sequence[Path], report: ReportProgress) -> list[Features]:
        """Features of all frames, in their order; they are entered into the session."""
        result, size = list[Features](), (0, 0)
        for start in range(0, len(paths), BATCH):
            found, size = self._look(self._extractor, paths[start : start + BATCH], 1)
            result += found
            report(
                Progress(
                    fraction=len(result) / len(paths),
                    message=f"features of frame {len(result)} of {len(paths)}",
                )
            )
        session.enter(size, [(one.keypoints, one.descriptors) for one in result])
        return result

    def look_closer(self, paths: Sequence[Path], indices: Sequence[int]) -> list[Features]:
        """More features of these frames, on pictures of up to twice their size; positions as in ``find``."""
        count = max(self._config.max_features, CLOSER_FEATURES)
        extractor = Extractor(self._kind, max_features=count)
        return [self._look(extractor, [paths[index]], 2)[0][0] for index in indices]

    def _look(
        self, extractor: Extractor, paths: Sequence[Path], factor: int
    ) -> tuple[list[Features], tuple[int, int]]:
        """Features in px of pictures of ``max_side``, seen on pictures up to ``factor`` times as large."""
        pictures, size, result = list[NDArray[np.uint8]](), (0, 0), list[Features]()
        for path in paths:
            picture = read_image(path)
            size = reduced_size(picture.shape[1], picture.shape[0], self._config.max_side)
            seen = reduced_size(picture.shape[1], picture.shape[0], factor * self._config.max_side)
            pictures.append(resize_image(picture, *seen))
        for path, picture, one in zip(paths, pictures, extractor.find(pictures), strict=True):
            counts = _counted(path, one.keypoints, (picture.shape[1], picture.shape[0]))
            scale = np.array(size, np.float32) / np.array([one.width, one.height], np.float32)
            result.append(
                Features(
                    keypoints=(one.keypoints * scale).astype(np.float32)[counts],
                    descriptors=to_bytes(one.descriptors)[counts],
                    colors=colors_at(picture, one.keypoints)[counts],
                )
            )
        return result, size


def _counted(path: Path, keypoints: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(n,) which of (n, 2) px of the picture at ``path``, seen at ``size``, its mask leaves."""
    mask = mask_of(path)
    if mask is None:
        return np.ones(len(keypoints), np.bool_)
    left = shrink_mask(read_mask(mask), *size).astype(np.uint8)
    return colors_at(np.repeat(left[..., None], 3, axis=2), keypoints)[:, 0] > 0


class NearestMatcher:
    """Matches the features of a session by their descriptors, as a network's want to be."""

    def __init__(self, threads: int) -> None:
        """``threads``: pairs that are compared at a time."""
        self._threads = threads

    def __call__(
        self,
        frames: Mapping[int, tuple[NDArray[np.float32], NDArray[np.uint8]]],
        size: tuple[int, int],
        pairs: Sequence[Pair],
    ) -> list[NDArray[np.uint32]]:
        """(n, 2) feature numbers for each pair; ``frames`` holds keypoints and descriptors of each frame."""
        del size
        descriptors = {frame: descriptors for frame, (_, descriptors) in frames.items()}
        return match_frames(descriptors, pairs, self._threads, MAX_RATIO)


class LearnedMatcher:
    """Matches the features of a session with LightGlue."""

    def __init__(self, kind: Kind) -> None:
        """Load the network; see ``Matcher`` for what may be missing."""
        self._kind: Kind = kind
        self._network = Matcher(kind)

    def __call__(
        self,
        frames: Mapping[int, tuple[NDArray[np.float32], NDArray[np.uint8]]],
        size: tuple[int, int],
        pairs: Sequence[Pair],
    ) -> list[NDArray[np.uint32]]:
        """(n, 2) feature numbers for each pair; ``frames`` holds keypoints and descriptors of each frame."""
        features = {
            frame: LearnedFeatures(
                keypoints=keypoints,
                descriptors=from_bytes(descriptors, self._kind),
                scores=np.zeros(len(keypoints), np.float32),
                width=size[0],
                height=size[1],
            )
            for frame, (keypoints, descriptors) in frames.items()
        }
        return [self._network.match(features[first], features[second]) for first, second in pairs]
