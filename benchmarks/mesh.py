"""``python -m benchmarks.mesh [cpu|cuda|auto] [--quick]``: meshes of synthetic rooms beside the truth.

The scenes are trained at preview quality. Cameras are exact, so that the figures are about training and meshing.
``mesh_score.py`` says what counts.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure, print_figures
from benchmarks.mesh_score import MeshScore, score_mesh
from roomsplat.core.cameras import Cameras
from roomsplat.core.mesh import TriangleMesh
from roomsplat.core.progress import silent
from roomsplat.core.scene import SplatScene
from roomsplat.meshing.config import MeshConfig
from roomsplat.meshing.draw import draw_views
from roomsplat.meshing.solid import solid_of
from roomsplat.pipeline.presets import PRESETS
from roomsplat.render.base import Engine
from roomsplat.render.engines import select_engine
from roomsplat.synth.film import FilmConfig, bake_for
from roomsplat.synth.posed import make_posed_room
from roomsplat.synth.room import design_room
from roomsplat.synth.trace import render_depth
from roomsplat.synth.truth import make_truth_mesh
from roomsplat.train.trainer import train

SEEDS = (0, 1, 2)
NUM_IMAGES, WIDTH, HEIGHT, NUM_POINTS = 96, 640, 480, 20_000
TOLERANCES = (0.02, 0.05)


def mesh_figures(
    engine: Engine, *, seeds: tuple[int, ...] = SEEDS, quick: bool = False, say: Callable[[str], None] = print
) -> list[Figure]:
    """F-scores at 2 and 5 cm and seconds of every room; ``quick``: pictures of 320 px and half the steps."""
    figures = list[Figure]()
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            scene, cameras, depths = trained_room(engine, Path(folder), seed, quick=quick)
        begin = time.perf_counter()
        views = draw_views(engine, scene, cameras, MeshConfig(), silent)
        mesh = solid_of(views, MeshConfig())
        seconds = time.perf_counter() - begin
        scores = score_mesh(mesh, make_truth_mesh(design_room(seed)), cameras, depths, TOLERANCES)
        say(f"room {seed}: {describe(scores)}, {len(mesh.faces)} faces, {seconds:.1f} s")
        figures += figures_of(f"mesh.room{seed}", scores, seconds)
    return figures


def trained_room(
    engine: Engine, folder: Path, seed: int, *, quick: bool
) -> tuple[SplatScene, Cameras, list[NDArray[np.float32]]]:
    """A room trained at preview quality, its cameras, and the exact depth of each."""
    width, height = (WIDTH // 2, HEIGHT // 2) if quick else (WIDTH, HEIGHT)
    model = make_posed_room(
        folder, num_images=NUM_IMAGES, width=width, height=height, seed=seed, num_points=NUM_POINTS
    )
    config = replace(PRESETS["preview"].train(), refine_poses=False)
    if quick:
        config = replace(config, max_steps=config.max_steps // 2)
    trained = train(model, engine, config)
    cameras = model.posed_images.cameras
    baked = bake_for(design_room(seed), FilmConfig(seed=seed, width=width, height=height))
    depths = [render_depth(baked, cameras.pinhole(i)) for i in range(len(cameras))]
    model_of = "antialiased" if config.antialiased else "default"
    return SplatScene(gaussians=trained.gaussians, splat_model=model_of, scale="metric"), cameras, depths


def figures_of(name: str, scores: dict[float, MeshScore], seconds: float) -> list[Figure]:
    """The figures of one mesh."""
    figures = [
        Figure(key=f"{name}.f_{t * 100:.0f}cm", value=s.f_score, unit="share") for t, s in scores.items()
    ]
    return [*figures, Figure(key=f"{name}.seconds", value=seconds, unit="s")]


def describe(scores: dict[float, MeshScore]) -> str:
    """One line."""
    return ", ".join(
        f"{t * 100:.0f} cm F {s.f_score:.3f} (precision {s.precision:.3f}, recall {s.recall:.3f})"
        for t, s in scores.items()
    )


def score_room(mesh: TriangleMesh, seed: int, cameras: Cameras, depths: list[NDArray[np.float32]]) -> str:
    """``describe`` of any mesh of room ``seed``: for trials."""
    return describe(score_mesh(mesh, make_truth_mesh(design_room(seed)), cameras, depths, TOLERANCES))


if __name__ == "__main__":
    given = sys.argv[1:]
    name = next((word for word in given if not word.startswith("-")), "auto")
    print_figures(mesh_figures(select_engine(name), quick="--quick" in given), [])
