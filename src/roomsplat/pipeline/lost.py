"""Around matching: a start from nothing where it finds no cameras, and frames that it lost placed against the scene."""

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
from roomsplat.sfm.manifest import SfmResult
from roomsplat.sfm.quality import NoModelError
from roomsplat.sfm.shares import never_falling
from roomsplat.sfm.solve import solve_cameras


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
    """Match and map; where that finds no model, begin with two frames and go along the film.

    ``folder`` exists and is empty.

    Raises:
        RegistrationError: neither found the cameras; told is what matching said.
        InvalidFileError: a frame cannot be read.
        OutputError: a result cannot be written.
    """
    sfm, told = replace(config.sfm, threads=config.sfm.threads or config.threads), never_falling(report)
    try:
        return solve_cameras(frames, folder, sfm, told)
    except NoModelError as error:
        if not config.posefree.from_nothing:
            raise
        try:
            return cameras_from_nothing(frames, folder, sfm, told)
        except RegistrationError:
            raise error from None


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
