"""The room from above as an SVG: from how many sides each part was seen, the walls' letters, the camera's path."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras
from roomsplat.core.images import Frame
from roomsplat.pipeline.coverage import Coverage
from roomsplat.pipeline.walls import Wall

Double = NDArray[np.float64]

SIZE = 640.0
"""Longer side of the drawing."""
MARGIN = 40.0
CLASSES = ((15.0, "once"), (30.0, "few"), (361.0, "many"))
"""Degrees within which the cameras stand that saw a cell, and the class of its colour."""
LEGEND = (
    "<p class=legend><span class='key once'></span> seen from one place only (under 15°) "
    "<span class='key few'></span> from few (15 to 30°) <span class='key many'></span> from many "
    "<span class='key path'></span> the camera's path, from <span class='key start'></span></p>"
)


def plan_svg(
    coverage: Coverage, walls: Sequence[Wall], cameras: Cameras, frames: Sequence[Frame], scale_bar: str = ""
) -> str:
    """Draw the room from above: x to the right, y up the page.

    Args:
        coverage: from where each cell was seen.
        walls: sides to be marked by their letters.
        cameras: of ``frames``; dots along the path with the frames' names.
        frames: one per camera.
        scale_bar: what one unit is called (``m``); without it there is no bar.
    """
    rows, columns = coverage.views.shape
    extent = np.array([columns, rows]) * coverage.cell
    scale = (SIZE - 2 * MARGIN) / max(float(extent.max()), 1e-9)
    page = _Page(low=coverage.low, scale=scale, height=float(extent[1]) * scale + 2 * MARGIN)
    width = float(extent[0]) * scale + 2 * MARGIN
    bar = _scale_bar(scale, page.height, scale_bar) if scale_bar else ""
    return (
        f'<svg viewBox="0 0 {width:.0f} {page.height:.0f}" role="img" aria-label="The room from above">'
        f"{_cells(coverage, page)}{_walls(walls, page)}{_path(cameras, frames, page)}{bar}</svg>"
    )


class _Page:
    """From the world to the drawing."""

    def __init__(self, *, low: Double, scale: float, height: float) -> None:
        self._low, self.scale, self.height = low, scale, height

    def __call__(self, xy: NDArray[np.floating]) -> Double:
        """(n, 2) in the drawing."""
        flat = (np.asarray(xy, np.float64) - self._low) * self.scale + MARGIN
        return np.stack([flat[:, 0], self.height - flat[:, 1]], axis=1)


def _cells(coverage: Coverage, page: _Page) -> str:
    """One path per class; cells side by side are one rectangle."""
    size = coverage.cell * page.scale
    paths = list[str]()
    lowest = -1.0
    for limit, name in CLASSES:
        chosen = coverage.known & (coverage.spread_deg >= lowest) & (coverage.spread_deg < limit)
        lowest = limit
        parts = list[str]()
        for row, line in enumerate(chosen):
            edges = np.flatnonzero(np.diff(np.concatenate([[False], line, [False]]).astype(np.int8)))
            top = page.height - MARGIN - (row + 1) * size
            for start, end in edges.reshape(-1, 2):
                parts.append(
                    f"M{MARGIN + start * size:.1f} {top:.1f}h{(end - start) * size:.1f}v{size:.1f}"
                    f"h-{(end - start) * size:.1f}z"
                )
        paths.append(f'<path class="{name}" d="{"".join(parts)}"/>')
    return "".join(paths)


def _walls(walls: Sequence[Wall], page: _Page) -> str:
    if not walls:
        return ""
    middle = page(np.mean([wall.ends.mean(axis=0) for wall in walls], axis=0)[None])[0]
    parts = list[str]()
    for wall in walls:
        ends = page(wall.ends)
        center = ends.mean(axis=0)
        out = center - middle
        at = center + out / max(float(np.linalg.norm(out)), 1e-9) * 18
        parts.append(
            f'<path class="wall" d="M{ends[0, 0]:.1f} {ends[0, 1]:.1f}L{ends[1, 0]:.1f} {ends[1, 1]:.1f}"/>'
            f'<text x="{at[0]:.1f}" y="{at[1] + 7:.1f}">{escape(wall.name)}</text>'
        )
    return "".join(parts)


def _path(cameras: Cameras, frames: Sequence[Frame], page: _Page) -> str:
    """The path, a tick where each camera looks, a dot with the frame's name."""
    at = page(cameras.centers[:, :2])
    forward = cameras.cam_from_world[:, 2, :2].astype(np.float64) * (1, -1)
    toward = at + forward / np.maximum(np.linalg.norm(forward, axis=1, keepdims=True), 0.3) * 14
    ticks = "".join(f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for (a, b), (c, d) in zip(at, toward, strict=True))
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in at)
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{escape(frame.name)}</title></circle>'
        for (x, y), frame in zip(at, frames, strict=True)
    )
    return (
        f'<path class="ticks" d="{ticks}"/><path class="path" d="{line}"/><g class="dots">{marks}</g>'
        f'<circle class="start" cx="{at[0, 0]:.1f}" cy="{at[0, 1]:.1f}" r="7"><title>start</title></circle>'
    )


def _scale_bar(scale: float, height: float, unit: str) -> str:
    length = next((step for step in (5.0, 2.0, 1.0, 0.5, 0.2) if step * scale < SIZE / 4), 0.1)
    x, y = MARGIN / 2, height - 10
    return (
        f'<path class="bar" d="M{x:.1f} {y - 5:.1f}v5h{length * scale:.1f}v-5"/>'
        f'<text class="unit" x="{x + length * scale + 6:.1f}" y="{y + 2:.1f}">{length:g} {escape(unit)}</text>'
    )
