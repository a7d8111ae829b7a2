"""Depth from a single picture: Depth Anything V2, Small (Yang et al. 2024).

What the network gives is an inverse depth of unknown scale and unknown shift, different in every picture; the points
that are known in a picture tell both (``align_inverse_depth``).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.images import DepthMap
from roomsplat.errors import InvalidSettingError
from roomsplat.priors.torch_device import Device, choose_device, fill, import_torch, read_state, steady
from roomsplat.priors.weights import WEIGHTS, Weights, weights_path

Float = NDArray[np.float32]
Double = NDArray[np.float64]

SMALL = "depth-anything-v2-small"
_NON_COMMERCIAL = ("base", "large", "giant")
SHORT_SIDE = 518
"""Pictures are looked at with a shorter side of about this many px, as the network was trained."""
PATCH = 14
_MEAN, _DEVIATION = (
    (0.485, 0.456, 0.406),
    (0.229, 0.224, 0.225),
)  # of ImageNet's sRGB, as the network was trained

MIN_POINTS = 6
TRIALS = 500
TOLERANCE = 0.1
"""Points agree with an alignment when their depth differs by less than this share."""
ROUNDS = 10


class DepthNetwork:
    """The network on a device, ready to look at pictures."""

    def __init__(
        self,
        name: str = SMALL,
        *,
        device: Device = "auto",
        short_side: int = SHORT_SIDE,
        weights: Weights | None = None,
    ) -> None:
        """Load the network.

        Args:
            name: which one; there is one.
            device: where it runs.
            short_side: of the picture as the network sees it, px; smaller is faster and coarser.
            weights: another file than the published one (tests).

        Raises:
            InvalidSettingError: another network is asked for.
            NotInstalledError: the extra ``learned`` is not installed.
            WeightsError: its weights are not to be had.
        """
        check_name(name)
        self._device, self._short = choose_device(device), short_side
        path = weights_path(weights or WEIGHTS[name])
        self._network = untrained()
        fill(self._network, _current_names(read_state(path), self._network.state_dict()), path)
        self._network.to(self._device)

    def look(self, image: NDArray[np.uint8]) -> Float:
        """(h, w) inverse depth of a (h, w, 3) sRGB picture: larger is nearer, of no scale, with no origin."""
        torch = import_torch()
        height, width = image.shape[:2]
        factor = self._short / min(height, width)
        seen = [max(PATCH, round(side * factor / PATCH) * PATCH) for side in (height, width)]
        resize = torch.nn.functional.interpolate
        with steady():
            batch = torch.tensor(image, device=self._device).permute(2, 0, 1)[None].float() / 255
            batch = resize(batch, size=seen, mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)
            mean, deviation = (
                torch.tensor(v, device=self._device).view(1, 3, 1, 1) for v in (_MEAN, _DEVIATION)
            )
            depth = self._network(pixel_values=(batch - mean) / deviation).predicted_depth[:, None]
            depth = resize(depth, size=(height, width), mode="bilinear", align_corners=False)
        return np.ascontiguousarray(depth[0, 0].cpu().numpy(), np.float32)


def check_name(name: str) -> None:
    """Refuse what we may not or cannot use.

    Raises:
        InvalidSettingError: the name is not ``depth-anything-v2-small``.
    """
    if name == SMALL:
        return
    if any(size in name.lower() for size in _NON_COMMERCIAL):
        raise InvalidSettingError(
            f"{name} is under CC-BY-NC-4.0, which forbids commercial use; roomsplat does not load it.",
            hint=f"Use {SMALL}, which is under Apache-2.0.",
        )
    raise InvalidSettingError(f"There is no depth network called {name}.", hint=f"Use {SMALL}.")


def untrained() -> Any:
    """The network without weights; nothing is fetched."""
    # it takes seconds, and is an extra: only who asks for it pays
    from transformers import (  # noqa: PLC0415  # pyright: ignore[reportMissingModuleSource]
        DepthAnythingConfig,
        DepthAnythingForDepthEstimation,
        Dinov2Config,
    )

    backbone = Dinov2Config(
        hidden_size=384,
        num_attention_heads=6,
        image_size=518,
        patch_size=PATCH,
        out_indices=[3, 6, 9, 12],
        reshape_hidden_states=False,
    )
    return DepthAnythingForDepthEstimation(DepthAnythingConfig(backbone_config=backbone))


# The published file has the names of transformers 4 (the left ones); later versions call the same tensors otherwise.
_RENAMED = (
    (".attention.attention.query.", ".attention.q_proj."),
    (".attention.attention.key.", ".attention.k_proj."),
    (".attention.attention.value.", ".attention.v_proj."),
    (".attention.output.dense.", ".attention.o_proj."),
)


def _current_names(state: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    result = dict[str, Any]()
    for published, value in state.items():
        name = published
        for old, new in _RENAMED:
            if name not in wanted:
                name = name.replace(old, new)
        result[name] = value
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthAlignment:
    """1 / depth = scale · inverse + shift, and how well the known points bear it out."""

    scale: float
    shift: float
    agreeing: float
    """Share of the points whose depth it gives within ``TOLERANCE``; an alignment with less than half is none."""

    def depth_map(self, inverse: Float) -> DepthMap:
        """The (h, w) inverse depths of the picture in the points' units; 0 where they lie at or behind infinity."""
        values = self.scale * inverse.astype(np.float64) + self.shift
        is_known = values > 0
        depth = np.divide(1.0, values, out=np.zeros_like(values), where=is_known)
        depth[depth > np.finfo(np.float32).max] = 0
        confidence = np.where(depth > 0, self.agreeing, 0.0)
        return DepthMap(depth=depth.astype(np.float32), confidence=confidence.astype(np.float32))


def align_inverse_depth(inverse: Float, depths: NDArray[np.floating], *, seed: int = 0) -> DepthAlignment:
    """The scale and shift under which most points have their depth, whatever the others say.

    Two points give a candidate (RANSAC, Fischler and Bolles 1981); the best is refined by least squares on relative
    errors of depth, with Tukey's weights. The scale is positive: nearer is larger.

    Args:
        inverse: (n,) the network's values where the points are seen, n ≥ ``MIN_POINTS``.
        depths: (n,) the points' depths along +z, all positive.
        seed: of the samples.

    Raises:
        ValueError: too few points, or a depth that is not positive.
    """
    values, known = np.asarray(inverse, np.float64), np.asarray(depths, np.float64)
    if len(values) != len(known) or len(values) < MIN_POINTS or not np.all(known > 0):
        raise ValueError(
            f"{len(values)} values and {len(known)} depths; {MIN_POINTS} or more positive ones are needed"
        )
    best, line = -1.0, (0.0, 1 / float(np.median(known)))  # a flat picture: everything in the middle
    random = np.random.default_rng(seed)
    for _ in range(TRIALS):
        i, j = random.choice(len(values), 2, replace=False)
        if values[i] == values[j]:
            continue
        scale = (1 / known[i] - 1 / known[j]) / (values[i] - values[j])
        candidate = (float(scale), float(1 / known[i] - scale * values[i]))
        score = _agreement(values, known, candidate)
        if scale > 0 and score > best:
            best, line = score, candidate
    for _ in range(ROUNDS):
        refined = _refined(values, known, line)
        if not refined[0] > 0 or not math.isfinite(sum(refined)):
            break
        line = refined
    share = float(np.mean(np.abs(_errors(values, known, line)) < TOLERANCE))
    return DepthAlignment(scale=line[0], shift=line[1], agreeing=share)


def _errors(values: Double, known: Double, line: tuple[float, float]) -> Double:
    """(n,) known depth over the line's depth, less 1: what an error in depth is, to first order, and never infinite."""
    return (line[0] * values + line[1]) * known - 1


def _agreement(values: Double, known: Double, line: tuple[float, float]) -> float:
    """Tukey's score: 1 for a perfect point, 0 from three tolerances on."""
    share = np.minimum(np.abs(_errors(values, known, line)) / (3 * TOLERANCE), 1)
    return float(np.mean((1 - share**2) ** 3))


def _refined(values: Double, known: Double, line: tuple[float, float]) -> tuple[float, float]:
    """One step of reweighted least squares."""
    share = np.minimum(np.abs(_errors(values, known, line)) / (3 * TOLERANCE), 1)
    root = 1 - share**2  # of Tukey's weight
    system = np.stack([values * known, known], axis=1) * root[:, None]
    scale, shift = np.linalg.lstsq(system, root, rcond=None)[0]
    return float(scale), float(shift)
