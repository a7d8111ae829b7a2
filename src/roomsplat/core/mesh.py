"""A surface of triangles."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.checks import float_array

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriangleMesh:
    """Triangles that share vertices; coloured by vertex, by a texture, or not at all."""

    vertices: Float
    """(v, 3) in world units, +z up."""
    faces: NDArray[np.int32]
    """(f, 3) numbers of vertices, anticlockwise seen from the side that is looked at."""
    colors: NDArray[np.uint8] | None = None
    """(v, 3) sRGB."""
    uv: Float | None = None
    """(v, 2) place in the texture, (0, 0) its lower left corner (as OBJ says it), (1, 1) its upper right."""
    texture: NDArray[np.uint8] | None = None
    """(h, w, 3) sRGB, top row first."""

    def __post_init__(self) -> None:
        """Check every shape once, here.

        Raises:
            ValueError: shapes do not fit each other, or a face names a vertex that does not exist.
        """
        set_field, count = object.__setattr__, len(self.vertices)
        set_field(self, "vertices", float_array("vertices", self.vertices, (count, 3)))
        set_field(self, "faces", np.ascontiguousarray(self.faces, np.int32))
        if self.faces.ndim != 2 or self.faces.shape[1] != 3:
            raise ValueError(f"faces has shape {self.faces.shape}, expected (any, 3)")
        if self.faces.size and not 0 <= int(self.faces.min()) <= int(self.faces.max()) < count:
            raise ValueError(f"a face names a vertex outside 0 to {count - 1}")
        if self.colors is not None and (self.colors.shape != (count, 3) or self.colors.dtype != np.uint8):
            raise ValueError(f"{count} vertices, colors {self.colors.dtype} {self.colors.shape}")
        if (self.uv is None) != (self.texture is None):
            raise ValueError("a texture needs uv, and uv a texture")
        if self.uv is not None:
            set_field(self, "uv", float_array("uv", self.uv, (count, 2)))

    def corners(self) -> Float:
        """(f, 3, 3) the corners of every face."""
        return self.vertices[self.faces]

    def areas(self) -> Float:
        """(f,) in square units."""
        a, b, c = self.corners().transpose(1, 0, 2)
        return np.linalg.norm(np.cross(b - a, c - a), axis=1) * np.float32(0.5)

    def face_normals(self) -> Float:
        """(f, 3) unit normals; zero for a face without area."""
        a, b, c = self.corners().transpose(1, 0, 2)
        normals = np.cross(b - a, c - a)
        return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), np.float32(1e-20))

    def with_faces(self, faces: NDArray[np.integer]) -> Self:
        """The same surface with these faces alone, and without the vertices that none of them names."""
        used, inverse = np.unique(faces, return_inverse=True)
        return replace(
            self,
            vertices=self.vertices[used],
            faces=inverse.reshape(-1, 3).astype(np.int32),
            colors=None if self.colors is None else self.colors[used],
            uv=None if self.uv is None else self.uv[used],
        )
