"""The camera path and the sparse points from above, as an SVG."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.images import Frame
from roomsplat.core.point_cloud import SparseModel

SIZE = 640.0
"""Longer side of the drawing."""
MARGIN = 24.0
MAX_POINTS = 1_500
"""More dots make the file larger and the picture no clearer."""


def plan_svg(model: SparseModel, frames: Sequence[Frame]) -> str:
    """Draw the model from above (x to the right, y up the page): points grey, path blue, view directions as ticks."""
    cameras = model.posed_images.cameras
    centers = cameras.centers[:, :2].astype(np.float64)
    forward = cameras.cam_from_world[:, 2, :2].astype(np.float64)
    points = _visible_share(model.points.positions[:, :2].astype(np.float64), centers)
    low = np.minimum(points.min(axis=0), centers.min(axis=0)) if len(points) else centers.min(axis=0)
    high = np.maximum(points.max(axis=0), centers.max(axis=0)) if len(points) else centers.max(axis=0)
    scale = (SIZE - 2 * MARGIN) / max(float((high - low).max()), 1e-6)
    width, height = (high - low) * scale + 2 * MARGIN

    def page(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        flat = (xy - low) * scale + MARGIN
        return np.stack([flat[:, 0], height - flat[:, 1]], axis=1)

    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.2"/>' for x, y in page(points))
    at = page(centers)
    toward = page(
        centers + forward / np.maximum(np.linalg.norm(forward, axis=1, keepdims=True), 0.3) * 14 / scale
    )
    ticks = "".join(f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for (a, b), (c, d) in zip(at, toward, strict=True))
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in at)
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{escape(frame.name)}</title></circle>'
        for (x, y), frame in zip(at, frames, strict=True)
    )
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="camera path from above">'
        f'<g fill="#888" fill-opacity=".55">{dots}</g>'
        f'<path d="{ticks}" stroke="#2f7ed8" stroke-opacity=".6" fill="none"/>'
        f'<path d="{line}" stroke="#2f7ed8" stroke-width="2" fill="none"/><g fill="#2f7ed8">{marks}</g>'
        f'<circle cx="{at[0, 0]:.1f}" cy="{at[0, 1]:.1f}" r="6" fill="#2a9d4b"><title>start</title></circle></svg>'
    )


def _visible_share(points: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """An even selection without the few far points that would shrink the room to a dot."""
    if len(points) == 0:
        return points
    distance = np.linalg.norm(points - np.median(centers, axis=0), axis=1)
    near = points[distance <= np.quantile(distance, 0.95)]
    return near[:: max(len(near) // MAX_POINTS, 1)]
