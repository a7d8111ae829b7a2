"""What a splat PLY says in its comments: the blur model in other programs' words, and the rest in ours.

``SplatRenderMode: mip`` marks an antialiased scene, as Brush and SuperSplat write it; Postshot's ``antialiased 1`` is
read too. ``roomsplat {…}`` is one line of JSON with scale and provenance; other programs skip it.
"""

import json
from dataclasses import dataclass
from typing import cast

from roomsplat._version import __version__
from roomsplat.core.point_cloud import SceneScale
from roomsplat.core.scene import SplatModel, SplatScene
from roomsplat.formats.ply_header import MAX_HEADER_BYTES

_NOTE = "roomsplat "  # the comment that carries what a splat PLY has no place for, as one line of JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class PlyNotes:
    """What the comments of a file say."""

    model: SplatModel
    """How opacity behaves under the blur."""
    scale: SceneScale
    """What the unit is."""
    provenance: dict[str, str]
    """Free notes."""


def header_text(scene: SplatScene, elements: list[str]) -> bytes:
    """A binary little-endian header, ASCII only: what the scene says as comments, then the lines of ``elements``.

    Raises:
        ValueError: the provenance does not fit into a header.
    """
    notes = json.dumps({"version": __version__, "scale": scene.scale, "provenance": dict(scene.provenance)})
    lines = ["ply", "format binary_little_endian 1.0", f"comment {_NOTE}{notes}"]
    if scene.splat_model == "antialiased":
        lines.append("comment SplatRenderMode: mip")
    header = ("\n".join([*lines, *elements, "end_header"]) + "\n").encode("ascii")
    if len(header) > MAX_HEADER_BYTES:
        raise ValueError(f"the provenance is too long for a PLY header ({len(header)} bytes)")
    return header


def parse_comments(comments: tuple[str, ...]) -> PlyNotes:
    """What the comments say; one that cannot be understood was not meant for us."""
    model: SplatModel = "default"
    notes: dict[str, object] = {}
    for comment in comments:
        words = comment.lower().split()
        if words in (["splatrendermode:", "mip"], ["antialiased", "1"]):
            model = "antialiased"
        elif words[:1] == ["splatrendermode:"] or words == ["antialiased", "0"]:
            model = "default"
        elif comment.startswith(_NOTE):
            notes |= _parse_json(comment.removeprefix(_NOTE))
    return PlyNotes(
        model=model,
        scale="metric" if notes.get("scale") == "metric" else "arbitrary",
        provenance={key: str(value) for key, value in _object(notes.get("provenance")).items()},
    )


def _parse_json(text: str) -> dict[str, object]:
    """A JSON object; empty for anything else."""
    try:
        return _object(cast("object", json.loads(text)))
    except (ValueError, RecursionError):
        return {}


def _object(value: object) -> dict[str, object]:
    """The value if it is a JSON object; an empty one if not."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}
