"""Drawing one view: project, list, blend. Everything is submitted to the device; nothing waits for it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from roomsplat.core.cameras import PinholeCamera
from roomsplat.render.base import RenderSettings
from roomsplat.render.cuda.device import Array, Device, Kernel
from roomsplat.render.cuda.layout import PIXELS, RECORD_FLOATS, CudaSplats
from roomsplat.render.cuda.listing import Lister, TileLists
from roomsplat.render.cuda.memory import Buffers
from roomsplat.render.cuda.views import Views

THREADS = 128
AWAITED_VIEWS = 8
"""Views that are waited for after ``release``, until the lists are long enough for most; a stretch of training has some
400."""
WARPS = 4
"""Tiles of a block of the blending kernels."""


@dataclass(slots=True, kw_only=True, eq=False)
class CudaRendering:
    """See ``Rendering``. Everything lies in the engine's buffers, which the next view overwrites."""

    painter: "Painter"
    """Who drew it, and draws it again if the lists were too short."""
    splats: CudaSplats
    """What was drawn."""
    camera: PinholeCamera
    """Whose view it is."""
    settings: RenderSettings
    """How it was drawn."""
    degree: int
    """Of the harmonics that were evaluated."""
    view: Any
    """The camera as the kernels take it."""
    records: Array
    """(n, 12) projected Gaussians."""
    flags: Array
    """(n,) which were seen, see ``project.cu``."""
    lists: TileLists
    """Which Gaussians each tile draws."""
    processed: Array
    """(tiles,) where in its list a tile was finished."""
    picture: Array
    """(4, h, w): red, green, blue, alpha, as drawn at first."""
    depth_plane: Array | None
    """(h, w), ``None`` when it was not asked for."""
    serial: int
    """Which view of the engine's this is."""
    is_final: bool = False
    """Whether it stays as it is, complete or not: it was compared, and its gradient belongs to this picture."""

    @property
    def rgb(self) -> Array:
        """(3, h, w), not clamped."""
        self.painter.complete(self)
        return self.picture[:3]

    @property
    def alpha(self) -> Array:
        """(h, w) coverage."""
        self.painter.complete(self)
        return self.picture[3]

    @property
    def depth(self) -> Array:
        """(h, w) sum of weight · z; zeros unless asked for."""
        self.painter.complete(self)
        if self.depth_plane is None:
            return self.painter.no_depth(self.camera.height, self.camera.width)
        return self.depth_plane


class Painter:
    """Projects, lists and blends; keeps the kernels and the buffers between views."""

    def __init__(self, device: Device, buffers: Buffers) -> None:
        """Args: where to draw, and its scratch memory."""
        self._device, self._buffers = device, buffers
        self._views = Views()
        self._lister = Lister(device, buffers)
        self._blend: dict[bool, Kernel] = {}
        self._project: dict[int, Kernel] = {}
        self._serial = 0
        self._num_awaited = AWAITED_VIEWS

    @property
    def serial(self) -> int:
        """How many views were drawn so far."""
        return self._serial

    def draw(self, splats: CudaSplats, camera: PinholeCamera, settings: RenderSettings) -> CudaRendering:
        """Submit one view. Where the tile lists are too short the farthest Gaussians are missing until ``complete``.

        The first views after ``release`` are complete at once: how long lists must be is not known yet.
        """
        rendering = self._submit(splats, camera, settings)
        if self._num_awaited:
            self._num_awaited -= 1
            self.complete(rendering)
        return rendering

    def _submit(self, splats: CudaSplats, camera: PinholeCamera, settings: RenderSettings) -> CudaRendering:
        """Project, list and blend."""
        buffers, count = self._buffers, splats.num_gaussians
        height, width = camera.height, camera.width
        view, degree = self._views.packed(camera, settings), min(settings.sh_degree, splats.sh_degree)
        records = buffers.get("records", RECORD_FLOATS * count)
        keys, flags = buffers.get("keys", count, np.uint32), buffers.get("flags", count, np.uint8)
        if count:
            self._projection(degree)(
                (-(-count // THREADS),),
                (THREADS,),
                (splats.params, np.int32(count), view, records, keys, flags),
            )
        lists = self._lister.lists(records, keys, count, width, height)
        tiles = lists.columns * lists.rows
        processed = buffers.get("processed", tiles, np.int32)
        picture = buffers.get("picture", 4 * height * width)
        depth = buffers.get("depth", height * width) if settings.with_depth else picture
        size = height * width
        self._blending(settings.with_depth)(
            (-(-tiles // WARPS),),
            (32 * WARPS,),
            (
                records, lists.list_ids, lists.starts, lists.ends, view, np.int32(lists.columns), np.int32(tiles),
                picture, picture[3 * size :], depth, processed,
            ),
        )  # fmt: skip
        self._serial += 1
        return CudaRendering(
            painter=self,
            splats=splats,
            camera=camera,
            settings=settings,
            degree=degree,
            view=view,
            records=records,
            flags=flags,
            lists=lists,
            processed=processed,
            picture=picture.reshape(4, height, width),
            depth_plane=depth.reshape(height, width) if settings.with_depth else None,
            serial=self._serial,
        )

    def release(self) -> None:
        """Let go of the last view's buffers (its rendering keeps what it needs): nothing later depends on it."""
        self._lister.release()
        self._num_awaited = AWAITED_VIEWS

    def complete(self, rendering: CudaRendering) -> None:
        """Make sure that nothing is missing: wait for the lists' length, and draw again while they were too short.

        Training does not ask: a step that lacks the farthest Gaussians of a crowded view is still a step, and the lists
        are longer two views later. What was compared is not drawn again: the trainer looks at a picture when the clock
        says so, and what it looks at must not show in the result.
        """
        while not rendering.is_final and rendering.serial == self._serial and rendering.lists.overflowed():
            self._lister.catch_up()
            again = self._submit(rendering.splats, rendering.camera, rendering.settings)
            self._serial = again.serial = rendering.serial
            for name in ("records", "flags", "lists", "processed", "picture", "depth_plane"):
                setattr(rendering, name, getattr(again, name))

    def _projection(self, degree: int) -> Kernel:
        if degree not in self._project:
            self._project[degree] = self._device.kernel("project.cu", "project", DEGREE=degree)
        return self._project[degree]

    def _blending(self, with_depth: bool) -> Kernel:  # noqa: FBT001 - a variant of the kernel, not a mode of ours
        if with_depth not in self._blend:
            self._blend[with_depth] = self._device.kernel(
                "blend.cu", "blend", PIXELS=PIXELS, WITH_DEPTH=int(with_depth)
            )
        return self._blend[with_depth]

    def no_depth(self, height: int, width: int) -> Array:
        """Zeros that cost no memory."""
        return self._device.xp.broadcast_to(self._device.xp.zeros((1, 1), np.float32), (height, width))
