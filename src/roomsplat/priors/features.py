"""Features that a network finds: ALIKED (Zhao et al. 2023), DISK (Tyszkiewicz et al. 2020), XFeat (Potje et al. 2024).

The networks are kornia's. Whatever one of them calls a pixel, positions leave here as everywhere in roomsplat: in px
of the picture, the centre of the first pixel at (0.5, 0.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from roomsplat.priors.torch_device import Device, choose_device, fill, import_torch, read_state, steady
from roomsplat.priors.weights import WEIGHTS, Weights, weights_path

Float = NDArray[np.float32]
Kind = Literal["aliked", "disk", "xfeat"]

BYTE_SCALE = 256.0
"""Steps per unit of a descriptor's component, stored as 128 ± 127: no component of ALIKED's reached 0.5 on `office`."""
BYTE_WIDTH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedFeatures:
    """What was found in one picture, best first."""

    keypoints: Float
    """(n, 2) px."""
    descriptors: Float
    """(n, d) of length 1; d is 128, for XFeat 64."""
    scores: Float
    """(n,) how sure the network is; comparable within one network only."""
    width: int
    """Of the picture, px."""
    height: int
    """Of the picture, px."""


class Extractor:
    """A network on a device, ready to look at pictures."""

    def __init__(
        self, kind: Kind, *, max_features: int = 2048, device: Device = "auto", weights: Weights | None = None
    ) -> None:
        """Load the network.

        Args:
            kind: which network.
            max_features: at most this many a picture, the best ones.
            device: where it runs.
            weights: another file than the published one (tests).

        Raises:
            NotInstalledError: the extra ``learned`` is not installed.
            WeightsError: its weights are not to be had.
        """
        self.kind, self._max = kind, max_features
        self._device = choose_device(device)
        path = weights_path(weights or WEIGHTS[kind])
        self._network = untrained(kind, max_features)
        state = read_state(path)
        if kind == "xfeat":
            state = {f"net.{name.removeprefix('net.')}": value for name, value in state.items()}
        fill(self._network, state, path)
        self._network.to(self._device)

    def find(self, images: Sequence[NDArray[np.uint8]]) -> list[LearnedFeatures]:
        """Features of (h, w, 3) sRGB pictures, all of one size: they are looked at together."""
        torch = import_torch()
        if len({image.shape for image in images}) > 1:
            raise ValueError("pictures that are looked at together must have one size")
        if not images:
            return []
        height, width = images[0].shape[:2]
        batch = torch.from_numpy(np.stack(images)).to(self._device).permute(0, 3, 1, 2).float() / 255
        with steady():
            looked = self._look(batch)
        return [_best_first(one, self._max, width, height) for one in looked]

    def _look(self, batch: Any) -> list[tuple[Any, Any, Any]]:
        """(positions, descriptors, scores) of each picture, positions with pixel centres at +0.5."""
        height, width = batch.shape[2:]
        if self.kind == "aliked":
            return [(f.keypoints + 0.5, f.descriptors, f.keypoint_scores) for f in self._network(batch)]
        if self.kind == "disk":
            looked = self._network(batch, n=self._max, pad_if_not_divisible=True)
            return [(f.keypoints + 0.5, f.descriptors, f.detection_scores) for f in looked]
        # XFeat looks at a picture of whole blocks of 32 px; half of *its* pixel is what is missing to the centre
        half = [0.5 * side / max(32, side // 32 * 32) for side in (width, height)]
        shift = import_torch().tensor(half, device=batch.device)
        looked = self._network.detectAndCompute(batch, top_k=self._max, detection_threshold=0.0)
        return [(f["keypoints"] + shift, f["descriptors"], f["scores"]) for f in looked]


def _best_first(found: tuple[Any, Any, Any], count: int, width: int, height: int) -> LearnedFeatures:
    """The ``count`` best; equal ones by their place, so that their order never depends on the network's."""
    keypoints, descriptors, scores = (np.asarray(part.cpu().numpy(), np.float32) for part in found)
    order = np.lexsort((keypoints[:, 0], keypoints[:, 1], -scores))[:count]
    return LearnedFeatures(
        keypoints=keypoints[order],
        descriptors=descriptors[order],
        scores=scores[order],
        width=width,
        height=height,
    )


def untrained(kind: Kind, max_features: int) -> Any:
    """The network without weights; nothing is fetched.

    ALIKED and XFeat are asked for their best features, not for those above a score: what a plain corner of a room has
    is weak, and is all that there is (`office`, frames 48 to 50; docs/decisions/0061).
    """
    # it takes seconds, and is an extra: only who asks for it pays
    import kornia.feature as networks  # noqa: PLC0415  # pyright: ignore[reportMissingModuleSource]

    if kind == "aliked":
        return networks.ALIKED("aliked-n16", max_num_keypoints=max_features, detection_threshold=0)
    return networks.DISK() if kind == "disk" else networks.XFeat(top_k=max_features)


def to_bytes(descriptors: Float) -> NDArray[np.uint8]:
    """(n, 128) as COLMAP's database keeps them: distances stay what they are but for a step of 1/256."""
    count, width = descriptors.shape
    stored = np.full((count, BYTE_WIDTH), 128, np.uint8)
    stored[:, :width] = np.clip(np.rint(128 + BYTE_SCALE * descriptors), 0, 255)
    return stored


def from_bytes(stored: NDArray[np.uint8], kind: Kind) -> Float:
    """(n, d) of length 1 again; the other way round of ``to_bytes``."""
    values = (stored[:, : 64 if kind == "xfeat" else BYTE_WIDTH].astype(np.float32) - 128) / BYTE_SCALE
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), np.float32(1e-6))
