"""One step of ``benchmarks poses`` in a process of its own: what crashes, crashes here, and memory is its own.

``python -m benchmarks.poses_child STEP WORK …``: ``capture`` chooses frames, ``ours`` finds their cameras as the line
does, ``from_nothing`` as it does where matching finds no model; ``database``, ``incremental`` and ``global`` are plain
pycolmap on the same frames (``poses_plain.py``); ``psnr`` trains at preview on the cameras that one of them left.
Each leaves ``STEP.json``.
"""

import argparse
import json
import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.poses_clock import clock, since
from benchmarks.poses_plain import MAPPERS, database, finished, mapped
from roomsplat.capture.extract import extract_frames, load_capture
from roomsplat.capture.folder import list_pictures
from roomsplat.core.images import Frame
from roomsplat.core.progress import silent
from roomsplat.pipeline.config import PipelineConfig, for_quality
from roomsplat.pipeline.fit import fit
from roomsplat.pipeline.lost import find_cameras
from roomsplat.pipeline.run import hold_out
from roomsplat.posefree.from_nothing import cameras_from_nothing
from roomsplat.posefree.stage import find_lost_frames, is_worth_seeking, lost_frames, with_placed_frames
from roomsplat.render.engines import select_engine
from roomsplat.sfm.solve import SfmResult, load_sfm

Options = argparse.Namespace


def capture(options: Options) -> dict[str, Any]:
    """The frames that the line would use; of a folder all, however many."""
    config, source = for_quality("preview").capture, Path(options.source)
    if source.is_dir():
        most = len(list_pictures(source, replace(config, max_frames=10**6)))
        config = replace(config, frames=most, max_frames=max(most, config.max_frames))
    folder = options.work / "capture"
    folder.mkdir()
    frames = extract_frames(source, folder, config).frames
    return {"frames": [frame.name for frame in frames]}


def ours(options: Options) -> dict[str, Any]:
    """As the line does: matching, then lost frames against a fitted scene."""
    return _found(options, lambda frames, folder, config: find_cameras(frames, folder, config, silent))


def from_nothing(options: Options) -> dict[str, Any]:
    """The same as if matching had found no model."""
    return _found(
        options,
        lambda frames, folder, config: cameras_from_nothing(
            frames, folder, replace(config.sfm, threads=config.threads)
        ),
    )


def _found(
    options: Options, find: Callable[[Sequence[Frame], Path, PipelineConfig], SfmResult]
) -> dict[str, Any]:
    frames, folder = load_capture(options.work / "capture").frames, options.work / f"{options.step}.sfm"
    folder.mkdir()
    config = replace(for_quality("preview"), threads=options.threads)
    begun = clock()
    solved = find(frames, folder, config)
    by_matching = len(solved.frames)
    solved = _with_lost_frames(frames, solved, config, options)
    took = since(begun)
    cameras = solved.model.posed_images.cameras
    return {
        "names": [frame.name for frame in solved.frames],
        "poses": cameras.cam_from_world.tolist(),
        "others": [],
        "placed": len(solved.frames) - by_matching,
        **took,
        "quality": {k: v for k, v in asdict(solved.quality).items() if isinstance(v, int | float)},
        "said": [warning.message for warning in solved.warnings],
    }


def _with_lost_frames(
    frames: Sequence[Frame], solved: SfmResult, config: PipelineConfig, options: Options
) -> SfmResult:
    if not config.posefree.place_lost or not is_worth_seeking(len(lost_frames(frames, solved)), len(frames)):
        return solved
    engine, folder = (
        select_engine(config.engine, threads=options.threads),
        options.work / f"{options.step}.posefree",
    )
    folder.mkdir()
    find_lost_frames(frames, solved, engine, config.posefree, folder, threads=options.threads)
    return with_placed_frames(frames, solved, folder)


def psnr(options: Options) -> dict[str, Any]:
    """Train at preview on what the method ``--of`` found, as the line does, and look at the pictures held out."""
    solved = finished(options.of, options.work) if options.of in MAPPERS else _left_by(options)
    config = for_quality("preview")
    engine = select_engine(config.engine, threads=options.threads)
    model = hold_out(solved.model, config.eval_every)
    checkpoint = options.work / f"{options.of}.checkpoint"
    return {"psnr": fit(model, engine, config.train, checkpoint, lambda _: None).psnr}


def _mapped(mapper: str, options: Options) -> dict[str, Any]:
    return mapped(mapper, options.work)


def _left_by(options: Options) -> SfmResult:
    solved, placed = load_sfm(options.work / f"{options.of}.sfm"), options.work / f"{options.of}.posefree"
    if not placed.exists():
        return solved
    return with_placed_frames(load_capture(options.work / "capture").frames, solved, placed)


STEPS: dict[str, Callable[[Options], dict[str, Any]]] = {
    "capture": capture,
    "ours": ours,
    "from_nothing": from_nothing,
    "psnr": psnr,
    "database": lambda options: database(options.work, options.threads),
    **{name: partial(_mapped, name) for name in MAPPERS},
}


def main() -> None:
    """Run one step."""
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("work", type=Path)
    parser.add_argument("--source")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--of", help="psnr: of which method's cameras")
    options = parser.parse_args()
    result = STEPS[options.step](options)
    # The solver is a child of ours: whichever was larger. Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    usage = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    result["peak_mb"] = max(usage) * unit / 1e6
    (options.work / f"{options.step}.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
