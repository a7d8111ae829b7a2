"""One finished picture from an engine."""

import numpy as np

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.images import RenderOutput
from roomsplat.core.scene import SplatScene
from roomsplat.render.base import Engine, RenderSettings, Splats


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
