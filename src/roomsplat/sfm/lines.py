"""Straight edges of a picture, and the planes through the camera that they lie in.

Line support regions after Burns, Hanson and Riseman, "Extracting Straight Lines" (PAMI 1986): pixels of the crest of
an edge that touch and whose gradients point alike form a line. Two staggered divisions of the directions are tried,
and every pixel goes to the longer of its two regions, so that no direction falls between two classes.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

from roomsplat.core.cameras import Cameras, PinholeCamera
from roomsplat.media.images import read_image, reduced_size, resize_image

Double = NDArray[np.float64]

MAX_SIDE = 640
"""px; 60 pictures at 960 find half as many edges again, and move the vertical of `bedroom` by 0.04 degrees."""
SMOOTHING = 1.0
MIN_STEP = 2.5
"""Of 255 grey levels per px after smoothing."""
DIRECTIONS = 16
MIN_LENGTH_SHARE = 0.03
"""Of the longer side: 19 px of 640, whose direction is good to a degree."""
MAX_ROUGHNESS_PX = 0.6
"""Root mean square of the distances from the line."""
MAX_PICTURES = 40
"""Of a film are looked at, evenly spread; `demo` then has 15,000 edges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Straight edges of many pictures, as the planes through the camera that hold them, in the world's axes."""

    normals: Double
    """(n, 3) unit normals of the planes."""
    middles: Double
    """(n, 3) unit rays to the middles of the edges."""
    lengths: Double
    """(n,) as shares of the picture's longer side."""

    def __len__(self) -> int:
        """The number of edges."""
        return len(self.normals)

    @property
    def along(self) -> Double:
        """(n, 3) unit vectors along the edges as the camera sees them: across the ray to the middle."""
        return np.cross(self.middles, self.normals)

    def chosen(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Edges":
        """Only these of the edges."""
        return Edges(normals=self.normals[rows], middles=self.middles[rows], lengths=self.lengths[rows])


def find_edges(paths: Sequence[Path], cameras: Cameras, *, threads: int | None = None) -> Edges:
    """The straight edges of up to ``MAX_PICTURES`` undistorted pictures at ``paths`` (c,) of ``cameras`` (c,).

    Raises:
        InvalidFileError: a picture cannot be read.
    """
    count = min(len(paths), MAX_PICTURES)
    chosen: list[int] = np.linspace(0, len(paths) - 1, count).round().astype(np.int64).tolist()

    def one(index: int) -> Edges:
        return edges_of(read_image(paths[index]), cameras.pinhole(index))

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(one, chosen))
    return Edges(
        normals=np.concatenate([edges.normals for edges in found]),
        middles=np.concatenate([edges.middles for edges in found]),
        lengths=np.concatenate([edges.lengths for edges in found]),
    )


def edges_of(picture: NDArray[np.uint8], camera: PinholeCamera) -> Edges:
    """The straight edges of one (h, w, 3) picture."""
    width, height = reduced_size(camera.width, camera.height, MAX_SIDE)
    small = camera.resized(width, height)
    gray = resize_image(picture, width, height).astype(np.float32) @ np.array(
        [0.299, 0.587, 0.114], np.float32
    )
    ends = straight_lines(gray, MIN_LENGTH_SHARE * max(width, height))
    rays = np.ones((*ends.shape[:2], 3))
    rays[..., :2] = (ends - (small.cx, small.cy)) / (small.fx, small.fy)
    normals = _unit(np.cross(rays[:, 0], rays[:, 1]))
    rotation = small.cam_from_world[:3, :3].astype(np.float64)
    lengths = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1) / max(width, height)
    return Edges(normals=normals @ rotation, middles=_unit(rays.sum(axis=1)) @ rotation, lengths=lengths)


def straight_lines(gray: NDArray[np.float32], min_length: float) -> Double:
    """(n, 2, 2) ends in px, x before y, of the straight edges of a (h, w) picture of 0 to 255."""
    rows, columns, places, gradients = _crest(gaussian_filter(gray, SMOOTHING))
    angle = np.arctan2(gradients[:, 1], gradients[:, 0]) / (2 * np.pi) * DIRECTIONS
    regions = [_regions(gray.shape, rows, columns, angle + shift) for shift in (0.0, 0.5)]
    sizes = [np.bincount(region)[region] for region in regions]
    second = sizes[1] > sizes[0]
    region = np.where(second, regions[1] + regions[0].max(initial=0) + 1, regions[0])
    return _fit(places, region, min_length)


def _crest(smooth: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp], Double, Double]:
    """Pixels where the gradient is largest across the edge: rows, columns, (n, 2) places between pixels, gradients."""
    slope_y, slope_x = np.gradient(smooth)
    gx, gy = np.asarray(slope_x, np.float64), np.asarray(slope_y, np.float64)
    size: Double = np.hypot(gx, gy)
    inner, across = size[1:-1, 1:-1], np.abs(gx[1:-1, 1:-1]) >= np.abs(gy[1:-1, 1:-1])
    before: Double = np.where(across, size[1:-1, :-2], size[:-2, 1:-1])
    after: Double = np.where(across, size[1:-1, 2:], size[2:, 1:-1])
    rows, columns = np.nonzero((inner > MIN_STEP) & (inner >= before) & (inner > after))
    low, middle, high = before[rows, columns], inner[rows, columns], after[rows, columns]
    offset = (
        0.5 * (high - low) / np.maximum(2 * middle - low - high, 1e-9)
    )  # crest of the parabola through three
    is_across = across[rows, columns]
    rows, columns = rows + 1, columns + 1
    x, y = columns + 0.5 + offset * is_across, rows + 0.5 + offset * ~is_across
    gradients = np.stack([gx[rows, columns], gy[rows, columns]], axis=1)
    return rows, columns, np.stack([x, y], axis=1), gradients


def _regions(
    shape: tuple[int, ...], rows: NDArray[np.intp], columns: NDArray[np.intp], angle: Double
) -> NDArray[np.int64]:
    """(n,) the number of each pixel's region: pixels that touch and whose ``angle`` has the same whole part."""
    classes = np.floor(angle).astype(np.int64) % DIRECTIONS
    result, total = np.zeros(len(rows), np.int64), 0
    for one in range(DIRECTIONS):
        members = classes == one
        mask = np.zeros(shape, np.bool_)
        mask[rows[members], columns[members]] = True
        labels, count = label(mask, np.ones((3, 3), np.int64))
        result[members] = labels[rows[members], columns[members]] + total
        total += count
    return result


def _fit(places: Double, region: NDArray[np.int64], min_length: float) -> Double:
    """Ends of the best line through the places of each region that is long and straight enough."""
    if not len(places):
        return np.zeros((0, 2, 2))
    _, region, counts = np.unique(region, return_inverse=True, return_counts=True)
    keep = (
        counts[region] >= 0.6 * min_length
    )  # a crest has a pixel per row or column: 0.71 per px of a diagonal
    _, region, counts = np.unique(region[keep], return_inverse=True, return_counts=True)
    places = places[keep]
    means = np.stack([np.bincount(region, places[:, i]) / counts for i in (0, 1)], axis=1)
    apart = places - means[region]
    xx, xy, yy = (
        np.bincount(region, a * b) / counts
        for a, b in ((apart[:, 0], apart[:, 0]), (apart[:, 0], apart[:, 1]), (apart[:, 1], apart[:, 1]))
    )
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    directions = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rough = (xx + yy) / 2 - np.hypot((xx - yy) / 2, xy)
    along = np.einsum("ni,ni->n", apart, directions[region])
    low, high = np.zeros(len(counts)), np.zeros(len(counts))
    np.minimum.at(low, region, along)
    np.maximum.at(high, region, along)
    good = (rough < MAX_ROUGHNESS_PX**2) & (high - low >= min_length)
    ends = means[:, None] + np.stack([low, high], axis=1)[:, :, None] * directions[:, None]
    return ends[good]


def _unit(vectors: Double) -> Double:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
