"""From pictures to features and matches, for a solver that knows nothing of networks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.progress import Progress, ReportProgress, silent
from roomsplat.media.images import read_image, reduced_size, resize_image
from roomsplat.priors.features import Extractor, Kind, LearnedFeatures
from roomsplat.priors.lightglue import Matcher
from roomsplat.priors.torch_device import Device

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedConfig:
    """How features are found and matched by networks."""

    features: Kind = "aliked"
    """Which network finds them."""
    max_side: int = 1280
    """Pictures are reduced to this many px on their longer side; positions are in px of the reduced ones."""
    max_features: int = 2048
    """At most this many a picture."""
    batch: int = 1
    """Pictures that are looked at together; ALIKED takes 1.6 GB for each of 720×1280 px."""
    device: Device = "auto"
    """Where the networks run."""


def learned_features(
    paths: Sequence[Path],
    config: LearnedConfig,
    report: ReportProgress = silent,
    *,
    extractor: Extractor | None = None,
) -> list[LearnedFeatures]:
    """Features of every picture, in order; all pictures have one size.

    Raises:
        InvalidFileError: a picture cannot be read.
        NotInstalledError: the extra ``learned`` is not installed.
        WeightsError: the weights are not to be had.
    """
    network = extractor or Extractor(config.features, max_features=config.max_features, device=config.device)
    result = list[LearnedFeatures]()
    for start in range(0, len(paths), config.batch):
        result += network.find([_reduced(path, config) for path in paths[start : start + config.batch]])
        report(
            Progress(
                fraction=len(result) / len(paths), message=f"features of frame {len(result)} of {len(paths)}"
            )
        )
    return result


def learned_matches(
    paths: Sequence[Path],
    pairs: Sequence[Pair],
    config: LearnedConfig,
    report: ReportProgress = silent,
    *,
    extractor: Extractor | None = None,
    matcher: Matcher | None = None,
) -> tuple[list[LearnedFeatures], list[NDArray[np.uint32]]]:
    """Features of every picture, and (n, 2) numbers of features that LightGlue takes for the same, for each pair.

    Raises:
        InvalidFileError: a picture cannot be read.
        NotInstalledError: the extra ``learned`` is not installed.
        WeightsError: the weights are not to be had.
    """
    features = learned_features(paths, config, _half(report, 0), extractor=extractor)
    network, told = matcher or Matcher(config.features, device=config.device), _half(report, 0.5)
    found = list[NDArray[np.uint32]]()
    for first, second in pairs:
        found.append(network.match(features[first], features[second]))
        told(
            Progress(fraction=len(found) / len(pairs), message=f"matching: pair {len(found)} of {len(pairs)}")
        )
    return features, found


def _half(report: ReportProgress, begin: float) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        report(Progress(fraction=begin + progress.fraction / 2, message=progress.message))

    return tell


def _reduced(path: Path, config: LearnedConfig) -> NDArray[np.uint8]:
    picture = read_image(path)
    return resize_image(picture, *reduced_size(picture.shape[1], picture.shape[0], config.max_side))
