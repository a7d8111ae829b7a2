"""A tiny room, filmed once per test session, and a quick configuration for it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from roomsplat.formats.nerfstudio import TransformsFile, write_transforms
from roomsplat.pipeline.config import PipelineConfig, for_quality
from roomsplat.pipeline.events import Event
from roomsplat.pipeline.run import Reconstruction, reconstruct
from roomsplat.synth.film import FilmConfig, make_film


@dataclass(frozen=True, slots=True)
class RoomFilm:
    """A film with its exact cameras."""

    path: Path
    truth: Path


@pytest.fixture(scope="session")
def room_film(tmp_path_factory: pytest.TempPathFactory) -> RoomFilm:
    """Six seconds through a furnished room at 320 x 240."""
    folder = tmp_path_factory.mktemp("film")
    path, truth = folder / "room.mp4", folder / "room.transforms.json"
    film = make_film(path, FilmConfig(width=320, height=240, duration_s=6.0, fps=6.0))
    names = tuple(f"film/{index:06d}" for index in range(len(film.cameras)))
    times = np.asarray(film.timestamps_s, np.float64)
    write_transforms(truth, TransformsFile(cameras=film.cameras, image_paths=names, timestamps_s=times))
    return RoomFilm(path=path, truth=truth)


@pytest.fixture(scope="session")
def quick() -> PipelineConfig:
    """Settings that finish a tiny room in seconds."""
    config = for_quality("preview")
    return replace(
        config,
        threads=2,
        capture=replace(config.capture, frames=30),
        train=replace(config.train, max_steps=150, max_gaussians=4_000, max_side=160),
        mesh=replace(
            config.mesh, resolution=64, max_views=8, max_side=160, max_faces=2_000, texture_side=256
        ),
        export=replace(config.export, tour_seconds=0.5, live_seconds=0.5),
    )


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run with everything that it told."""

    out: Path
    result: Reconstruction
    events: list[Event]


@pytest.fixture(scope="session")
def finished(room_film: RoomFilm, quick: PipelineConfig, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The tiny room, reconstructed without a break."""
    out = tmp_path_factory.mktemp("run") / "out"
    events: list[Event] = []
    result = reconstruct(room_film.path, out, quick, emit=events.append, reference=room_film.truth)
    return Run(out=out, result=result, events=events)
