"""What the kernels need of a view, as one flat float32 array."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.render.base import RenderSettings

ROTATION, TRANSLATION, FX, FY, CX, CY, CENTER, WIDTH, HEIGHT, NEAR = 0, 9, 12, 13, 14, 15, 16, 19, 20, 21
X_LOW, X_HIGH, Y_LOW, Y_HIGH, ANTIALIASED, BACKGROUND = 22, 23, 24, 25, 26, 27
SIZE = 32

LOW_PASS = 0.3
"""Added to the screen-space covariance, in px²."""


def view_array(camera: PinholeCamera, settings: RenderSettings) -> NDArray[np.float32]:
    """Pack a camera and the settings that concern geometry and colour."""
    view = np.zeros(SIZE, np.float32)
    pose = camera.cam_from_world
    view[ROTATION:TRANSLATION], view[TRANSLATION:FX] = pose[:3, :3].ravel(), pose[:3, 3]
    view[FX : CY + 1] = camera.fx, camera.fy, camera.cx, camera.cy
    view[CENTER:WIDTH] = camera.center
    view[WIDTH : NEAR + 1] = camera.width, camera.height, settings.near
    margin_x, margin_y = 0.15 * camera.width / camera.fx, 0.15 * camera.height / camera.fy
    view[X_LOW] = -camera.cx / camera.fx - margin_x
    view[X_HIGH] = (camera.width - camera.cx) / camera.fx + margin_x
    view[Y_LOW] = -camera.cy / camera.fy - margin_y
    view[Y_HIGH] = (camera.height - camera.cy) / camera.fy + margin_y
    view[ANTIALIASED] = float(settings.antialiased)
    view[BACKGROUND : BACKGROUND + 3] = settings.background
    return view
