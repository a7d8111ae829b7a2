"""LPIPS pixel by pixel: Zhang et al. 2018, equation 1, with AlexNet's five stages, in float64."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]

CONVOLUTIONS = ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1))
"""Of each stage: number among torchvision's layers, stride, zeros around."""


def convolved(picture: Double, weight: Double, bias: Double, stride: int, padding: int) -> Double:
    """(c, h, w) → (o, h', w'): each output is the sum over a window of every channel."""
    out, _, size, _ = weight.shape
    padded = np.pad(picture, ((0, 0), (padding, padding), (padding, padding)))
    height, width = ((side - size) // stride + 1 for side in padded.shape[1:])
    result = np.empty((out, height, width))
    for row in range(height):
        for column in range(width):
            top, left = row * stride, column * stride
            window = padded[:, top : top + size, left : left + size]
            result[:, row, column] = np.einsum("oijk,ijk->o", weight, window) + bias
    return result


def pooled(picture: Double) -> Double:
    """The largest value of each 3 × 3 window, every second one."""
    height, width = ((side - 3) // 2 + 1 for side in picture.shape[1:])
    return np.array(
        [
            [
                [channel[2 * row : 2 * row + 3, 2 * column : 2 * column + 3].max() for column in range(width)]
                for row in range(height)
            ]
            for channel in picture
        ]
    )


def stages(picture: Double, backbone: Mapping[str, Double]) -> list[Double]:
    """(c, h, w) features after each stage of a (h, w, 3) picture in [0, 1], scaled to unit length at each place."""
    shift, scale = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
    seen = np.moveaxis((2 * picture - 1 - shift) / scale, 2, 0)
    found = list[Double]()
    for stage, (layer, stride, padding) in enumerate(CONVOLUTIONS):
        if stage in (1, 2):
            seen = pooled(seen)
        weight, bias = backbone[f"features.{layer}.weight"], backbone[f"features.{layer}.bias"]
        seen = np.maximum(convolved(seen, weight, bias, stride, padding), 0)
        found.append(seen / (np.sqrt((seen**2).sum(axis=0)) + 1e-10))
    return found


def lpips(
    first: Double, second: Double, backbone: Mapping[str, Double], heads: Mapping[str, Double]
) -> float:
    """The weighted squared differences of the features, averaged over places, summed over stages."""
    total = 0.0
    for stage, (a, b) in enumerate(zip(stages(first, backbone), stages(second, backbone), strict=True)):
        weight = heads[f"lin{stage}.model.1.weight"][0, :, 0, 0]
        total += float((weight[:, None, None] * (a - b) ** 2).sum(axis=0).mean())
    return total
