"""Lost frames as a step of the line: from what structure from motion left to the same with more cameras."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from roomsplat.core.cameras import Cameras, PinholeCamera
from roomsplat.core.images import Frame, PosedImages
from roomsplat.core.progress import ReportProgress, RunWarning, silent
from roomsplat.errors import InvalidFileError, OutputError, RegistrationError, TrainingError
from roomsplat.media.masks import mask_of
from roomsplat.posefree.config import PosefreeConfig
from roomsplat.posefree.place import Placement, Refused, Shot, place_lost
from roomsplat.render.base import Engine
from roomsplat.sfm.child import CrashError
from roomsplat.sfm.keyframes import LONG_FILM
from roomsplat.sfm.manifest import SfmResult
from roomsplat.sfm.quality import describe_times
from roomsplat.sfm.solution import Lens
from roomsplat.sfm.undistort import undistort_images

MANIFEST, IMAGES = "placed.json", "images"
FEW_OF_MANY = 0.01
"""Of a long film are not sought. Fitting a scene to the house (2,400 frames) and seeking the eleven frames that show
nothing but a bare wall took 130 s of 1,000, and placed none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    number: int
    image: str
    cam_from_world: list[list[float]]
    figures: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Left:
    number: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """The file ``placed.json``; numbers are places in the film's frames."""

    placed: tuple[_Found, ...]
    refused: tuple[_Left, ...]


def lost_frames(frames: Sequence[Frame], sfm: SfmResult) -> list[int]:
    """Places in ``frames`` of those without a camera."""
    known = {frame.index for frame in sfm.frames}
    return [number for number, frame in enumerate(frames) if frame.index not in known]


def is_worth_seeking(num_lost: int, count: int) -> bool:
    """Whether so many lost frames of ``count`` are worth fitting a scene to the others."""
    return num_lost > 0 and (count <= LONG_FILM or num_lost >= FEW_OF_MANY * count)


def find_lost_frames(
    frames: Sequence[Frame],
    sfm: SfmResult,
    engine: Engine,
    config: PosefreeConfig,
    folder: Path,
    report: ReportProgress = silent,
    *,
    threads: int | None = None,
) -> None:
    """Place what ``sfm`` left of ``frames``; ``folder`` exists, and gets ``images/`` and ``placed.json``.

    The room without its lost frames is worth having: what goes wrong in placing them is told as their reason.

    Raises:
        CrashError: the search for features was killed or crashed, twice: nothing is known of any frame.
        InvalidFileError: a picture cannot be read.
        OutputError: a result cannot be written.
        EngineError: the device failed.
    """
    numbers, images, work = lost_frames(frames, sfm), folder / IMAGES, folder / "features"
    try:
        images.mkdir()
        work.mkdir()
        pinhole = _pinhole(sfm)
        sources = [frames[number].path for number in numbers]
        paths = undistort_images(sources, images, _lens(sfm, pinhole), pinhole, silent, threads=threads)
        lens = sfm.model.posed_images.cameras.pinhole(0)
        lost = [_shot(frames, number, path, lens) for number, path in zip(numbers, paths, strict=True)]
        try:
            result = place_lost(
                sfm.model, _known(frames, sfm), lost, engine, config, work, report, threads=threads
            )
        except CrashError:
            raise
        except (RegistrationError, TrainingError) as error:
            refused = tuple(Refused(number=number, reason=error.message) for number in numbers)
            result = Placement(placed=(), refused=refused)
        _tidy(work, result, {one.number: one.path for one in lost})
        _save(folder, result, {one.number: one.path.name for one in lost})
    except OSError as error:
        raise OutputError(
            f"{folder} could not be written ({error.strerror}).",
            hint="Free some space or choose another output folder.",
        ) from error


def with_placed_frames(frames: Sequence[Frame], sfm: SfmResult, folder: Path) -> SfmResult:
    """``sfm`` with the cameras that ``find_lost_frames`` found, in the film's order, and warnings that fit.

    Raises:
        InvalidFileError: the file is missing or damaged.
    """
    path = folder / MANIFEST
    try:
        content = TypeAdapter(_Content).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise InvalidFileError(
            f"{path} is no list of placed frames ({str(error).splitlines()[0]}).",
            hint="Run the reconstruction again.",
        ) from error
    warnings = [warning for warning in sfm.warnings if warning.code != "frames_not_registered"]
    warnings += _told(frames, content)
    if not content.placed:
        return replace(sfm, warnings=tuple(warnings))
    place_of = {frame.index: number for number, frame in enumerate(frames)}
    numbers = [place_of[frame.index] for frame in sfm.frames] + [one.number for one in content.placed]
    order: list[int] = np.argsort(numbers, kind="stable").tolist()
    images, new = sfm.model.posed_images, np.array([one.cam_from_world for one in content.placed], np.float32)
    cameras = images.cameras
    poses = np.concatenate([cameras.cam_from_world, new])
    paths = (*images.image_paths, *(folder / IMAGES / one.image for one in content.placed))
    posed = PosedImages(
        cameras=Cameras(
            intrinsics=np.repeat(cameras.intrinsics[:1], len(order), axis=0),
            cam_from_world=poses[order],
            width=cameras.width,
            height=cameras.height,
        ),
        image_paths=tuple(paths[i] for i in order),
        mask_paths=tuple(mask_of(paths[i]) for i in order),
        is_eval=np.zeros(len(order), np.bool_),
    )
    return replace(
        sfm,
        model=replace(sfm.model, posed_images=posed),
        frames=tuple(frames[numbers[i]] for i in order),
        warnings=tuple(warnings),
    )


def _told(frames: Sequence[Frame], content: _Content) -> list[RunWarning]:
    """What the user should know of frames that were lost."""
    times, result = [frame.timestamp_s for frame in frames], list[RunWarning]()
    if content.placed:
        where = describe_times([times[one.number] for one in content.placed], times)
        result.append(
            RunWarning(
                code="frames_placed",
                message=f"{len(content.placed)} of {len(frames)} frames that matching alone lost ({where}) were placed "
                "against the scene; film that part more slowly for a sharper result.",
            )
        )
    if content.refused:
        where = describe_times([times[one.number] for one in content.refused], times)
        result.append(
            RunWarning(
                code="frames_not_registered",
                message=f"{len(content.refused)} of {len(frames)} frames could not be placed ({where}) "
                "and are left out.",
            )
        )
    return result


def _known(frames: Sequence[Frame], sfm: SfmResult) -> list[Shot]:
    place_of, images = {frame.index: number for number, frame in enumerate(frames)}, sfm.model.posed_images
    return [
        _shot(frames, place_of[frame.index], path, images.cameras.pinhole(row))
        for row, (frame, path) in enumerate(zip(sfm.frames, images.image_paths, strict=True))
    ]


def _shot(frames: Sequence[Frame], number: int, path: Path, camera: PinholeCamera) -> Shot:
    return Shot(number=number, time_s=frames[number].timestamp_s, path=path, camera=camera)


def _pinhole(sfm: SfmResult) -> Lens:
    cameras = sfm.model.posed_images.cameras
    focal, _, cx, cy = (float(value) for value in cameras.intrinsics[0])
    return Lens(focal=focal, cx=cx, cy=cy, k=0.0, width=cameras.width, height=cameras.height)


def _lens(sfm: SfmResult, pinhole: Lens) -> Lens:
    """As filmed: what ``undistort_images`` was given for the frames that are known."""
    focal = sfm.quality.focal_ratio * max(pinhole.width, pinhole.height)
    return replace(pinhole, focal=focal, k=sfm.quality.distortion)


def _tidy(work: Path, result: Placement, paths: dict[int, Path]) -> None:
    """Only pictures of placed frames stay."""
    for one in result.refused:
        paths[one.number].unlink()
    shutil.rmtree(work)


def _save(folder: Path, result: Placement, names: dict[int, str]) -> None:
    content: dict[str, Any] = {
        "placed": [
            {
                "number": one.number,
                "image": names[one.number],
                "cam_from_world": one.cam_from_world.tolist(),
                "figures": asdict(one.figures),
            }
            for one in result.placed
        ],
        "refused": [asdict(one) for one in result.refused],
    }
    (folder / MANIFEST).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
