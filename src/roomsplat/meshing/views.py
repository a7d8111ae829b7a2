"""What a scene looks like from the film's cameras: depth with its trust, and colour."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras

Float = NDArray[np.float32]

MIN_SLOPE = 0.15
"""Cosine between line of sight and surface below which depth is dropped: edges, and what is seen too aslant."""
MIN_ALPHA = 0.5
"""Coverage below which a pixel says nothing."""
FAR = 4.0
"""Depth beyond this many times the median is dropped: what is seen through a window is not the room."""
DEPTH_STEPS = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthViews:
    """Views kept small, all at once in memory: 7 bytes a pixel."""

    cameras: Cameras
    """v pinhole cameras of the pictures' size."""
    depth: NDArray[np.uint16]
    """(v, h, w) depth along +z in steps of ``step``; 0 = unknown."""
    step: float
    """World units."""
    slope: NDArray[np.uint8]
    """(v, h, w) cosine between line of sight and surface normal, in 255ths; 0 where depth is unknown."""
    alpha: NDArray[np.uint8]
    """(v, h, w) coverage in 255ths."""
    rgb: NDArray[np.uint8]
    """(v, h, w, 3) sRGB."""
    median: float
    """Median depth, world units."""


def spread(count: int, most: int) -> NDArray[np.int64]:
    """Numbers of at most ``most`` of ``count`` views, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def pack_views(
    cameras: Cameras, depth: list[Float], alpha: list[Float], rgb: list[NDArray[np.uint8]]
) -> DepthViews:
    """Judge every pixel's depth and pack all views.

    Args:
        cameras: v pinhole cameras.
        depth: v times (h, w) depth along +z, world units; 0 or less where nothing is.
        alpha: v times (h, w) coverage.
        rgb: v times (h, w, 3) sRGB.
    """
    samples = np.concatenate(
        [d[::8, ::8][a[::8, ::8] > MIN_ALPHA] for d, a in zip(depth, alpha, strict=True)]
    )
    samples = samples[samples > 0]
    median = float(np.median(samples)) if len(samples) else 1.0
    step = FAR * median / DEPTH_STEPS
    steps, slopes, alphas = list[NDArray[np.uint16]](), list[NDArray[np.uint8]](), list[NDArray[np.uint8]]()
    for i, (d, a) in enumerate(zip(depth, alpha, strict=True)):
        slope = slopes_of(d, cameras.intrinsics[i])
        known = (d > 0) & (d < FAR * median) & (a > MIN_ALPHA) & (slope > MIN_SLOPE)
        steps.append(np.where(known, np.rint(d / step), 0).astype(np.uint16))
        slopes.append(np.where(known, np.rint(slope * 255), 0).astype(np.uint8))
        alphas.append(np.rint(np.clip(a, 0, 1) * 255).astype(np.uint8))
    return DepthViews(
        cameras=cameras,
        depth=np.stack(steps),
        step=step,
        slope=np.stack(slopes),
        alpha=np.stack(alphas),
        rgb=np.stack(rgb),
        median=median,
    )


def slopes_of(depth: Float, intrinsics: Float) -> Float:
    """(h, w) cosine between the line of sight and the normal of the surface through the neighbouring pixels.

    At an edge the surface through both sides lies along the line of sight, so its cosine is nearly 0.
    """
    height, width = depth.shape
    fx, fy, cx, cy = (float(v) for v in intrinsics)
    x = ((np.arange(width, dtype=np.float32) + 0.5 - cx) / fx)[None, :]
    y = ((np.arange(height, dtype=np.float32) + 0.5 - cy) / fy)[:, None]
    points = np.stack([x * depth, y * depth, depth], axis=-1)
    across, down = np.empty_like(points), np.empty_like(points)
    across[:, 1:-1], down[1:-1] = points[:, 2:] - points[:, :-2], points[2:] - points[:-2]
    across[:, 0], across[:, -1] = points[:, 1] - points[:, 0], points[:, -1] - points[:, -2]
    down[0], down[-1] = points[1] - points[0], points[-1] - points[-2]
    normal = np.cross(across, down)
    length = np.linalg.norm(normal, axis=2) * np.sqrt(x * x + y * y + 1)
    along = np.abs(normal[..., 0] * x + normal[..., 1] * y + normal[..., 2])
    return np.divide(along, length, out=np.zeros_like(depth), where=length > 0)
