"""``meta.json`` of a SOG: what is checked before a picture is opened."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from roomsplat.formats.quantised import MAX_GAUSSIANS

_Number = Annotated[float, Field(ge=-1e30, le=1e30)]  # NaN is neither
_Three = Annotated[tuple[_Number, ...], Field(min_length=3, max_length=3)]
_Book = Annotated[tuple[_Number, ...], Field(min_length=1, max_length=256)]
_Name = Annotated[str, Field(max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Means(_Part):
    """Places: 16 bits between logarithms."""

    mins: _Three
    maxs: _Three
    files: Annotated[tuple[_Name, ...], Field(min_length=2, max_length=2)]


class Coded(_Part):
    """Bytes that are places in a codebook."""

    codebook: _Book
    files: Annotated[tuple[_Name, ...], Field(min_length=1, max_length=1)]


class Quats(_Part):
    """Rotations."""

    files: Annotated[tuple[_Name, ...], Field(min_length=1, max_length=1)]


class Palette(_Part):
    """Harmonics of degree 1 and more."""

    count: Annotated[int, Field(ge=1, le=65536)]
    bands: Annotated[int, Field(ge=1, le=3)]
    codebook: _Book
    files: Annotated[tuple[_Name, ...], Field(min_length=2, max_length=2)]


class Asset(_Part):
    """Who wrote it; the last two are ours and skipped by other readers."""

    generator: str = ""
    scale: Literal["metric", "arbitrary"] = "arbitrary"
    provenance: dict[str, str] = Field(default_factory=dict[str, str])


class Meta(_Part):
    """The whole of it; names as in the file."""

    version: Literal[2]
    antialias: bool = False
    asset: Asset = Asset()
    count: Annotated[int, Field(ge=0, le=MAX_GAUSSIANS)]
    means: Means
    scales: Coded
    quats: Quats
    sh0: Coded
    shN: Palette | None = None  # noqa: N815 - the format's own name
