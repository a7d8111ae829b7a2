"""What ``python -m benchmarks quality`` is run on: real captures with our poses, and a synthetic room filmed thrice."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.figures import CaseError
from benchmarks.posed_scene import EVAL_EVERY
from benchmarks.poses import USUAL_LIMIT_S, step
from roomsplat.core.point_cloud import SparseModel
from roomsplat.sfm.manifest import MANIFEST, load_sfm
from roomsplat.synth.develop import jumping_gains
from roomsplat.synth.posed import make_posed_room

CAPTURES = {"office": "office/images", "bedroom": "bedroom/room.mp4", "fox": "fox/images"}
ROOMS = ("room", "jumps", "figure")
"""As it is; filmed with an exposure that jumps; with somebody walking through."""
NAMES = (*CAPTURES, *ROOMS)
ROOM_PICTURES, ROOM_SIZE = 64, (480, 360)
QUICK_PICTURES, QUICK_SIZE = 16, (96, 72)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Something to train on, and what the result is compared with."""

    name: str
    model: SparseModel
    """Every eighth picture is held out."""
    truth: SparseModel
    """The same cameras; its held-out pictures are what is compared with. Of a room filmed badly, those of the same room
    filmed well: nobody wants the figure back."""

    @property
    def is_capture(self) -> bool:
        """Whether it is a real film, on which the peer runs, too."""
        return self.name in CAPTURES


def load_scene(
    name: str, shared: Path, keep: Path, *, threads: int, quick: bool, say: Callable[[str], None]
) -> Scene:
    """Make or read the scene ``name``; what was made stays in ``keep``.

    Raises:
        CaseError: the capture is not there, or its cameras were not found.
    """
    if name in CAPTURES:
        model = posed_capture(name, shared, keep, threads=threads, say=say)
        return Scene(name=name, model=model, truth=model)
    rooms = {kind: _room(kind, keep, quick=quick) for kind in dict.fromkeys(("room", name))}
    return Scene(name=name, model=rooms[name], truth=rooms["room"])


def posed_capture(
    name: str, shared: Path, keep: Path, *, threads: int, say: Callable[[str], None]
) -> SparseModel:
    """A capture with the cameras that the line finds, in ``keep/NAME``: a stage folder of sfm's, or a workspace.

    Raises:
        CaseError: the capture is not there, or its cameras were not found.
    """
    folder = keep / name
    found = [place for place in (folder, folder / "sfm", folder / "ours.sfm") if (place / MANIFEST).exists()]
    if not found:
        source = shared / "data" / CAPTURES[name]
        if not source.exists():
            raise CaseError(f"neither {source} nor {folder / MANIFEST} is there")
        say(f"{name}: finding cameras …")
        folder.mkdir(parents=True, exist_ok=True)
        step("capture", folder, USUAL_LIMIT_S, "--source", source)
        step("ours", folder, USUAL_LIMIT_S, "--threads", threads)
        found = [folder / "ours.sfm"]
    model = load_sfm(found[0]).model
    held = np.arange(len(model.posed_images.cameras)) % EVAL_EVERY == 0
    return replace(model, posed_images=replace(model.posed_images, is_eval=held))


def _room(kind: str, keep: Path, *, quick: bool) -> SparseModel:
    """Room 0 with exact cameras; points lie on what stands still."""
    count, (width, height) = (QUICK_PICTURES, QUICK_SIZE) if quick else (ROOM_PICTURES, ROOM_SIZE)
    folder = keep / f"{kind}-{count}-{width}x{height}"
    folder.mkdir(parents=True, exist_ok=True)
    gains = jumping_gains(count) if kind == "jumps" else None
    return make_posed_room(
        folder, num_images=count, width=width, height=height, gains=gains, walking_figure=kind == "figure"
    )
