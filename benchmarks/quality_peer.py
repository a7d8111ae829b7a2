"""gsplat on exactly our poses and pictures: the scene as ``shared/peers/gsplat_reference.py`` reads it, and its rows.

Its runs go side by side, because one alone leaves the GPU idle half of the time; seconds of theirs are therefore not
told here (``python -m benchmarks cuda --only peer`` times it alone).
"""

import importlib.util
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.cuda_children import peer_rows, python
from benchmarks.figures import CaseError, Figure
from benchmarks.quality_scenes import Scene

STRATEGIES = ("default", "mcmc", "none")
STEPS, EVALS = 7000, "3000,7000"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRow:
    """One evaluation."""

    scene: str
    strategy: str
    steps: int
    psnr: float
    ssim: float
    gaussians: int


def write_peer_scene(scene: Scene, folder: Path) -> None:
    """The pictures and ``scene.npz`` into ``folder``, which is made new.

    Raises:
        CaseError: the scene has more than one focal length, which the peer's script cannot take.
    """
    images, points = scene.model.posed_images, scene.model.points
    cameras = images.cameras
    if np.ptp(cameras.intrinsics, axis=0).max() > 1e-3:
        raise CaseError(f"{scene.name} has cameras of several focal lengths")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in images.image_paths:
        shutil.copy(path, folder / path.name)
    np.savez(
        folder / "scene.npz",
        V=cameras.cam_from_world.astype(np.float64),
        names=np.array([path.name for path in images.image_paths]),
        K=cameras.intrinsics[0],
        wh=np.array([cameras.width, cameras.height]),
        P=points.positions,
        C=points.colors,
    )


def missing_packages() -> list[str]:
    """What the peer needs and this machine has not."""
    return [name for name in ("torch", "gsplat") if importlib.util.find_spec(name) is None]


def run_peers(
    scenes: Sequence[Scene],
    strategies: Sequence[str],
    shared: Path,
    work: Path,
    cap: int,
    say: Callable[[str], None],
) -> list[PeerRow]:
    """The strategies on every capture; MCMC gets our cap. Nothing where gsplat is not installed."""
    if not strategies:
        return []
    missing = missing_packages()
    if missing:
        say(f"peer: left out, {' and '.join(missing)} cannot be imported")
        return []
    script = shared / "peers" / "gsplat_reference.py"
    captures = [scene for scene in scenes if scene.is_capture]
    for scene in captures:
        write_peer_scene(scene, work / "peer" / scene.name)

    def one(task: tuple[str, str]) -> list[PeerRow]:
        name, strategy = task
        try:
            printed = python(
                script, "--scene", work / "peer" / name, "--steps", STEPS, "--evals", EVALS,
                "--strategy", strategy, "--cap", cap,
            )  # fmt: skip
        except CaseError as error:
            say(f"peer {name} {strategy}: {error}")
            return []
        rows = [
            PeerRow(
                scene=name, strategy=strategy, steps=row["step"], psnr=row["psnr"], ssim=row["ssim"],
                gaussians=row["n"],
            )
            for row in peer_rows(printed)
        ]  # fmt: skip
        for row in rows:
            say(f"peer {row}")
        return rows

    tasks = [(scene.name, strategy) for scene in captures for strategy in strategies]
    with ThreadPoolExecutor(max(len(tasks), 1)) as pool:
        return [row for rows in pool.map(one, tasks) for row in rows]


def peer_figures(rows: Sequence[PeerRow]) -> list[Figure]:
    """``peer.quality.SCENE.STRATEGY.STEPS.…``: nobody judges them."""
    figures: list[Figure] = []
    for row in rows:
        key = f"peer.quality.{row.scene}.{row.strategy}.{row.steps}"
        figures += [
            Figure(key=f"{key}.psnr", value=row.psnr, unit="dB"),
            Figure(key=f"{key}.ssim", value=row.ssim, unit="ssim"),
            Figure(key=f"{key}.gaussians", value=row.gaussians, unit="Gaussians"),
        ]
    return figures
