"""What ``python -m benchmarks poses`` is run on: real captures, and synthetic films that are rendered once and kept."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import CaseError
from roomsplat.capture.folder import SUFFIXES, natural_key
from roomsplat.formats.nerfstudio import TransformsFile, write_transforms
from roomsplat.synth import hard
from roomsplat.synth.hard import HARD_SHOTS, Shot, hard_shot, shoot

IMAGES, TRUTH = "images", "reference_transforms.json"
CACHE = Path.home() / ".cache" / "roomsplat-benchmarks" / "films"
QUICK_FRAMES, QUICK_SIZE = 40, (320, 240)
HOUSE_PART = 240
"""Frames of the house that its time per frame is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """Something to find cameras in."""

    name: str
    source: Path
    """A film, or a folder of pictures that all count."""
    reference: Path | None = None
    """``transforms.json`` with true cameras of some or all frames."""
    is_metric: bool = False
    """Whether the reference is in metres, so that an error in cm means something."""
    beside_plain: bool = True
    """Whether plain pycolmap is run, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A real capture in ``shared/data``."""

    source: str
    reference: str | None = None
    is_metric: bool = False
    every: int = 1


CAPTURES = {
    "office": Capture(source="office/images", reference="office/reference_transforms.json"),
    "bedroom": Capture(source="bedroom/room.mp4"),
    "kitchen": Capture(
        source="kitchen/images", reference="kitchen/reference_transforms.json", is_metric=True
    ),
    "kitchen5": Capture(
        source="kitchen/images", reference="kitchen/reference_transforms.json", is_metric=True, every=5
    ),
    "fox": Capture(source="fox/images", reference="fox/reference_transforms.json"),
    "can": Capture(source="can/images"),
}
NAMES = (*(name for name in HARD_SHOTS if name != "house"), *CAPTURES, "house_part", "house")
"""All cases; the last two only where they are asked for."""


def film(name: str, shared: Path, work: Path, *, quick: bool, say: Callable[[str], None]) -> Film | None:
    """The film of a case, rendered or thinned where that is needed; ``None``, with a reason told, without its data."""
    if name in CAPTURES:
        return _captured(name, CAPTURES[name], shared / "data", work, quick=quick, say=say)
    kept = f"{name}-quick" if quick else name
    folder = rendered(kept, shot_of(name, quick=quick), CACHE, say)
    return Film(
        name=name, source=folder / IMAGES, reference=folder / TRUTH, is_metric=True,
        beside_plain=not name.startswith("house"),
    )  # fmt: skip


def _captured(
    name: str, capture: Capture, data: Path, work: Path, *, quick: bool, say: Callable[[str], None]
) -> Film | None:
    source = data / capture.source
    if not source.exists():
        say(f"{name}: left out, {source} is not there")
        return None
    if source.is_dir() and (capture.every > 1 or quick):
        thin = work / "pictures"
        shutil.rmtree(thin, ignore_errors=True)
        thin.mkdir(parents=True)
        pictures = sorted((p for p in source.iterdir() if p.suffix.lower() in SUFFIXES), key=_by_name)
        for picture in pictures[:: capture.every][: QUICK_FRAMES if quick else None]:
            (thin / picture.name).symlink_to(picture.resolve())
        source = thin
    reference = None if capture.reference is None else data / capture.reference
    return Film(name=name, source=source, reference=reference, is_metric=capture.is_metric)


def _by_name(path: Path) -> tuple[tuple[int, int | str], ...]:
    return natural_key(path.name)


def shot_of(name: str, *, quick: bool) -> Shot:
    """What is filmed for a case."""
    shot = hard_shot(name.removesuffix("_part"))
    if name.endswith("_part"):
        shot = shot.part(slice(HOUSE_PART))
    return shot.part(slice(QUICK_FRAMES)).smaller(*QUICK_SIZE) if quick else shot


def rendered(name: str, shot: Shot, cache: Path, say: Callable[[str], None]) -> Path:
    """The folder of a synthetic film, from the cache if these sources have rendered it before.

    Raises:
        CaseError: it cannot be written.
    """
    folder = cache / name
    key, stamp = sources_key(), folder / "made.json"
    if stamp.exists() and json.loads(stamp.read_text(encoding="utf-8")).get("key") == key:
        return folder
    say(f"{name}: filming {len(shot.times)} frames (once; they are kept in {cache})")
    part = folder.with_name(f".{folder.name}.part")
    try:
        for old in (part, folder):
            shutil.rmtree(old, ignore_errors=True)
        images = part / IMAGES
        images.mkdir(parents=True)
        made = shoot(shot, images)
        paths = tuple(f"{IMAGES}/{path.name}" for path in sorted(images.iterdir()))
        truth = TransformsFile(cameras=made.cameras, image_paths=paths, timestamps_s=made.timestamps_s)
        write_transforms(part / TRUTH, truth)
        (part / "made.json").write_text(json.dumps({"key": key}), encoding="utf-8")
        part.replace(folder)
    except OSError as error:
        raise CaseError(f"{folder} could not be written: {error}") from error
    return folder


def sources_key() -> str:
    """Changes whenever anything does that draws films."""
    digest = hashlib.sha256()
    for path in sorted(Path(hard.__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
