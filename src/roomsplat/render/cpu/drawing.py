"""Drawing one view: project, sort, bin, blend."""

from dataclasses import dataclass

import numpy as np

from roomsplat.core.cameras import PinholeCamera
from roomsplat.render.base import RenderSettings
from roomsplat.render.cpu.binning import count_pairs, number_pairs, write_pairs
from roomsplat.render.cpu.blending import blend
from roomsplat.render.cpu.buffers import Float, GaussianBuffers, PairBuffers, TileBuffers, touched_tiles
from roomsplat.render.cpu.layout import CpuSplats
from roomsplat.render.cpu.projection import BLUE, DEPTH, GREEN, RED, project
from roomsplat.render.cpu.sorting import sort_by_depth
from roomsplat.render.cpu.workspace import Workspace
from roomsplat.render.view_array import BACKGROUND, view_array

RUNS_PER_THREAD = 2
"""Runs of the depth order per thread: near Gaussians touch more tiles, so the first run takes longest."""


@dataclass(slots=True, kw_only=True, eq=False)
class CpuRendering:
    """See ``Rendering``. Everything lies in the engine's buffers, which the next view overwrites."""

    rgb: Float
    """(3, h, w)."""
    alpha: Float
    """(h, w)."""
    depth: Float
    """(h, w)."""
    camera: PinholeCamera
    """Whose view it is."""
    settings: RenderSettings
    """How it was drawn."""
    degree: int
    """Of the harmonics that were evaluated."""
    view: Float
    """The camera as the kernels take it."""
    count: int
    """Gaussians seen."""
    gaussians: GaussianBuffers
    """Records, flags and order."""
    tiles: TileBuffers
    """Where the tiles' lists begin and end."""
    pairs: PairBuffers
    """The lists."""
    picture: Float
    """Flat: red, green, blue, alpha."""
    serial: int
    """Which view of the engine's this is."""


def draw(
    work: Workspace, splats: CpuSplats, camera: PinholeCamera, settings: RenderSettings, serial: int
) -> CpuRendering:
    """Render one view."""
    view, degree = view_array(camera, settings), min(settings.sh_degree, splats.sh_degree)
    gaussians = GaussianBuffers(work.pool, len(splats.params))
    with work.phase("project") as counter:
        project(
            splats.params, view, degree, gaussians.records, gaussians.depths, gaussians.flags, work.vectors(),
            counter, work.threads,
        )  # fmt: skip
    with work.phase("sort"):
        count = sort_by_depth(
            gaussians.flags, gaussians.depth_bits, gaussians.visible, gaussians.order, *gaussians.sort_scratch,
            gaussians.digits,
        )  # fmt: skip
    tiles, pairs = _bin(work, gaussians, count, camera)
    height, width = camera.height, camera.width
    size = width * height
    picture = work.floats("picture", 4 * size)
    background = view[BACKGROUND : BACKGROUND + 3]
    _blend(work, gaussians.records, tiles, pairs, picture, camera, background)
    rendering = CpuRendering(
        rgb=picture[: 3 * size].reshape(3, height, width),
        alpha=picture[3 * size : 4 * size].reshape(height, width),
        depth=np.zeros((height, width), np.float32),
        camera=camera,
        settings=settings,
        degree=degree,
        view=view,
        count=count,
        gaussians=gaussians,
        tiles=tiles,
        pairs=pairs,
        picture=picture,
        serial=serial,
    )
    if settings.with_depth:
        rendering.depth = _blend_depth(work, rendering)
    return rendering


def _bin(
    work: Workspace, gaussians: GaussianBuffers, count: int, camera: PinholeCamera
) -> tuple[TileBuffers, PairBuffers]:
    """Lists of all tiles."""
    runs = 1 if work.threads == 1 else RUNS_PER_THREAD * work.threads
    tiles = TileBuffers(work.pool, camera.width, camera.height, runs)
    touched = touched_tiles(work.pool, runs, 4 * count // runs + 1024)
    for _ in range(2):  # a second time if a run found more pairs than there was room for
        with work.phase("bin") as counter:
            count_pairs(
                gaussians.records, gaussians.order, count, tiles.columns, tiles.rows, touched, tiles.counts,
                gaussians.slot_counts, tiles.found, counter, work.threads,
            )  # fmt: skip
        if tiles.found.max() <= touched.shape[1]:
            break
        touched = touched_tiles(work.pool, runs, int(tiles.found.max()))
    pairs = PairBuffers(work.pool, int(tiles.found.sum()))
    with work.phase("bin") as counter:
        number_pairs(
            gaussians.visible, count, tiles.counts, tiles.starts, gaussians.slot_counts, gaussians.slot_starts
        )
        write_pairs(
            gaussians.order, count, touched, tiles.counts, gaussians.slot_counts, gaussians.slot_starts, pairs.ids,
            pairs.slots, counter, work.threads,
        )  # fmt: skip
    return tiles, pairs


def _blend(
    work: Workspace,
    records: Float,
    tiles: TileBuffers,
    pairs: PairBuffers,
    picture: Float,
    camera: PinholeCamera,
    background: Float,
) -> None:
    """Blend the records' three colours into a flat picture."""
    with work.phase("forward") as counter:
        blend(
            records, pairs.ids, pairs.masks, tiles.starts, tiles.ends, work.vectors(), picture, camera.width,
            camera.height, background, counter, work.threads,
        )  # fmt: skip


def depth_records(work: Workspace, rendering: CpuRendering) -> Float:
    """The same records with (z, 1, 0) for a colour: depth and alpha are two more things to blend."""
    records = work.pool.rows("depth_records", len(rendering.gaussians.records))
    records[:] = rendering.gaussians.records
    records[:, RED], records[:, GREEN], records[:, BLUE] = records[:, DEPTH], 1.0, 0.0
    return records


def _blend_depth(work: Workspace, rendering: CpuRendering) -> Float:
    """A second pass over the same lists: training without a depth loss pays nothing for it."""
    camera = rendering.camera
    size = camera.width * camera.height
    picture = work.floats("depth_picture", 4 * size)
    black = np.zeros(3, np.float32)
    _blend(work, depth_records(work, rendering), rendering.tiles, rendering.pairs, picture, camera, black)
    return picture[:size].reshape(camera.height, camera.width)
