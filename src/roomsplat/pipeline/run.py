"""The line from video to splat, top to bottom. Start reading here."""

import errno
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from roomsplat.capture.extract import extract_frames, load_capture
from roomsplat.core.images import Frame, PosedImages
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import RunWarning
from roomsplat.core.scene import SplatScene
from roomsplat.errors import EngineError, InterruptedRunError, InvalidFileError, OutputError, RoomsplatError
from roomsplat.formats.nerfstudio import read_transforms
from roomsplat.pipeline.config import PipelineConfig, config_to_json, with_focal
from roomsplat.pipeline.events import RunFinished, RunStarted
from roomsplat.pipeline.fit import fit
from roomsplat.pipeline.journal import Emit, Journal
from roomsplat.pipeline.live import LiveScene, show_cameras, write_thumbnail
from roomsplat.pipeline.lost import complete_cameras, find_cameras
from roomsplat.pipeline.reference import path_error
from roomsplat.pipeline.rehearsal import Rehearsal
from roomsplat.pipeline.report import write_report
from roomsplat.pipeline.results import Fitted, Results, summarise, write_results
from roomsplat.pipeline.scale import to_scale
from roomsplat.pipeline.summary import RunSummary, write_summary
from roomsplat.pipeline.training_files import Trained, load_training, save_training
from roomsplat.pipeline.user_masks import find_masks, masks_key, masks_warnings
from roomsplat.pipeline.workspace import Workspace, shown_name, source_key, stage_key, write_text_whole
from roomsplat.render.base import Engine
from roomsplat.render.cuda.failures import in_words
from roomsplat.render.engines import select_engine
from roomsplat.sfm.shares import part
from roomsplat.sfm.solve import load_sfm

CHECKPOINT = "checkpoint"
SOLVING_SHARE = 0.8
"""Of the stage's bar; what is left is for lost frames, if there are any."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconstruction:
    """What a run gives back."""

    scene: SplatScene
    """The splat; also in ``scene.ply``."""
    summary: RunSummary
    """The figures; also in ``run.json``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a run is given beside its settings."""

    source: Path
    """The film or the folder of images."""
    masks: Mapping[str, Path]
    """Of images of the folder, by their names."""
    reference: Path | None
    """A ``transforms.json`` with the true cameras."""


def reconstruct(
    source: Path,
    out: Path,
    config: PipelineConfig,
    *,
    emit: Emit,
    reference: Path | None = None,
    masks: Path | None = None,
) -> Reconstruction:
    """Turn a film or a folder of images at ``source`` into a splat in the folder ``out``.

    Finished stages are kept in ``out/work``: the same call after an interrupt continues and gives the same result.
    ``reference`` is a ``transforms.json`` with the true cameras, if they are known; it is only compared with.
    ``masks`` is a folder of masks for a folder of images; ``user_masks.py`` says where else they are sought.

    Raises:
        RoomsplatError: whatever a user can cause; also told as ``RunFailed`` through ``emit``.
    """
    journal = Journal(emit=emit)
    try:
        if reference is not None:
            read_transforms(reference)  # a wrong path is told now, not after the whole run
        key = source_key(source)
        given = Given(source=source, masks=find_masks(source, masks), reference=reference)
        workspace = Workspace(out)
        with workspace.exclusive(), Rehearsal() as rehearsal:
            return _line(given, key + masks_key(given.masks), workspace, config, journal, rehearsal)
    except RoomsplatError as error:
        journal.fail(error)
        raise
    except (KeyboardInterrupt, Exception) as error:
        told = _in_words(error, out)
        if told is None:
            raise  # a bug of ours: its traceback is what we need to see
        journal.fail(told)
        raise told from error


def _line(
    given: Given,
    key: str,
    workspace: Workspace,
    config: PipelineConfig,
    journal: Journal,
    rehearsal: Rehearsal,
) -> Reconstruction:
    source, out = given.source, workspace.out
    capture_key = stage_key(config.capture, key)
    sfm_key = stage_key(config.sfm, capture_key, str(config.posefree.from_nothing))
    engine = select_engine(config.engine, config.threads, config.device)
    posefree_key = stage_key(config.posefree, sfm_key, engine.name)
    write_text_whole(out / "config.json", config_to_json(config))
    journal.emit(
        RunStarted(
            message=f"{shown_name(source)} → {out}", source=str(source), out=str(out), engine=engine.name
        )
    )

    if engine.name == "cuda" and not workspace.is_done("sfm", sfm_key):
        rehearsal.start(out / "config.json")

    with journal.stage("capture", "choosing the sharpest frames") as stage:
        stage.reused = workspace.is_done("capture", capture_key)
        if not stage.reused:
            with workspace.produce("capture", capture_key) as folder:
                extract_frames(source, folder, config.capture, stage.report, masks=given.masks)
        capture = load_capture(workspace.folder("capture"))
        write_thumbnail(out, capture.frames)
        stage.seconds = workspace.seconds("capture")
        stage.message = f"{len(capture.frames)} of {capture.media.num_frames} frames kept"
        journal.warn("capture", *capture.warnings, *masks_warnings(source, given.masks))

    with journal.stage("sfm", "finding the cameras") as stage:
        stage.reused = workspace.is_done("sfm", sfm_key)
        if not stage.reused:
            with workspace.produce("sfm", sfm_key) as folder:
                find_cameras(
                    capture.frames,
                    folder,
                    with_focal(config, capture.media.focal_ratio),
                    part(stage.report, 0, SOLVING_SHARE),
                )
        found = complete_cameras(
            capture.frames,
            load_sfm(workspace.folder("sfm")),
            engine,
            config,
            workspace,
            posefree_key,
            part(stage.report, SOLVING_SHARE, 1),
        )
        sfm, stage.reused = found.sfm, stage.reused and found.reused
        stage.seconds = workspace.seconds("sfm") + found.seconds
        model = hold_out(sfm.model, config.eval_every)
        stage.message = f"{len(sfm.frames)} of {len(capture.frames)} cameras found"
        journal.warn("sfm", *sfm.warnings)
        show_cameras(out, model, sfm.frames, journal, reused=stage.reused)

    train_key = stage_key(config.train, found.key, engine.name, str(config.eval_every))
    with journal.stage("train", "fitting the Gaussians") as stage:
        stage.reused = workspace.is_done("train", train_key)
        if not stage.reused:
            with workspace.produce("train", train_key, resumable=True) as folder:
                watch = LiveScene(out, config.export.live_seconds, journal).watch
                save_training(
                    folder, fit(model, engine, config.train, folder / CHECKPOINT, stage.report, watch)
                )
                shutil.rmtree(folder / CHECKPOINT)  # two to three times the size of the scene
        trained, model = with_training(model, workspace.folder("train"), config.scale)
        stage.seconds = workspace.seconds("train")
        stage.message = f"{len(trained.gaussians):,} Gaussians"
        journal.warn("train", *trained.warnings)

    with journal.stage("export", "writing the scene") as stage:
        fitted = Fitted(
            source=source,
            out=out,
            quality=config.quality,
            capture=capture,
            frames=sfm.frames,
            num_placed=found.num_placed,
            model=model,
            trained=trained,
            key=stage_key(config.scale, train_key),
        )
        results = write_results(fitted, engine, workspace, config, stage.report)
        stage.message = str(out / "scene.ply")
        journal.warn("export", *results.warnings)

    return _finished(
        fitted, results, engine, journal, compare_path(model, sfm.frames, given.reference, journal)
    )


def _finished(
    fitted: Fitted, results: Results, engine: Engine, journal: Journal, ate_percent: float | None
) -> Reconstruction:
    """Write the report and, last, the figures: with them the folder says that it is whole."""
    out = fitted.out
    summary = replace(
        summarise(fitted, results, engine),
        ate_percent=ate_percent,
        stage_seconds=journal.stage_seconds,
        warnings=journal.warnings,
    )
    write_report(out / "report.html", fitted, results, summary)
    write_summary(out / "run.json", summary)
    journal.emit(RunFinished(message=f"done: {out / 'scene.ply'}", summary=summary.to_json()))
    return Reconstruction(scene=results.scene, summary=summary)


def compare_path(
    model: SparseModel, frames: Sequence[Frame], reference: Path | None, journal: Journal
) -> float | None:
    """The path's error in %, ``None`` without a reference; one that does not fit the film is only warned of."""
    if reference is None:
        return None
    try:
        return path_error(model.posed_images.cameras, frames, reference).percent
    except InvalidFileError as error:
        journal.warn(
            "export", RunWarning(code="reference_does_not_fit", message=f"{error.message} {error.hint}")
        )
        return None


def with_training(model: SparseModel, folder: Path, scale: str | None = None) -> tuple[Trained, SparseModel]:
    """What training left in ``folder``, and ``model`` with its cameras; in metres if the length ``scale`` tells."""
    trained = load_training(folder)
    images: PosedImages = replace(model.posed_images, cameras=trained.cameras)
    return to_scale(trained, replace(model, posed_images=images), scale)


def hold_out(model: SparseModel, every: int) -> SparseModel:
    """Mark every ``every``-th picture as held out (0: none), the first one included, as the field's benchmarks do."""
    images = model.posed_images
    is_eval = np.zeros(len(images.cameras), np.bool_)
    if every:
        is_eval[::every] = True
    held: PosedImages = replace(images, is_eval=is_eval)
    return replace(model, posed_images=held)


def _in_words(error: BaseException, out: Path) -> RoomsplatError | None:
    """What the operating system, the user or the GPU did, as an error with a hint; ``None`` for anything else."""
    of_the_gpu = in_words(error)
    if of_the_gpu is not None:
        return of_the_gpu
    if isinstance(error, KeyboardInterrupt):
        return InterruptedRunError(
            "Stopped; finished work is kept.", hint="Run the same command again to continue where it stopped."
        )
    if isinstance(error, MemoryError):
        return EngineError("The computer ran out of memory.", hint="Use --quality preview, or fewer frames.")
    if not isinstance(error, OSError):
        return None
    place = error.filename or out
    if error.errno in DISK_FULL:
        return OutputError(
            f"No space is left on the disk while writing {place}.",
            hint="Free some space and run the same command again: finished stages are kept.",
        )
    return OutputError(
        f"{place} could not be read or written ({error.strerror or error}).",
        hint="Check the disk and the permissions, then run the same command again.",
    )
