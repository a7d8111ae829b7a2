"""The triangles of marching cubes (Lorensen and Cline 1987), worked out instead of typed in.

The surface crosses a cube's face along lines between the middles of its edges. Walking around a face, each run of
corners inside is cut off by one line; so two opposite corners are always cut off one by one, and since that depends on
the face's four corners alone, the cubes on both sides agree: no holes (Montani, Scateni, Scopigno 1994, section 3).
The lines of the six faces join into loops, and a loop is filled by a fan.
"""

import numpy as np
from numpy.typing import NDArray

# Corner c lies at (c & 1, c >> 1 & 1, c >> 2 & 1). Edges start at a corner and run along an axis.
EDGES: tuple[tuple[int, int], ...] = tuple(
    (corner, axis) for axis in range(3) for corner in range(8) if not corner >> axis & 1
)
_EDGE_OF = {frozenset((corner, corner | 1 << axis)): i for i, (corner, axis) in enumerate(EDGES)}
# Corners of each face, anticlockwise seen from outside the cube.
_FACES = ((0, 4, 6, 2), (1, 3, 7, 5), (0, 1, 5, 4), (2, 6, 7, 3), (0, 2, 3, 1), (4, 5, 7, 6))
_MOST = 5
"""Triangles in a cube at most."""


def edge_table() -> NDArray[np.int64]:
    """(12, 4) where every edge of a cube starts, (i, j, k), and the axis along which it runs."""
    return np.array([[c & 1, c >> 1 & 1, c >> 2 & 1, axis] for c, axis in EDGES], np.int64)


def triangle_table() -> NDArray[np.int8]:
    """(256, 16) numbers of edges, three a triangle, ended by -1; bit c of the row's number: corner c is inside.

    Triangles are anticlockwise seen from outside the surface.
    """
    table = np.full((256, 3 * _MOST + 1), -1, np.int8)
    for inside in range(256):
        corners = [e for loop in _loops(inside) for e in _fan(loop)]
        table[inside, : len(corners)] = corners
    return table


def _loops(inside: int) -> list[list[int]]:
    """Closed rings of edges that the surface crosses."""
    after: dict[int, int] = {}
    for face in _FACES:
        for i in range(4):  # a run of corners inside begins at corner i
            if inside >> face[i] & 1 and not inside >> face[i - 1] & 1:
                last = i
                while inside >> face[(last + 1) % 4] & 1:
                    last += 1
                entry = _EDGE_OF[frozenset((face[i - 1], face[i]))]
                leave = _EDGE_OF[frozenset((face[last % 4], face[(last + 1) % 4]))]
                after[entry] = leave
    loops: list[list[int]] = []
    while after:
        loop = [next(iter(after))]
        while (following := after.pop(loop[-1])) != loop[0]:
            loop.append(following)
        loops.append(loop)
    return loops


def _fan(loop: list[int]) -> list[int]:
    return [e for i in range(1, len(loop) - 1) for e in (loop[0], loop[i], loop[i + 1])]
