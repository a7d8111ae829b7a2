"""One finished picture from an engine."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.images import RenderOutput
from roomsplat.core.scene import SplatScene
from roomsplat.render.base import Array, Engine, RenderSettings, Splats


def prepare_scene(engine: Engine, scene: SplatScene) -> tuple[Splats, RenderSettings]:
    """A scene on its engine, once for many views, and the settings that draw it as it was trained."""
    degree = scene.gaussians.sh_degree
    splats = engine.create(scene.gaussians, sh_degree=degree)
    return splats, RenderSettings(sh_degree=degree, antialiased=scene.splat_model == "antialiased")


def render_view(
    engine: Engine, gaussians: Gaussians | Splats, camera: PinholeCamera, settings: RenderSettings
) -> RenderOutput:
    """Draw Gaussians from a camera.

    Args:
        engine: who draws.
        gaussians: what; hand over ``engine.create(...)`` when many views are drawn, so that it is done once.
        camera: from where, and the picture's size.
        settings: with ``with_depth`` the depth is filled in, else it is zero.

    Returns:
        Colour clamped to [0, 1], coverage, and depth divided by coverage (0 where nothing covers the pixel).
    """
    if isinstance(gaussians, Gaussians):
        gaussians = engine.create(gaussians, sh_degree=min(settings.sh_degree, gaussians.sh_degree))
    drawn = engine.rasterize(gaussians, camera, settings)
    to_numpy = getattr(
        engine.xp, "asnumpy", np.array
    )  # CuPy's way to the host; NumPy's makes the copy we need
    with engine.guard:
        rgb, alpha, depth = to_numpy(drawn.rgb), to_numpy(drawn.alpha), to_numpy(drawn.depth)
    mean_depth = np.divide(depth, alpha, out=np.zeros_like(depth), where=alpha > 0)
    return RenderOutput(rgb=np.clip(rgb, 0, 1).transpose(1, 2, 0), alpha=alpha, depth=mean_depth)


def render_8bit(
    engine: Engine, splats: Splats, camera: PinholeCamera, settings: RenderSettings
) -> NDArray[np.uint8]:
    """(h, w, 3) picture of 8 bits, rounded on the engine's device: what a film or a PNG needs.

    A GPU draws 1920x1080 in under a millisecond, but bringing float colours, coverage and depth to the host takes 34;
    these are a fifth of the bytes.
    """
    drawn = engine.rasterize(splats, camera, settings)
    to_numpy = getattr(engine.xp, "asnumpy", np.asarray)
    with engine.guard:
        return to_numpy(to_8bit(engine.xp, engine.xp.moveaxis(drawn.rgb, 0, 2)))


def to_8bit(xp: Any, rgb: Array) -> Array:
    """Colours in [0, 1] to rounded 8-bit, C-contiguous."""
    return xp.ascontiguousarray((xp.clip(rgb, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8))
