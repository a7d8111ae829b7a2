"""One step of ``benchmarks poses`` in a process of its own: what crashes, crashes here, and memory is its own.

``python -m benchmarks.poses_child STEP WORK …``: ``capture`` chooses frames, ``ours`` finds their cameras as the line
does, ``from_nothing`` as it does where matching finds no model; ``database``, ``incremental`` and ``global`` are plain
pycolmap on the same frames. Each leaves ``STEP.json``.

Plain is COLMAP's defaults, except for what lets it end today: SIFT at our size and number (1280 px, 2,048), every pair
of up to 80 frames, of more those up to 10, 16, 32 … frames apart (sequential, quadratic overlap); one shared
SIMPLE_RADIAL camera, as ours.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from roomsplat.capture.extract import extract_frames, load_capture
from roomsplat.capture.folder import list_pictures
from roomsplat.core.images import Frame
from roomsplat.core.progress import silent
from roomsplat.pipeline.config import PipelineConfig, for_quality
from roomsplat.pipeline.fit import fit
from roomsplat.pipeline.lost import find_cameras
from roomsplat.pipeline.run import hold_out
from roomsplat.posefree.from_nothing import cameras_from_nothing
from roomsplat.posefree.stage import find_lost_frames, lost_frames, with_placed_frames
from roomsplat.render.engines import select_engine
from roomsplat.sfm.solve import SfmResult

Options = argparse.Namespace
EXHAUSTIVE_UP_TO = 80
FEATURES, SIDE = 2048, 1280


def clock() -> tuple[float, float]:
    """Seconds of the wall's clock, and of all processors for this process and its children."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(one.ru_utime + one.ru_stime for one in usage)


def since(begun: tuple[float, float]) -> dict[str, float]:
    """What went by."""
    wall, processors = clock()
    return {"seconds": wall - begun[0], "cpu_seconds": processors - begun[1]}


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
    """As the line does: matching, then lost frames against a fitted scene; with ``--psnr`` training at preview."""
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
        "psnr": _psnr(solved, options) if options.psnr else None,
    }


def _with_lost_frames(
    frames: Sequence[Frame], solved: SfmResult, config: PipelineConfig, options: Options
) -> SfmResult:
    if not config.posefree.place_lost or not lost_frames(frames, solved):
        return solved
    engine, folder = (
        select_engine(config.engine, threads=options.threads),
        options.work / f"{options.step}.posefree",
    )
    folder.mkdir()
    find_lost_frames(frames, solved, engine, config.posefree, folder, threads=options.threads)
    return with_placed_frames(frames, solved, folder)


def _psnr(solved: SfmResult, options: Options) -> float | None:
    config = for_quality("preview")
    engine = select_engine(config.engine, threads=options.threads)
    model = hold_out(solved.model, config.eval_every)
    return fit(model, engine, config.train, options.work / "checkpoint", lambda _: None).psnr


def _colmap() -> Any:
    # First zlib, whose symbols pycolmap's own would replace (see sfm/colmap.py).
    import zlib  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport]

    import pycolmap  # noqa: PLC0415 - only here, and not where ours runs

    module: Any = pycolmap
    module.logging.minloglevel = 3
    return module


def database(options: Options) -> dict[str, Any]:
    """Features and matches for both mappers."""
    colmap = _colmap()
    frames = load_capture(options.work / "capture").frames
    path, images = options.work / "plain.db", frames[0].path.parent
    extraction, matching = colmap.FeatureExtractionOptions(), colmap.FeatureMatchingOptions()
    for one in (extraction, matching):
        one.use_gpu, one.num_threads = False, options.threads
    extraction.max_image_size, extraction.sift.max_num_features = SIDE, FEATURES
    begun = clock()
    colmap.extract_features(
        path, images, image_names=[frame.path.name for frame in frames],
        camera_mode=colmap.CameraMode.SINGLE, extraction_options=extraction, device=colmap.Device.cpu,
    )  # fmt: skip
    match = colmap.match_exhaustive if len(frames) <= EXHAUSTIVE_UP_TO else colmap.match_sequential
    match(path, matching_options=matching, device=colmap.Device.cpu)
    return since(begun)


def plain(mapper: str) -> Callable[[Options], dict[str, Any]]:
    """Mapping alone, from the database."""

    def run(options: Options) -> dict[str, Any]:
        colmap = _colmap()
        frames = load_capture(options.work / "capture").frames
        out = options.work / mapper
        out.mkdir()
        begun = clock()
        models = getattr(colmap, mapper)(options.work / "plain.db", frames[0].path.parent, out)
        took = since(begun)
        by_size = sorted(models.values(), key=lambda model: -model.num_reg_images())
        names = {frame.path.name: frame.name for frame in frames}
        found = [by_size[0].images[i] for i in sorted(by_size[0].reg_image_ids())] if by_size else []
        poses = np.tile(np.eye(4), (len(found), 1, 1))
        for pose, image in zip(poses, found, strict=True):
            pose[:3] = image.cam_from_world().matrix()
        return {
            "names": [names[image.name] for image in found],
            "poses": poses.tolist(),
            "others": [model.num_reg_images() for model in by_size[1:]],
            **took,
        }

    return run


STEPS: dict[str, Callable[[Options], dict[str, Any]]] = {
    "capture": capture,
    "ours": ours,
    "from_nothing": from_nothing,
    "database": database,
    "incremental": plain("incremental_mapping"),
    "global": plain("global_mapping"),
}


def main() -> None:
    """Run one step."""
    parser = argparse.ArgumentParser()
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("work", type=Path)
    parser.add_argument("--source")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--psnr", action="store_true")
    options = parser.parse_args()
    result = STEPS[options.step](options)
    # The solver is a child of ours: whichever was larger. Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    usage = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    result["peak_mb"] = max(usage) * unit / 1e6
    (options.work / f"{options.step}.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
