"""Which way the walls of a room run."""

import numpy as np

from roomsplat.core.mesh import TriangleMesh

_BINS = 360
_UPRIGHT = 0.2
"""Vertical part of a normal below which a face is taken for a wall's: within 11.5°."""


def wall_heading(mesh: TriangleMesh) -> float:
    """The angle, 0 to π/2, about +z from +x to a direction along which most wall area runs or is crossed by it.

    Coughlan and Yuille 1999, "Manhattan world": two directions at right angles explain a room. The angles of normals,
    times four, are one direction on a circle; its histogram's highest place, smoothed over 3°, is taken.
    """
    normals, areas = mesh.face_normals().astype(np.float64), mesh.areas().astype(np.float64)
    wall = np.abs(normals[:, 2]) < _UPRIGHT
    if not wall.any():
        return 0.0
    quarter = np.pi / 2
    angle = np.mod(np.arctan2(normals[wall, 1], normals[wall, 0]), quarter)
    counts = np.bincount((angle / quarter * _BINS).astype(np.int64) % _BINS, areas[wall], minlength=_BINS)
    kernel = np.exp(-0.5 * (np.arange(-24, 25) / 6.0) ** 2)
    smooth = np.convolve(np.concatenate([counts[-24:], counts, counts[:24]]), kernel, mode="valid")
    best = (int(smooth.argmax()) + 0.5) / _BINS * quarter
    # The mean of what lies within 3° of it: finer than a bin.
    off = np.mod(angle - best + quarter / 2, quarter) - quarter / 2
    close = np.abs(off) < np.radians(3)
    fine = float(np.average(off[close], weights=areas[wall][close])) if close.any() else 0.0
    return float(np.mod(best + fine, quarter))


def turn_about_z(angle: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(3, 3) the matrix that turns by ``angle`` (rad) about +z, anticlockwise seen from above."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
