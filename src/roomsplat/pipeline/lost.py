"""Around matching: a start from nothing where it finds no cameras, and frames that it lost placed against the scene."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from roomsplat.core.images import Frame
from roomsplat.core.progress import ReportProgress
from roomsplat.errors import RegistrationError
from roomsplat.pipeline.config import PipelineConfig
from roomsplat.pipeline.workspace import Workspace
from roomsplat.posefree.from_nothing import cameras_from_nothing
from roomsplat.posefree.stage import find_lost_frames, lost_frames, with_placed_frames
from roomsplat.render.base import Engine
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.manifest import SfmResult, load_sfm
from roomsplat.sfm.quality import NoModelError
from roomsplat.sfm.shares import never_falling
from roomsplat.sfm.solve import solve_cameras

PART_SHARE = 0.6
"""A model of fewer of the frames is half a room."""
WHOLE_SHARE = 0.9
"""What takes its place holds more of them than this: it rests on less, so it must be worth it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What the step leaves."""

    sfm: SfmResult
    """With the placed frames."""
    num_placed: int
    seconds: float
    reused: bool
    """Nothing was computed: an earlier run's result was taken, or nothing was lost."""


def find_cameras(
    frames: Sequence[Frame], folder: Path, config: PipelineConfig, report: ReportProgress
) -> SfmResult:
    """Match and map; where that finds no model, or only a part of the film, begin with two frames and go along it.

    ``folder`` exists and is empty. A part is kept unless going along the film finds nearly all of it: a corridor whose
    two ways share nothing that both show had 104 of 200 frames in its larger model, and has 198 along the film.

    Raises:
        RegistrationError: neither found the cameras; told is what matching said.
        InvalidFileError: a frame cannot be read.
        OutputError: a result cannot be written.
    """
    sfm, told = replace(config.sfm, threads=config.sfm.threads or config.threads), never_falling(report)
    try:
        found = solve_cameras(frames, folder, sfm, told)
    except NoModelError as error:
        if not config.posefree.from_nothing:
            raise
        try:
            return cameras_from_nothing(frames, folder, sfm, told)
        except RegistrationError:
            raise error from None
    if config.posefree.from_nothing and len(found.frames) < PART_SHARE * len(frames):
        return _along_the_film(frames, folder, sfm, told, found)
    return found


def _along_the_film(
    frames: Sequence[Frame], folder: Path, sfm: SfmConfig, report: ReportProgress, found: SfmResult
) -> SfmResult:
    """What going along the film finds, if that is nearly all, else ``found``, which lies in ``folder``."""
    second = folder / "second"
    second.mkdir()
    try:
        whole = len(cameras_from_nothing(frames, second, sfm, report).frames) >= WHOLE_SHARE * len(frames)
    except RegistrationError:
        whole = False
    if not whole:
        shutil.rmtree(second)
        return found
    for old in folder.iterdir():
        if old != second:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    for new in second.iterdir():
        new.rename(folder / new.name)
    second.rmdir()
    return load_sfm(folder)


def complete_cameras(
    frames: Sequence[Frame],
    sfm: SfmResult,
    engine: Engine,
    config: PipelineConfig,
    workspace: Workspace,
    key: str,
    report: ReportProgress,
) -> Completed:
    """Place the frames that ``sfm`` lost, or take what an earlier run with the same ``key`` placed."""
    if not config.posefree.place_lost or not lost_frames(frames, sfm):
        # What an earlier run placed is no longer true, and the report would tell it.
        shutil.rmtree(workspace.folder("posefree"), ignore_errors=True)
        return Completed(sfm=sfm, num_placed=0, seconds=0.0, reused=True)
    reused = workspace.is_done("posefree", key)
    if not reused:
        with workspace.produce("posefree", key) as folder:
            find_lost_frames(frames, sfm, engine, config.posefree, folder, report, threads=config.threads)
    whole = with_placed_frames(frames, sfm, workspace.folder("posefree"))
    return Completed(
        sfm=whole,
        num_placed=len(whole.frames) - len(sfm.frames),
        seconds=workspace.seconds("posefree"),
        reused=reused,
    )
