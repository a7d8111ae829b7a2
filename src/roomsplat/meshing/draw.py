"""Depth and colour of a splat from its own cameras, from any engine.

Depth is the engine's, the mean over the centres of the Gaussians on a line of sight: training pulls it to the sparse
points (``train/anchors.py``). Cutting the line of sight with the blended planes of the Gaussians' discs instead (Chen
et al. 2024, "PGSR", section 3.2) is better where nothing was pulled (F-score at 5 cm 0.78 for 0.67), and worse since:
0.83 for 0.90 on a synthetic room, 0.65 for 0.66 where only textured places have points (docs/lab-notebook.md, "Mesh").
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import Cameras
from roomsplat.core.progress import Progress, ReportProgress
from roomsplat.core.scene import SplatScene
from roomsplat.media.images import reduced_size
from roomsplat.meshing.config import MeshConfig
from roomsplat.meshing.views import DepthViews, pack_views, spread
from roomsplat.render.base import Array, Engine
from roomsplat.render.view import prepare_scene, to_8bit

Float = NDArray[np.float32]

_LEAST_COVER = 1e-3
"""Less alpha than this, and there is no depth."""


def draw_views(
    engine: Engine, scene: SplatScene, cameras: Cameras, config: MeshConfig, report: ReportProgress
) -> DepthViews:
    """Depth and colour of ``scene`` from up to ``config.max_views`` of ``cameras`` (pinhole), reduced in size.

    Raises:
        EngineError: the device failed or its memory is full.
    """
    cameras = cameras[spread(len(cameras), config.max_views)]
    cameras = cameras.resized(*reduced_size(cameras.width, cameras.height, config.max_side))
    splats, settings = prepare_scene(engine, scene)
    settings = replace(settings, with_depth=True)
    depths, alphas, pictures = list[Float](), list[Float](), list[NDArray[np.uint8]]()
    for i in range(len(cameras)):
        drawn = engine.rasterize(splats, cameras.pinhole(i), settings)
        with engine.guard:
            pictures.append(_to_host(engine, to_8bit(engine.xp, engine.xp.moveaxis(drawn.rgb, 0, 2))))
            depth, alpha = _to_host(engine, drawn.depth), _to_host(engine, drawn.alpha)
        depths.append(np.divide(depth, alpha, out=np.zeros_like(depth), where=alpha > _LEAST_COVER))
        alphas.append(alpha)
        report(Progress(fraction=(i + 1) / len(cameras), message=f"depth of view {i + 1} of {len(cameras)}"))
    return pack_views(cameras, depths, alphas, pictures)


def _to_host(engine: Engine, array: Array) -> NDArray[Any]:
    """A copy as a NumPy array: what an engine drew is gone with its next picture."""
    return getattr(engine.xp, "asnumpy", np.array)(array)
