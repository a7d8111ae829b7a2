"""Around matching: a start from nothing where it finds no cameras, and frames that it lost placed against the scene."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from roomsplat.core.images import Frame
from roomsplat.core.progress import ReportProgress, RunWarning
from roomsplat.errors import RegistrationError
from roomsplat.pipeline.config import PipelineConfig
from roomsplat.pipeline.workspace import Workspace
from roomsplat.posefree.from_nothing import cameras_from_nothing
from roomsplat.posefree.stage import find_lost_frames, is_worth_seeking, lost_frames, with_placed_frames
from roomsplat.render.base import Engine
from roomsplat.sfm.child import CrashError
from roomsplat.sfm.config import SfmConfig
from roomsplat.sfm.manifest import SfmResult, load_sfm, save_sfm
from roomsplat.sfm.quality import MIN_SUPPORT, NoModelError
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
    key: str
    """What comes after depends on this: the step's own, or another one where the frames are still to be tried."""
    num_placed: int
    seconds: float
    reused: bool
    """Nothing was computed: an earlier run's result was taken, or nothing was lost."""


def find_cameras(
    frames: Sequence[Frame], folder: Path, config: PipelineConfig, report: ReportProgress
) -> SfmResult:
    """Match and map; where that finds none, a part of the film, or one in doubt, begin with two frames and go along it.

    ``folder`` exists and is empty. A part is kept unless going along the film finds nearly all of it: a corridor whose
    two ways share nothing that both show had 104 of 200 frames in its larger model, and has 198 along the film. So is
    a model that its matches do not bear out somewhere: bare walls at 320 px were 8.5 % off, and are 0.25 % along it.
    A solver that crashed by itself says nothing of the film, and going along it does without COLMAP's mapper; one that
    was killed, most likely for memory, would leave too little for a second way, and is told.

    Raises:
        RegistrationError: neither found the cameras; told is what the first said, unless the second was killed.
        InvalidFileError: a frame cannot be read.
        OutputError: a result cannot be written.
    """
    sfm, told = replace(config.sfm, threads=config.sfm.threads or config.threads), never_falling(report)
    found: SfmResult | RegistrationError
    try:
        found = solve_cameras(frames, folder, sfm, told)
    except NoModelError as error:
        found = error
    except CrashError as error:
        if error.was_killed:
            raise
        found = error
    if config.posefree.from_nothing and _is_too_little(found, len(frames)):
        return _along_the_film(frames, folder, sfm, told, found)
    if isinstance(found, RegistrationError):
        raise found
    return found


def _is_too_little(found: SfmResult | RegistrationError, count: int) -> bool:
    return (
        isinstance(found, RegistrationError) or _is_part(found, count) or found.quality.support < MIN_SUPPORT
    )


def _is_part(found: SfmResult, count: int) -> bool:
    return len(found.frames) < PART_SHARE * count


def _is_better(whole: SfmResult, found: SfmResult, count: int) -> bool:
    """Nearly all of the film; and where ``found`` has it, too, but falls apart in doubt, held together better."""
    nearly_all = len(whole.frames) >= WHOLE_SHARE * count
    return nearly_all and (_is_part(found, count) or whole.quality.support > found.quality.support)


def _along_the_film(
    frames: Sequence[Frame],
    folder: Path,
    sfm: SfmConfig,
    report: ReportProgress,
    found: SfmResult | RegistrationError,
) -> SfmResult:
    """What going along the film finds in place of ``found``: anything if that is an error, else nearly all of it."""
    second = folder / "second"
    second.mkdir()
    try:
        if isinstance(found, CrashError):
            why = "The camera solver crashed (please report it)"
            whole = cameras_from_nothing(frames, second, sfm, report, why=why)
        else:
            whole = cameras_from_nothing(frames, second, sfm, report)
    except RegistrationError as error:
        shutil.rmtree(second)
        if isinstance(found, SfmResult):
            return _untried(folder, found, error) if isinstance(error, CrashError) else found
        raise (error if isinstance(error, CrashError) else found) from None
    if isinstance(found, SfmResult) and not _is_better(whole, found, len(frames)):
        shutil.rmtree(second)
        return found
    for old in folder.iterdir():
        if old != second:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    for new in second.iterdir():
        new.rename(folder / new.name)
    second.rmdir()
    return load_sfm(folder)


def _untried(folder: Path, found: SfmResult, error: CrashError) -> SfmResult:
    """``found``, which lies in ``folder``, with a word that the rest of the film was not gone along."""
    told = RunWarning(
        code="rest_not_tried",
        message=f"{error.message} So the rest of the film could not be sought frame by frame. Close other programs and "
        "run it again in a new folder.",
    )
    result = replace(found, warnings=(*found.warnings, told))
    save_sfm(folder, result)
    return result


def complete_cameras(
    frames: Sequence[Frame],
    sfm: SfmResult,
    engine: Engine,
    config: PipelineConfig,
    workspace: Workspace,
    key: str,
    report: ReportProgress,
) -> Completed:
    """Place the frames that ``sfm`` lost, or take what an earlier run with the same ``key`` placed.

    Where the search for their features dies they are left out with a warning, and the next run tries them again.
    """
    if not config.posefree.place_lost or not is_worth_seeking(len(lost_frames(frames, sfm)), len(frames)):
        # What an earlier run placed is no longer true, and the report would tell it.
        shutil.rmtree(workspace.folder("posefree"), ignore_errors=True)
        return Completed(sfm=sfm, key=key, num_placed=0, seconds=0.0, reused=True)
    reused = workspace.is_done("posefree", key)
    if not reused:
        try:
            with workspace.produce("posefree", key) as folder:
                find_lost_frames(frames, sfm, engine, config.posefree, folder, report, threads=config.threads)
        except CrashError as error:
            shutil.rmtree(workspace.folder("posefree"), ignore_errors=True)
            return _left_out(frames, sfm, key, error)
    whole = with_placed_frames(frames, sfm, workspace.folder("posefree"))
    return Completed(
        sfm=whole,
        key=key,
        num_placed=len(whole.frames) - len(sfm.frames),
        seconds=workspace.seconds("posefree"),
        reused=reused,
    )


def _left_out(frames: Sequence[Frame], sfm: SfmResult, key: str, error: CrashError) -> Completed:
    """``sfm`` as it is, with a word of why frames are missing."""
    told = RunWarning(
        code="lost_frames_not_tried",
        message=f"{error.message} So {len(lost_frames(frames, sfm))} of {len(frames)} frames that matching lost are "
        "left out. Run the same command again to try them once more.",
    )
    whole = replace(sfm, warnings=(*sfm.warnings, told))
    return Completed(sfm=whole, key=f"{key}-without", num_placed=0, seconds=0.0, reused=False)
