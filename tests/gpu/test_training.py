"""On a real GPU: the trainer's promises."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import Engine
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.train.evaluate import evaluate
from roomsplat.train.trainer import train
from tests.gpu.machine import EMULATED, sized
from tests.gpu.small_training import CONFIG, WatchfulEngine, digest, every_kernel
from tests.train.scenes import tiny_model

pytestmark = pytest.mark.gpu

ROOT = Path(__file__).resolve().parents[2]


def assert_same(got: Gaussians, wanted: Gaussians) -> None:
    """Bit for bit."""
    for name in ("means", "quats", "log_scales", "opacity_logits", "sh"):
        np.testing.assert_array_equal(getattr(got, name), getattr(wanted, name), err_msg=name)


def program(what: str, folder: Path) -> str:
    """What ``tests.gpu.small_training`` prints, in a process of its own."""
    arguments = [sys.executable, "-m", "tests.gpu.small_training", what, str(folder)]
    child = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert child.stdout, child.stderr[-2000:]
    return child.stdout.strip()


def stop() -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


def test_every_kernel_runs(cuda: Engine) -> None:
    """Masks, colour transforms, depth, poses, coarse pictures, plain gradients: all of it, with finite results."""
    every_kernel(cuda)


def test_who_watches_changes_nothing(cuda: Engine, tmp_path: Path) -> None:
    """A watcher gets arrays of the host with harmonics of degree 0, and the scene is the one without a watcher."""
    model = tiny_model(CpuEngine(threads=1), tmp_path)
    scenes: list[Gaussians] = []

    def watch(_step: int, look: Callable[[], Gaussians]) -> None:
        scenes.append(look())

    watched = train(model, cuda, CONFIG, watch=watch).gaussians
    assert_same(watched, train(model, cuda, CONFIG).gaussians)
    assert all(type(scene.means) is np.ndarray for scene in scenes)
    kept = {mean.tobytes() for mean in watched.means}
    left = scenes[-1][np.array([mean.tobytes() in kept for mean in scenes[-1].means])]
    assert_same(left, replace(watched, sh=watched.sh[:, :1]))  # what hangs in the air goes at the very end


@pytest.mark.parametrize("stop_at", [17, 79])
def test_a_resumed_run_equals_an_uninterrupted_one(cuda: Engine, stop_at: int, tmp_path: Path) -> None:
    """Interrupted in the middle of a step and run again, training comes to the same scene, bit for bit."""
    model = tiny_model(CpuEngine(threads=1), tmp_path)
    interrupted: Any = WatchfulEngine(cuda, stop_at, stop)
    with pytest.raises(KeyboardInterrupt):
        train(model, interrupted, CONFIG, tmp_path)
    resumed = train(model, cuda, CONFIG, tmp_path)
    assert 0 < resumed.resumed_at < stop_at or stop_at == 17
    assert_same(resumed.gaussians, train(model, cuda, CONFIG).gaussians)


def test_training_is_as_good_as_on_the_cpu(cuda: Engine, cpu: Engine, tmp_path: Path) -> None:
    """From the same seed both engines come to scenes of the same quality, within 0.15 dB over the training views."""
    model = tiny_model(CpuEngine(threads=1), tmp_path)
    config = replace(CONFIG, max_steps=sized(400, 80))
    views = np.flatnonzero(~model.posed_images.is_eval)
    scores = [
        evaluate(cpu, train(model, engine, config).gaussians, model.posed_images, views).psnr
        for engine in (cuda, cpu)
    ]
    assert abs(scores[0] - scores[1]) < 0.15, scores


@pytest.mark.usefixtures("cuda")
def test_two_processes_come_to_the_same_bits(tmp_path: Path) -> None:
    """Training is the same, bit for bit, in this process and in another one."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    assert program("digest", tmp_path / "there") == digest(tmp_path / "here")


@pytest.mark.skipif(EMULATED, reason="an emulated device cannot be lost")
@pytest.mark.usefixtures("cuda")
def test_a_lost_device_keeps_the_checkpoint(cuda: Engine, tmp_path: Path) -> None:
    """A kernel that writes into nowhere ends the run with ``gpu_lost``; the same call on a sound device resumes it."""
    assert program("lose", tmp_path) == "gpu_lost"
    model = tiny_model(CpuEngine(threads=1), tmp_path)
    config = replace(CONFIG, checkpoint_every_s=1e-3)
    resumed = train(model, cuda, config, tmp_path)
    assert resumed.resumed_at > 0
    assert_same(resumed.gaussians, train(model, cuda, config).gaussians)
