"""The CUDA engine's benchmark, as far as it can be tried without a GPU."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.cuda import CASES, Setting, kernels, million, run_cuda
from benchmarks.cuda_children import peer_figures, peer_rows
from benchmarks.cuda_device import Clock, Ledger, TimedDevice, time_step
from benchmarks.cuda_start import scene
from benchmarks.cuda_steps import Workload, kernel_table, size_of_work, step_figures
from benchmarks.cuda_table import ROWS, print_promises
from benchmarks.cuda_training import PREVIEW, STANDARD
from benchmarks.cuda_watch import WatchedEngine, watched_memory
from benchmarks.figures import BARS, CaseError, Figure
from roomsplat.pipeline.config import for_quality
from roomsplat.render.base import Engine, RenderSettings
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.render.cuda.engine import CudaEngine
from tests.emulator.device import EmulatedDevice


def workload(engine: Engine) -> Workload:
    """A thousand Gaussians and two small views."""
    gaussians, camera, picture = scene()
    small = replace(camera, width=48, height=32, cx=24.0, cy=16.0, fx=40.0, fy=40.0)
    target = engine.prepare_target(picture[:32, :48])
    splats = engine.create(gaussians[np.arange(1000)], sh_degree=3)
    return Workload(engine, splats, RenderSettings(), [(small, target)] * 2)


def test_the_recipes_are_the_products() -> None:
    """What is timed is what ``--quality`` trains, on pictures as they are."""
    assert replace(for_quality("standard").train, max_side=None) == STANDARD
    assert replace(for_quality("preview").train, max_side=None) == PREVIEW


def test_every_promise_has_a_row() -> None:
    """Each bar of the CUDA engine stands in the table, and every row's name is unique."""
    keys = [row.key for row in ROWS]
    assert {key for key in BARS if key.startswith("cuda.")} <= set(keys)
    assert len(set(keys)) == len(keys)


def test_the_table_puts_the_peer_beside_us(capsys: pytest.CaptureFixture[str]) -> None:
    """Measured, promised, quoted and measured beside it stand in one line; what was not measured has none."""
    print_promises(
        [
            Figure(key="cuda.to_peer_quality", value=4.56, unit="s"),
            Figure(key="peer.seconds", value=35.4, unit="s"),
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(text in lines[1] for text in ("36.5", "35.4", "≤ 9", "4.56", "met"))


def test_the_peers_lines_become_figures() -> None:
    """Its last evaluation, and the time of a step between the last two; silence is an error."""
    printed = (
        'import 1.0\n{"step": 3000, "time": 15.0, "psnr": 30.1, "ssim": 0.882, "n": 145000, "mem_gb": 0.7}\n'
        '{"step": 7000, "time": 36.0, "psnr": 30.8, "ssim": 0.887, "n": 198000, "mem_gb": 0.8}\n'
    )
    figures = {f.key: f.value for f in peer_figures(peer_rows(printed))}
    assert figures["peer.step"] == pytest.approx(5.25)
    assert figures["peer.peak"] == 0.8
    with pytest.raises(CaseError):
        peer_figures([])


def test_a_timed_device_names_every_launch() -> None:
    """All kernels of a step are entered in order, repeated ones numbered; untimed, nothing is; results are the same."""
    device = TimedDevice(EmulatedDevice())
    timed, plain = CudaEngine(device), CudaEngine(EmulatedDevice())
    works = workload(timed), workload(plain)
    for work in works:
        work.step()
    assert device.ledger.launches == []
    rows = kernel_table(works[0], device.ledger, rounds=1)
    assert "1000 Gaussians, 48x32; the last view sees " in size_of_work(works[0])
    names = [name for name, _, _ in rows]
    assert names[0].startswith("project.")
    assert any(name.startswith("blend_backward") for name in names)
    assert len(set(names)) == len(names)
    whole = rows[-1][1]
    assert sum(value for _, value, _ in rows[:-1]) == pytest.approx(whole)
    while works[1].steps < works[0].steps:
        works[1].step()
    states: list[Any] = [work.engine.read(work.splats) for work in works]
    np.testing.assert_array_equal(states[0].first_moments["sh"], states[1].first_moments["sh"])


def test_a_step_is_timed_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Wall time, the device's and Python's are positive, and Python's part is no more than a wall clock sees."""
    work = workload(CpuEngine(threads=1))
    figures = {f.key: f.value for f in step_figures("x", work, 0.02)}
    assert set(figures) == {"cuda.step.x", "cuda.step.x.gpu", "cuda.step.x.python"}
    assert all(value > 0 for value in figures.values())
    time = time_step(work.step, Clock(np), Ledger(Clock(np)))
    assert time.submit_ms <= time.gpu_ms
    assert capsys.readouterr().out == ""


def test_a_watched_engine_is_the_engine() -> None:
    """It notes when steps were made, and passes on everything else; NumPy has no pool to look at."""
    engine: Any = WatchedEngine(CpuEngine(threads=1))
    with watched_memory(engine.xp) as memory:
        work = workload(engine)
        for _ in range(4):
            work.step()
    assert memory.peak_gb is None
    assert len(engine.steps) == 4
    assert engine.started < engine.steps[0]
    assert engine.milliseconds_per_step(0.5) == pytest.approx(500 * (engine.steps[3] - engine.steps[1]))
    assert engine.threads == 1


def test_cases_without_data_are_left_out(tmp_path: Any) -> None:
    """A machine without the scene measures what it can, and says what it left out."""
    said: list[str] = []
    figures = run_cuda(
        shared=tmp_path,
        engine="cpu",
        quick=True,
        only=["million", "office", "peer", "kernels"],
        steps=None,
        keep=tmp_path / "work",
        say=said.append,
    )
    assert {f.key for f in figures} >= {"cuda.step.room.1m", "cuda.render.room.1m.to_host"}
    assert sum("left out" in text for text in said) == 3


def test_the_cpu_engine_has_no_kernels(tmp_path: Any) -> None:
    """The table of kernels says that there is none to print."""
    said: list[str] = []
    setting = Setting(shared=tmp_path, work=tmp_path, engine="cpu", quick=True, steps=(1,), say=said.append)
    assert kernels(setting) == []
    assert "left out" in said[0]
    assert CASES["million"][0] is million


def test_a_case_that_does_not_exist_is_refused() -> None:
    """A typing error measures nothing, so it must not look like a success; the known names are listed."""
    with pytest.raises(SystemExit, match="photographs"):
        main(["cuda", "--only", "start,typo"])
