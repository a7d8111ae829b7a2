"""Making engines, and bringing their answers into the order and the arrays of the question."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import (
    Engine,
    Gradients,
    LearningRates,
    Rendering,
    RenderSettings,
    SplatArrays,
    Splats,
)
from roomsplat.render.cuda.engine import CudaEngine
from roomsplat.render.engines import select_engine
from tests.contracts.scenes import look, random_slopes, steady_scatter
from tests.emulator.device import EmulatedDevice
from tests.reference.engine import ReferenceEngine
from tests.reference.projection import PARAMETERS

RATES = LearningRates(means=1e-3, quats=2e-3, log_scales=3e-3, opacity_logits=4e-2, sh_dc=5e-3, sh_rest=6e-4)
Fields = dict[str, NDArray[np.float64]]


def make_engine(name: str, threads: int | None = 2) -> Engine:
    """An engine by name.

    Raises:
        EngineError: its device is not on this machine.
    """
    if name == "reference":
        return ReferenceEngine()
    if name == "emulated":
        return CudaEngine(EmulatedDevice())
    assert name in ("cpu", "cuda")
    return select_engine(name, threads=threads)


def plain(array: Any) -> NDArray[np.float64]:
    """An array of any engine's namespace as float64 NumPy."""
    return np.asarray(array.get() if hasattr(array, "get") else array, np.float64)


def place_of(stored: Any, means: NDArray[np.float32]) -> NDArray[np.intp]:
    """For every row of ``means`` its row in the engine, which may store Gaussians in an order of its own."""
    distances = np.abs(plain(stored)[:, None] - means[None].astype(np.float64)).sum(axis=2)
    places = np.argmin(distances, axis=0) if len(means) else np.zeros(0, np.intp)
    assert len(set(places.tolist())) == len(means), "every Gaussian is stored exactly once"
    return places


def fields_of(source: SplatArrays | Gradients, places: NDArray[np.intp]) -> Fields:
    """The five parameters (or their gradients) in the order of the question."""
    return {name: plain(getattr(source, name))[places] for name in PARAMETERS}


def group_of(group: dict[str, Any], places: NDArray[np.intp]) -> Fields:
    """Moments or statistics in the order of the question."""
    return {name: plain(value)[places] for name, value in group.items()}


def assert_close(got: NDArray[np.float64], wanted: NDArray[np.float64], share: float, what: str) -> None:
    """The length of the difference is at most ``share`` of the length of what is wanted."""
    assert got.shape == wanted.shape, what
    assert np.all(np.isfinite(got)), what
    error, scale = float(np.linalg.norm(got - wanted)), float(np.linalg.norm(wanted))
    assert error <= share * scale + 1e-12, f"{what}: off by {error / max(scale, 1e-300):.2e} of {scale:.3g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One picture of one scene by one engine, with everything in the order of ``gaussians``."""

    engine: Engine
    gaussians: Gaussians
    camera: PinholeCamera
    settings: RenderSettings
    splats: Splats
    rendering: Rendering
    places: NDArray[np.intp]

    def gradients(self, *slopes: Any) -> tuple[Fields, NDArray[np.float64]]:
        """Gradients by parameter and of the camera (7,), for dL/d(rgb), dL/d(alpha) and dL/d(depth)."""
        given = [None if s is None else self.engine.xp.asarray(s) for s in slopes]
        result = self.engine.backward(self.splats, self.rendering, *given)
        return fields_of(result, self.places), np.append(np.asarray(result.pose, np.float64), result.focal)


def view_of(
    engine: Engine, gaussians: Gaussians, camera: PinholeCamera, settings: RenderSettings | None = None
) -> View:
    """Take the Gaussians in and render them."""
    settings = settings or RenderSettings()
    splats = engine.create(gaussians, sh_degree=gaussians.sh_degree)
    rendering = engine.rasterize(splats, camera, settings)
    places = place_of(engine.read(splats).means, gaussians.means)
    return View(
        engine=engine,
        gaussians=gaussians,
        camera=camera,
        settings=settings,
        splats=splats,
        rendering=rendering,
        places=places,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Slopes:
    """dL/d(picture)."""

    rgb: NDArray[np.float32]
    alpha: NDArray[np.float32] | None
    depth: NDArray[np.float32] | None

    @property
    def all(self) -> tuple[Any, ...]:
        """In the order of ``Engine.backward``."""
        return self.rgb, self.alpha, self.depth


def some_slopes(
    camera: PinholeCamera, *, rgb: bool = True, alpha: bool = False, depth: bool = False
) -> Slopes:
    """Random ones where asked for, zero or ``None`` elsewhere."""
    size = camera.height, camera.width
    return Slopes(
        rgb=random_slopes((3, *size), 11) * np.float32(rgb),
        alpha=random_slopes(size, 12) if alpha else None,
        depth=random_slopes(size, 13) if depth else None,
    )


@cache
def cached_scatter(
    degree: int, count: int = 25, width: int = 40, height: int = 28, seed: int = 0
) -> Gaussians:
    """A steady scene for ``look(width, height)``."""
    return steady_scatter(seed, count, degree, look(width, height), RenderSettings(sh_degree=degree))
