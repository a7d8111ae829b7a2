"""The JSON of a glTF 2.0 file, as much of it as splats need, checked before anything is read."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from roomsplat.formats.quantised import MAX_GAUSSIANS

EXTENSION = "KHR_gaussian_splatting"
PREFIX = f"{EXTENSION}:"

_Number = Annotated[float, Field(ge=-1e30, le=1e30)]
_Index = Annotated[int, Field(ge=0, le=2**32)]
_Indices = tuple[_Index, ...]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class View(_Part):
    """Where bytes lie in the binary chunk."""

    buffer: Literal[0] = 0
    byteOffset: _Index = 0  # noqa: N815 - glTF's own name
    byteLength: _Index  # noqa: N815 - glTF's own name
    byteStride: Annotated[int, Field(ge=1, le=252)] | None = None  # noqa: N815 - glTF's own name


class Accessor(_Part):
    """How the bytes of a view are read."""

    bufferView: _Index | None = None  # noqa: N815 - glTF's own name
    byteOffset: _Index = 0  # noqa: N815 - glTF's own name
    componentType: int  # noqa: N815 - glTF's own name
    normalized: bool = False
    count: Annotated[int, Field(ge=1, le=MAX_GAUSSIANS)]
    type: str
    sparse: dict[str, Any] | None = None


class Primitive(_Part):
    """A set of points, triangles or splats."""

    attributes: dict[str, _Index]
    mode: int = 4
    extensions: dict[str, Any] = Field(default_factory=dict[str, Any])


class Mesh(_Part):
    """Primitives that a node places."""

    primitives: tuple[Primitive, ...]


class Node(_Part):
    """A place in the tree."""

    children: _Indices = ()
    mesh: _Index | None = None
    matrix: Annotated[tuple[_Number, ...], Field(min_length=16, max_length=16)] | None = None
    rotation: Annotated[tuple[_Number, ...], Field(min_length=4, max_length=4)] = (0, 0, 0, 1)
    scale: Annotated[tuple[_Number, ...], Field(min_length=3, max_length=3)] = (1, 1, 1)
    translation: Annotated[tuple[_Number, ...], Field(min_length=3, max_length=3)] = (0, 0, 0)


class Scene(_Part):
    """Which nodes stand at the top."""

    nodes: _Indices = ()


class Gltf(_Part):
    """The whole file."""

    asset: dict[str, Any]
    scene: _Index = 0
    scenes: tuple[Scene, ...] = ()
    nodes: tuple[Node, ...] = ()
    meshes: tuple[Mesh, ...] = ()
    accessors: tuple[Accessor, ...] = ()
    bufferViews: tuple[View, ...] = ()  # noqa: N815 - glTF's own name
