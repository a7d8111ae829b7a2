"""Choosing an engine, and finished pictures."""

import sys

import numpy as np
import pytest

from roomsplat.errors import EngineError, InvalidSettingError
from roomsplat.render import engines
from roomsplat.render.base import Engine, RenderSettings
from roomsplat.render.cuda.driver import Driver, Gpu
from roomsplat.render.engines import Cupy, find_engine, judge, select_engine
from roomsplat.render.view import render_view
from tests.render.scenes import camera, cloud, single

CUPY = Cupy(package="cupy-cuda13x", version="14.2.0")
OLD = Gpu(index=0, name="Tesla V100", memory_bytes=16 * 2**30, compute=(7, 0))
NEW = Gpu(index=1, name="NVIDIA H200", memory_bytes=140 * 2**30, compute=(9, 0))


@pytest.fixture
def no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer on which CuPy is not installed, whatever this one has."""
    monkeypatch.setattr(engines, "find_spec", lambda _name: None)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer with an old and a new GPU, whose CuPy cannot be imported."""
    monkeypatch.setattr(engines, "find_cupy", lambda: CUPY)
    monkeypatch.setattr(engines, "read_driver", lambda: Driver(cuda=(13, 0), gpus=(OLD, NEW)))
    monkeypatch.setenv("CUPY_CACHE_DIR", "named, so that nothing is made in this home")
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.delitem(sys.modules, "roomsplat.render.cuda.cupy_device", raising=False)


@pytest.mark.usefixtures("no_cupy")
@pytest.mark.parametrize("name", ["auto", "cpu"])
def test_the_cpu_is_always_there(name: str) -> None:
    """``auto`` and ``cpu`` give an engine that names itself and takes the number of threads."""
    engine: Engine = select_engine(name, threads=1)
    assert (engine.name, engine.xp) == ("cpu", np)


@pytest.mark.usefixtures("no_cupy")
@pytest.mark.parametrize("name", ["cuda", "gpu", ""])
def test_other_engines_are_refused_in_one_sentence(name: str) -> None:
    """What this computer does not have ends in an error with a hint."""
    with pytest.raises(EngineError) as caught:
        select_engine(name)
    assert "--engine" in caught.value.hint


@pytest.mark.usefixtures("no_cupy")
def test_choosing_without_cupy_says_how_to_install_it_and_asks_no_driver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where CuPy is not installed nothing else is looked at: the choice costs nothing."""
    monkeypatch.setattr(engines, "read_driver", lambda: pytest.fail("the driver was started"))
    choice = find_engine()
    assert (choice.name, choice.gpus) == ("cpu", ())
    assert "pip install 'roomsplat[cuda]'" in choice.reason
    with pytest.raises(EngineError, match="because CuPy is not installed"):
        select_engine("cuda")
    with pytest.raises(EngineError, match="because CuPy is not installed"):
        select_engine("auto", device=0)


@pytest.mark.parametrize(
    ("driver", "name", "words"),
    [
        (
            Driver(cuda=(13, 0), gpus=(OLD, NEW)),
            "cuda",
            "NVIDIA H200 (140 GB, compute 9.0); CuPy 14.2.0 for CUDA 13",
        ),
        (
            Driver(cuda=(12, 4), gpus=(NEW,)),
            "cpu",
            "too old: it runs CUDA 12.4, CuPy 14.2.0 for CUDA 13 needs 13.0",
        ),
        (Driver(cuda=(13, 0), gpus=(OLD,)), "cpu", "no GPU has compute 7.5 or more: Tesla V100"),
        (Driver(trouble="no NVIDIA driver is installed"), "cpu", "no NVIDIA driver"),
    ],
    ids=["works", "old driver", "old GPU", "no driver"],
)
def test_the_choice_has_a_reason(driver: Driver, name: str, words: str) -> None:
    """CUDA is taken if and only if a usable GPU and a new enough driver answer; the reason says which was missing."""
    choice = judge(CUPY, driver)
    assert (choice.name, choice.gpus) == (name, driver.gpus)
    assert words in choice.reason
    assert choice.device == (1 if NEW in driver.gpus else None)


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize("device", [0, 2])
def test_a_gpu_that_cannot_work_is_refused_by_number(device: int) -> None:
    """One that is too old or not there is named, with all that are."""
    with pytest.raises(
        EngineError, match=f"number {device} cannot be used: there is 0: Tesla V100.*1: NVIDIA"
    ):
        select_engine("auto", device=device)


@pytest.mark.usefixtures("two_gpus")
def test_cupy_that_does_not_load_is_told_and_auto_goes_on() -> None:
    """A broken CuPy ends ``cuda`` in one sentence, and ``auto`` takes the CPU."""
    with pytest.raises(EngineError, match="cannot be loaded"):
        select_engine("cuda")
    assert select_engine("auto").name == "cpu"


@pytest.mark.parametrize(("name", "device"), [("cpu", 0), ("cuda", -1), ("auto", -1)])
def test_a_device_goes_with_a_gpu_only(name: str, device: int) -> None:
    """A number that is none, or a GPU for the CPU engine, is refused with the option's name."""
    with pytest.raises(InvalidSettingError, match=f"--device {device}"):
        select_engine(name, device=device)


@pytest.mark.parametrize("threads", [0, -1])
def test_no_engine_runs_on_no_thread(threads: int) -> None:
    """Fewer than one thread is refused with the number, not quietly taken for one."""
    with pytest.raises(InvalidSettingError, match=f"threads is {threads}"):
        select_engine("cpu", threads=threads)


def test_a_finished_picture() -> None:
    """Colour is clamped, coverage below one, and depth is the covering Gaussian's wherever anything covers."""
    view = camera()
    picture = render_view(select_engine("cpu"), single(z=3, logit=6), view, RenderSettings(with_depth=True))
    covered = picture.alpha > 0
    np.testing.assert_allclose(picture.depth[covered], 3, rtol=1e-5)
    assert not picture.depth[~covered].any()
    bright = render_view(select_engine("cpu"), cloud(), view, RenderSettings(background=(2, -1, 0.5)))
    assert bright.rgb.shape == (61, 83, 3)
    assert 0 <= bright.rgb.min() < bright.rgb.max() <= 1
    assert not bright.depth.any()


def test_pictures_outlive_the_engines_buffers() -> None:
    """What ``render_view`` gives is a copy: a later view does not change it."""
    engine, view = select_engine("cpu"), camera()
    first = render_view(engine, single(), view, RenderSettings())
    kept = first.rgb.copy()
    render_view(engine, cloud(), view, RenderSettings())
    np.testing.assert_array_equal(first.rgb, kept)
