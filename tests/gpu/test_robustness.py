"""On a real GPU: the same bits every time, nothing that is not a number, and failures that end in a sentence."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.errors import DeviceMemoryError, EngineError
from roomsplat.render.base import Engine, LearningRates, RenderSettings, SplatArrays, Splats
from roomsplat.render.cuda import drawing
from roomsplat.train.config import DensifyConfig
from roomsplat.train.densify import densify
from tests.contracts.scenes import look, photo, scatter
from tests.gpu.comparison import answer, relative_error
from tests.gpu.machine import EMULATED, cuda_engine, host, sized
from tests.gpu.scenes import KINDS, wild
from tests.reference.projection import PARAMETERS

pytestmark = pytest.mark.gpu

RATES = LearningRates(means=1e-3, quats=2e-3, log_scales=1e-2, opacity_logits=1e-1, sh_dc=5e-3, sh_rest=5e-4)
SETTINGS = RenderSettings(sh_degree=1)


def everything(arrays: SplatArrays) -> dict[str, NDArray[Any]]:
    """Every array by name, on the host."""
    named = {name: getattr(arrays, name) for name in PARAMETERS}
    named |= {f"m of {name}": array for name, array in arrays.first_moments.items()}
    named |= {f"v of {name}": array for name, array in arrays.second_moments.items()}
    return {name: host(array) for name, array in (named | arrays.statistics).items()}


class Training:
    """A small run: one engine, one scene, its own views."""

    def __init__(self, engine: Engine, seed: int, count: int, size: tuple[int, int]) -> None:
        """``size``: of the pictures, in px."""
        self.engine, self.camera = engine, look(*size)
        self.splats: Splats = engine.create(scatter(seed, count, 1, self.camera), sh_degree=1)
        self.targets = [engine.prepare_target(photo(self.camera, seed + k)) for k in range(3)]
        self.steps = 0
        self.losses: list[float] = []

    def step(self) -> None:
        """One training step."""
        target = self.targets[self.steps % 3]
        self.steps += 1
        rendering = self.engine.rasterize(self.splats, self.camera, SETTINGS)
        loss = self.engine.photometric_loss(rendering, target, ssim_weight=0.3)
        self.engine.update(self.splats, rendering, loss.grad_rgb, rates=RATES, step=self.steps, collect=True)
        self.losses.append(loss.value)

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that it has come to."""
        return everything(self.engine.read(self.splats)) | {"losses": np.array(self.losses)}


def assert_same_bits(got: dict[str, NDArray[Any]], wanted: dict[str, NDArray[Any]]) -> None:
    """Equal to the last bit."""
    for name, value in wanted.items():
        assert got[name].shape == value.shape, name
        assert got[name].tobytes() == value.tobytes(), name


def run(engine: Engine, seed: int, steps: int) -> dict[str, NDArray[Any]]:
    """Train on its own."""
    training = Training(engine, seed, sized(3000, 60), (sized(320, 40), sized(200, 24)))
    for _ in range(steps):
        training.step()
    return training.state()


@pytest.mark.usefixtures("cuda")
def test_two_runs_give_the_same_bits() -> None:
    """A second engine on the same scene comes to the same parameters, moments, statistics and losses, bit for bit."""
    steps = sized(100, 4)
    assert_same_bits(run(cuda_engine(), 0, steps), run(cuda_engine(), 0, steps))


@pytest.mark.usefixtures("cuda")
def test_two_engines_in_one_process_do_not_disturb_each_other() -> None:
    """Step by step in turn, on scenes of different sizes, each comes to what it comes to alone."""
    steps = sized(60, 3)
    shapes = [(sized(3000, 60), (sized(320, 40), 24)), (sized(700, 20), (sized(90, 17), 33))]

    def trainings() -> list[Training]:
        return [Training(cuda_engine(), k, count, size) for k, (count, size) in enumerate(shapes)]

    together, alone = trainings(), trainings()
    for _ in range(steps):
        for training in together:
            training.step()
    for training in alone:
        for _ in range(steps):
            training.step()
    for one, other in zip(together, alone, strict=True):
        assert_same_bits(one.state(), other.state())


@pytest.mark.usefixtures("cuda")
def test_the_second_gpu_does_as_the_first() -> None:
    """An engine on device 1 comes to the same bits as one on device 0, in one process."""
    try:
        second = cuda_engine(device=1)
    except EngineError as error:
        pytest.skip(f"a second GPU: {error.message}")
    assert_same_bits(run(second, 0, 20), run(cuda_engine(device=0), 0, 20))


def test_nothing_but_numbers_after_a_thousand_steps_on_noise(cuda: Engine) -> None:
    """White noise as pictures, every kind of Gaussian, large steps and rounds of densification: all stays finite."""
    camera = look(sized(200, 24), sized(120, 16))
    rng = np.random.default_rng(0)
    splats = cuda.create(wild(0, sized(200, 4), camera), sh_degree=1)
    shape = (camera.height, camera.width, 3)
    targets = [cuda.prepare_target(rng.integers(0, 256, shape, np.uint8)) for _ in range(8)]
    rates = replace(RATES, means=1e-2)
    total = sized(1000, 12)
    for step in range(1, total + 1):
        rendering = cuda.rasterize(splats, camera, SETTINGS)
        loss = cuda.photometric_loss(rendering, targets[step % 8], ssim_weight=0.3)
        cuda.update(splats, rendering, loss.grad_rgb, rates=rates, step=step, collect=True)
        if step % (total // 4) == 0:
            assert np.isfinite(loss.value)
            arrays = cuda.read(splats)
            densify(cuda.xp, arrays, allowed=sized(4000, 60), config=DensifyConfig())
            splats = cuda.write(arrays)
    picture = cuda.rasterize(splats, camera, SETTINGS)
    assert np.isfinite(host(picture.rgb)).all()
    assert np.isfinite(host(picture.alpha)).all()
    for name, value in everything(cuda.read(splats)).items():
        assert np.isfinite(value).all(), name


def fog(camera: PinholeCamera, count: int) -> Gaussians:
    """Faint Gaussians that each cover the whole picture: as many pairs as there can be."""
    place = KINDS.index("screen-filling") * count
    chosen = wild(5, count, camera)[np.arange(place, place + count)]
    return replace(chosen, opacity_logits=np.full(count, -3.5, np.float32))


@pytest.mark.usefixtures("cuda")
def test_a_picture_never_lacks_what_the_lists_had_no_room_for(cpu: Engine) -> None:
    """The first view of a new engine wants far more pairs than the lists have room for; its picture is whole."""
    camera = look(sized(1920, 640), sized(1080, 480))
    scene = fog(camera, sized(150, 60))
    settings = RenderSettings(sh_degree=1, with_depth=True)
    got, wanted = (answer(engine, scene, camera, settings) for engine in (cuda_engine(), cpu))
    for name in ("rgb", "alpha", "depth"):
        assert relative_error(got.pictures[name], wanted.pictures[name]) < 1e-3, name
    for name, value in wanted.gradients.items():
        assert relative_error(got.gradients[name], value) < 1e-3, name


@pytest.mark.usefixtures("cuda")
def test_training_with_lists_that_are_too_short_heals_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps whose lists overflow keep everything finite, and two steps later the lists are long enough."""
    monkeypatch.setattr(drawing, "AWAITED_VIEWS", 0)
    engine = cuda_engine()
    camera = look(sized(1920, 640), sized(1080, 480))
    splats = engine.create(fog(camera, sized(150, 60)), sh_degree=1)
    target = engine.prepare_target(photo(camera))
    missing: list[bool] = []
    for step in range(1, 5):
        rendering = engine.rasterize(splats, camera, SETTINGS)
        lists: Any = getattr(rendering, "lists", None)
        loss = engine.photometric_loss(rendering, target, ssim_weight=0.3)
        still = replace(RATES, means=0, quats=0, log_scales=0)
        engine.update(splats, rendering, loss.grad_rgb, rates=still, step=step)
        missing.append(lists.overflowed())
        assert np.isfinite(loss.value)
    assert missing[0], "the scene is too small for this test"
    assert not any(missing[2:])
    for name, value in everything(engine.read(splats)).items():
        assert np.isfinite(value).all(), name


@pytest.mark.skipif(EMULATED, reason="the emulator's memory is the computer's")
def test_a_full_gpu_ends_in_one_sentence(cuda: Engine) -> None:
    """Out of memory is a ``DeviceMemoryError`` that says what to lower, in every method; then the engine goes on."""
    pool = cuda.xp.get_default_memory_pool()
    camera = look(320, 200)
    scene = scatter(0, 2000, 1, camera)
    splats = cuda.create(scene, sh_degree=1)
    large = look(4000, 3000)
    tries: list[Callable[[], object]] = [
        lambda: cuda.create(scatter(0, 500_000, 1, camera), sh_degree=3),
        lambda: cuda.rasterize(splats, large, SETTINGS),
        lambda: cuda.prepare_target(np.zeros((3000, 4000, 3), np.uint8)),
    ]
    for attempt in tries:
        pool.free_all_blocks()
        pool.set_limit(size=pool.total_bytes() + (1 << 20))
        try:
            with pytest.raises(DeviceMemoryError) as caught:
                attempt()
        finally:
            pool.set_limit(size=0)
        assert "memory" in caught.value.message
        assert "quality" in caught.value.hint
    before = host(cuda.rasterize(splats, camera, SETTINGS).rgb).copy()
    fresh = cuda_engine()
    again = fresh.rasterize(fresh.create(scene, sh_degree=1), camera, SETTINGS)
    np.testing.assert_array_equal(host(again.rgb), before)
