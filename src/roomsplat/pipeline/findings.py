"""What a finished run shows about its film: the figures behind the report and behind its advice."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roomsplat.capture.extract import Capture
from roomsplat.core.images import Frame
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.scene import SplatScene
from roomsplat.pipeline.advice import Advice, Evidence, advise
from roomsplat.pipeline.coverage import Coverage, coverage_of, look_around
from roomsplat.pipeline.exposure_curve import exposure_gains
from roomsplat.pipeline.film_figures import FilmFigures, film_figures
from roomsplat.pipeline.training_files import Trained
from roomsplat.pipeline.walls import Wall, find_walls
from roomsplat.posefree.stage import MANIFEST
from roomsplat.render.base import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that the report says beyond the summary."""

    film: FilmFigures
    """Picture by picture."""
    placed: frozenset[int]
    """Places in the film of pictures that matching had lost and that were placed against the scene."""
    coverage: Coverage
    """From where each part of the room was seen."""
    walls: tuple[Wall, ...]
    """Its sides."""
    advice: tuple[Advice, ...]
    """What to do better, what costs most first."""


def study(
    engine: Engine,
    scene: SplatScene,
    model: SparseModel,
    capture: Capture,
    frames: Sequence[Frame],
    trained: Trained,
    placed_folder: Path,
) -> Findings:
    """Look at the film and at the finished scene.

    Args:
        engine: draws the depth that coverage is read from.
        scene: the finished scene.
        model: the cameras and points.
        capture: the kept pictures.
        frames: those with a camera, in the order of the model.
        trained: what training measured.
        placed_folder: what the placing of lost frames left; need not exist.
    """
    placed, reasons = _fates(placed_folder)
    film = film_figures(
        capture.frames,
        frames,
        model.posed_images.cameras,
        is_film=capture.media.kind == "film",
        scores=trained.scores,
        gains=exposure_gains(model, trained.exposures),
        reasons=reasons,
    )
    cameras = model.posed_images.cameras
    samples = look_around(engine, scene, cameras)
    coverage, walls = coverage_of(samples, cameras.centers.astype(np.float64)), find_walls(samples)
    side = min(capture.media.width, capture.media.height)
    advice = advise(Evidence(film=film, coverage=coverage, walls=walls, shorter_side=side))
    return Findings(film=film, placed=placed, coverage=coverage, walls=walls, advice=advice)


def _fates(folder: Path) -> tuple[frozenset[int], Mapping[int, str]]:
    """Which pictures were placed, and why others were refused; a folder that is not there says nothing."""
    path = folder / MANIFEST
    if not path.exists():
        return frozenset(), {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return (
        frozenset(int(one["number"]) for one in content["placed"]),
        {int(one["number"]): str(one["reason"]) for one in content["refused"]},
    )
