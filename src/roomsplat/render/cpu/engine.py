"""The CPU engine: the order of the kernels, and the memory between them."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.render.base import Gradients, LearningRates, PhotometricLoss, RenderSettings, SplatArrays
from roomsplat.render.cpu import buffers as memory
from roomsplat.render.cpu.binning import count_pairs, number_pairs, write_pairs
from roomsplat.render.cpu.blending import blend
from roomsplat.render.cpu.blending_backward import W_DEPTH, W_RED, blend_backward
from roomsplat.render.cpu.camera import BACKGROUND, view_array
from roomsplat.render.cpu.exposure import CHUNK as PIXEL_CHUNK
from roomsplat.render.cpu.exposure import chain_through_transform, compared_picture
from roomsplat.render.cpu.layout import (
    FIELDS,
    CpuSplats,
    arrays_from_splats,
    fields_from_blocks,
    rate_per_row,
    splats_from_arrays,
)
from roomsplat.render.cpu.memory import aligned_zeros
from roomsplat.render.cpu.optimise import BETA1, BETA2, step
from roomsplat.render.cpu.projection import BLUE, DEPTH, GREEN, RED, project
from roomsplat.render.cpu.similarity import (
    compare,
    filter_target,
    num_strips,
    padded_width,
    SCRATCH,
)
from roomsplat.render.cpu.sorting import sort_by_depth
from roomsplat.render.cpu.targets import CpuTarget, MomentBudget, mask_bytes, planes_of

Float = NDArray[np.float32]
MOMENT_BYTES = 1_500_000_000
RUNS_PER_THREAD = 2
"""Runs of the depth order per thread: near Gaussians touch more tiles, so the first half is the longer one."""


@dataclass(slots=True, kw_only=True, eq=False)
class CpuRendering:
    """See ``Rendering``; everything lies in the engine's buffers."""

    rgb: Float
    alpha: Float
    depth: Float
    camera: PinholeCamera
    settings: RenderSettings
    degree: int
    view: Float
    count: int
    """Gaussians seen."""
    num_pairs: int
    gaussians: memory.GaussianBuffers
    tiles: memory.TileBuffers
    pairs: memory.PairBuffers
    picture: Float
    """Flat: red, green, blue, alpha."""
    serial: int
    """Which rasterize call of the engine this came from."""


class CpuEngine:
    """Draws and trains on the processor's cores, with Numba. See ``render/base.py`` for what the methods mean.

    ``seconds`` sums the wall time of each phase since it was last cleared.
    """

    name: str = "cpu"
    xp: ModuleType = np

    def __init__(self, threads: int | None = None) -> None:
        """Args: ``threads``: how many to use; ``None`` = all that Numba may (NUMBA_NUM_THREADS). Results do not depend on it."""
        most = numba.config.NUMBA_NUM_THREADS
        self.threads = most if threads is None else max(1, min(threads, most))
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._pool = memory.Pool()
        self._budget = MomentBudget(MOMENT_BYTES)
        self._counter = np.zeros(1, np.int64)
        self._serial = 0

    def create(self, gaussians: Gaussians, *, sh_degree: int) -> CpuSplats:
        """Take parameters in, with zero moments."""
        kept = min(gaussians.sh.shape[1], (sh_degree + 1) ** 2)
        sh = np.zeros((len(gaussians), (sh_degree + 1) ** 2, 3), np.float32)
        sh[:, :kept] = gaussians.sh[:, :kept]
        values = {name: getattr(gaussians, name) for name in FIELDS} | {"sh": sh}
        zeros = {name: np.zeros_like(value) for name, value in values.items()}
        return self.write(SplatArrays(**values, first_moments=zeros, second_moments=zeros, statistics={}))

    def read(self, splats: CpuSplats) -> SplatArrays:
        """A copy of everything, in the engine's order."""
        return arrays_from_splats(splats)

    def write(self, arrays: SplatArrays) -> CpuSplats:
        """Take arrays back in; they are stored along a Morton curve."""
        return splats_from_arrays(arrays)

    @contextmanager
    def _phase(self, name: str) -> Iterator[NDArray[np.int64]]:
        """Time a phase; gives the work counter, at zero."""
        self._counter[0] = 0
        start = time.perf_counter()
        yield self._counter
        self.seconds[name] += time.perf_counter() - start

    def rasterize(self, splats: CpuSplats, camera: PinholeCamera, settings: RenderSettings) -> CpuRendering:
        """Render one view."""
        view, degree = view_array(camera, settings), min(settings.sh_degree, splats.sh_degree)
        gaussians = memory.GaussianBuffers(self._pool, len(splats.params))
        scratch = memory.thread_scratch(self._pool, self.threads)
        with self._phase("project") as counter:
            project(
                splats.params,
                view,
                degree,
                gaussians.records,
                gaussians.depths,
                gaussians.flags,
                scratch,
                counter,
                self.threads,
            )
        with self._phase("sort"):
            count = sort_by_depth(
                gaussians.flags,
                gaussians.depth_bits,
                gaussians.visible,
                gaussians.order,
                gaussians.keys,
                gaussians.spare_keys,
                gaussians.spare_ids,
                self._digits(),
            )
        tiles, pairs, num_pairs = self._bin(gaussians, count, camera)
        size = camera.width * camera.height
        picture = self._floats("picture", 4 * size)
        self._blend(gaussians.records, tiles, pairs, picture, camera, view[BACKGROUND : BACKGROUND + 3])
        self._serial += 1
        rendering = CpuRendering(
            rgb=picture[: 3 * size].reshape(3, camera.height, camera.width),
            alpha=picture[3 * size : 4 * size].reshape(camera.height, camera.width),
            depth=np.zeros((camera.height, camera.width), np.float32) if not settings.with_depth else picture,
            camera=camera,
            settings=settings,
            degree=degree,
            view=view,
            count=count,
            num_pairs=num_pairs,
            gaussians=gaussians,
            tiles=tiles,
            pairs=pairs,
            picture=picture,
            serial=self._serial,
        )
        if settings.with_depth:
            rendering.depth = self._blend_depth(rendering)
        return rendering

    def _floats(self, name: str, size: int) -> Float:
        """A flat buffer with room for a vector past its end."""
        return self._pool.flat(name, size + 16).view(np.float32)

    def _digits(self) -> NDArray[np.uint32]:
        return self._pool.flat("digits", 4096, np.uint32).view(np.uint32)[:4096].reshape(2, 2048)

    def _bin(
        self, gaussians: memory.GaussianBuffers, count: int, camera: PinholeCamera
    ) -> tuple[memory.TileBuffers, memory.PairBuffers, int]:
        """Lists of all tiles; repeats the first pass when a run found more pairs than there was room for."""
        runs = 1 if self.threads == 1 else RUNS_PER_THREAD * self.threads
        tiles = memory.TileBuffers(self._pool, camera.width, camera.height, runs)
        room = 4 * count // runs + 1024
        with self._phase("bin") as counter:
            while True:
                touched = memory.touched_tiles(self._pool, runs, room)
                count_pairs(
                    gaussians.records,
                    gaussians.order,
                    count,
                    tiles.columns,
                    tiles.rows,
                    touched,
                    tiles.counts,
                    gaussians.slot_counts,
                    tiles.found,
                    counter,
                    self.threads,
                )
                room = int(tiles.found.max())
                if room <= touched.shape[1]:
                    break
                counter[0] = 0
            num_pairs = int(tiles.found.sum())
            counter[0] = 0
            pairs = memory.PairBuffers(self._pool, num_pairs)
            number_pairs(
                gaussians.visible,
                count,
                tiles.counts,
                tiles.starts,
                gaussians.slot_counts,
                gaussians.slot_starts,
            )
            write_pairs(
                gaussians.order,
                count,
                touched,
                tiles.counts,
                gaussians.slot_counts,
                gaussians.slot_starts,
                pairs.ids,
                pairs.slots,
                counter,
                self.threads,
            )
        return tiles, pairs, num_pairs

    def _blend(
        self,
        records: Float,
        tiles: memory.TileBuffers,
        pairs: memory.PairBuffers,
        picture: Float,
        camera: PinholeCamera,
        background: Float,
    ) -> None:
        """Blend the records' three colours into a flat picture."""
        with self._phase("forward") as counter:
            blend(
                records,
                pairs.ids,
                pairs.masks,
                tiles.starts,
                tiles.ends,
                memory.thread_scratch(self._pool, self.threads),
                picture,
                camera.width,
                camera.height,
                background,
                counter,
                self.threads,
            )

    def _depth_records(self, rendering: CpuRendering) -> Float:
        """The same records with (z, 1, 0) for a colour: depth and alpha are two more things to blend."""
        records = self._pool.rows("depth_records", len(rendering.gaussians.records))
        records[:] = rendering.gaussians.records
        records[:, RED], records[:, GREEN], records[:, BLUE] = records[:, DEPTH], 1.0, 0.0
        return records

    def _blend_depth(self, rendering: CpuRendering) -> Float:
        """A second pass over the same lists. Training without a depth loss never comes here."""
        camera = rendering.camera
        size = camera.width * camera.height
        picture = self._floats("depth_picture", 4 * size)
        black = np.zeros(3, np.float32)
        self._blend(self._depth_records(rendering), rendering.tiles, rendering.pairs, picture, camera, black)
        return picture[:size].reshape(camera.height, camera.width)

    def prepare_target(self, image: NDArray[np.uint8], mask: NDArray[np.bool_] | None = None) -> CpuTarget:
        """(h, w, 3) sRGB to a target."""
        height, width = image.shape[:2]
        flat_mask = mask_bytes(mask)
        target = CpuTarget(
            width=width,
            height=height,
            pixels=planes_of(image),
            mask=flat_mask,
            num_used=width * height if flat_mask.size == 0 or mask is None else int(mask.sum()),
            moments=self._budget.reserve(width, height),
        )
        self._budget.release_with(target)
        if target.moments is not None:
            self._filter_target(target, *target.moments)
        return target

    def _row_scratch(self) -> Float:
        return self._pool.rows("row_scratch", self.threads, SCRATCH)

    def _filter_target(self, target: CpuTarget, mean: Float, square: Float) -> None:
        with self._phase("target") as counter:
            filter_target(
                target.pixels,
                target.width,
                target.height,
                mean,
                square,
                self._row_scratch(),
                counter,
                self.threads,
            )

    def _moments(self, target: CpuTarget) -> tuple[Float, Float]:
        """The target's kept moments, or freshly computed ones."""
        if target.moments is not None:
            return target.moments
        floats = 3 * target.height * padded_width(target.width)
        mean, square = self._floats("mean", floats), self._floats("square", floats)
        self._filter_target(target, mean, square)
        return mean, square

    def photometric_loss(
        self,
        rendering: CpuRendering,
        target: CpuTarget,
        *,
        ssim_weight: float,
        colour: NDArray[np.float32] | None = None,
    ) -> PhotometricLoss:
        """Compare; ``grad_rgb`` is valid until the next call."""
        width, height = target.width, target.height
        size, strips = width * height, num_strips(width)
        picture, plane = rendering.picture, size
        if colour is not None or target.mask.size:
            picture, plane = self._compared(rendering, target, colour)
        mean, square = self._moments(target)
        gradient, sums = self._floats("gradient", 3 * size), np.zeros((3 * strips, 2))
        scratch, values = self._row_scratch(), 3 * max(target.num_used, 1)
        with self._phase("loss") as counter:
            compare(
                picture, plane, target.pixels, width, height, target.mask, mean, square,
                np.float32((1 - ssim_weight) / values), np.float32(-ssim_weight / values), gradient, sums, scratch,
                counter, self.threads,
            )
        ssim, l1 = sums.sum(axis=0) / values
        value = (1 - ssim_weight) * l1 + ssim_weight * (1 - ssim) if target.num_used else 0.0
        return PhotometricLoss(
            value=float(value),
            grad_rgb=gradient[: 3 * size].reshape(3, height, width),
            grad_colour=None if colour is None else self._through_colour(rendering, gradient, size, colour),
        )

    def _compared(
        self, rendering: CpuRendering, target: CpuTarget, colour: Float | None
    ) -> tuple[Float, int]:
        """The picture that is compared and the distance of its planes."""
        size = target.width * target.height
        plane = -(-size // 16) * 16
        out = self._floats("compared", 3 * plane)
        transform = np.ascontiguousarray(np.eye(3, 4) if colour is None else colour, np.float32)
        with self._phase("loss") as counter:
            compared_picture(
                rendering.picture,
                size,
                target.pixels,
                target.mask,
                transform,
                out,
                plane,
                counter,
                self.threads,
            )
        return out, plane

    def _through_colour(
        self, rendering: CpuRendering, gradient: Float, size: int, colour: Float
    ) -> NDArray[np.float64]:
        """Turn ``gradient`` into the render's in place; returns the transform's (3, 4)."""
        sums = self._pool.rows("colour_sums", -(-size // PIXEL_CHUNK))
        transform = np.ascontiguousarray(colour, np.float32)
        with self._phase("loss") as counter:
            chain_through_transform(rendering.picture, size, gradient, transform, sums, counter, self.threads)
        return sums[:, :12].sum(axis=0, dtype=np.float64).reshape(3, 4)

    def _blend_backward(
        self,
        rendering: CpuRendering,
        records: Float,
        picture: Float,
        gradient: Float,
        moments: Float,
        *,
        absolutes: bool,
    ) -> None:
        """Fill the moments of every pair from the gradient of a blended picture."""
        tiles, pairs, camera = rendering.tiles, rendering.pairs, rendering.camera
        assert rendering.serial == self._serial, (
            "the rendering is no longer valid: the engine has drawn another view"
        )
        assert gradient.size >= 3 * camera.width * camera.height, "the gradient is smaller than the picture"
        with self._phase("backward") as counter:
            blend_backward(
                records,
                pairs.ids,
                pairs.slots,
                pairs.masks,
                tiles.starts,
                tiles.ends,
                memory.thread_scratch(self._pool, self.threads),
                picture,
                gradient,
                camera.width,
                camera.height,
                moments,
                absolutes,
                counter,
                self.threads,
            )

    def _add_alpha_and_depth(
        self, rendering: CpuRendering, grad_alpha: Float | None, grad_depth: Float | None
    ) -> None:
        """The backward pass of the second picture (depth, alpha, nothing), added to the first one's moments."""
        camera, num_pairs = rendering.camera, rendering.num_pairs
        assert grad_depth is None or rendering.settings.with_depth, (
            "a depth gradient needs a rendering with depth"
        )
        size = camera.width * camera.height
        gradient, picture = np.zeros((3, size), np.float32), np.zeros((3, size), np.float32)
        if grad_depth is not None:
            gradient[0], picture[0] = np.asarray(grad_depth).ravel(), rendering.depth.ravel()
        if grad_alpha is not None:
            gradient[1], picture[1] = np.asarray(grad_alpha).ravel(), rendering.alpha.ravel()
        moments = self._pool.rows("depth_moments", max(num_pairs, 1))
        records = self._depth_records(rendering)
        self._blend_backward(rendering, records, picture.ravel(), gradient.ravel(), moments, absolutes=False)
        first = rendering.pairs.moments
        first[:num_pairs, :W_RED] += moments[:num_pairs, :W_RED]
        first[:num_pairs, W_DEPTH] += moments[:num_pairs, W_RED]

    def backward(
        self,
        splats: CpuSplats,
        rendering: CpuRendering,
        grad_rgb: Float,
        grad_alpha: Float | None = None,
        grad_depth: Float | None = None,
    ) -> Gradients:
        """Gradients of every parameter and of the camera pose; changes nothing."""
        flat, moments = np.ascontiguousarray(grad_rgb, np.float32).ravel(), rendering.pairs.moments
        self._blend_backward(
            rendering, rendering.gaussians.records, rendering.picture, flat, moments, absolutes=False
        )
        if grad_alpha is not None or grad_depth is not None:
            self._add_alpha_and_depth(rendering, grad_alpha, grad_depth)
        gradients = aligned_zeros(splats.params.shape)
        rates, corrections = np.zeros(splats.params.shape[1], np.float32), np.ones(2, np.float32)
        pose = self._step(splats, rendering, gradients, rates, corrections, np.array([0, 0, 1]))
        return Gradients(**fields_from_blocks(gradients, splats.num_gaussians), pose=pose)

    def update(
        self,
        splats: CpuSplats,
        rendering: CpuRendering,
        grad_rgb: Float,
        *,
        rates: LearningRates,
        step: int,
        collect: bool = False,
        with_pose: bool = False,
    ) -> NDArray[np.float64] | None:
        """Backward and one Adam step, fused."""
        flat, moments = np.ascontiguousarray(grad_rgb, np.float32).ravel(), rendering.pairs.moments
        records, picture = rendering.gaussians.records, rendering.picture
        self._blend_backward(rendering, records, picture, flat, moments, absolutes=collect)
        table = rate_per_row(rates, splats.params.shape[1])
        corrections = np.array([1 / (1 - BETA1**step), 1 / (1 - BETA2**step)], np.float32)
        modes = np.array([1, int(collect), int(with_pose)])
        pose = self._step(splats, rendering, splats.params, table, corrections, modes)
        splats.version += 1
        return pose if with_pose else None

    def _step(
        self,
        splats: CpuSplats,
        rendering: CpuRendering,
        gradients: Float,
        rates: Float,
        corrections: Float,
        modes: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Gather, project backwards and (by ``modes``) apply; returns the pose gradient."""
        seen = rendering.gaussians
        with self._phase("step") as counter:
            step(
                splats.params,
                splats.first_moments,
                splats.second_moments,
                splats.statistics,
                gradients,
                rendering.view,
                rendering.degree,
                seen.flags,
                seen.slot_starts,
                seen.slot_counts,
                rendering.pairs.moments,
                rates,
                corrections,
                modes,
                memory.thread_scratch(self._pool, self.threads),
                seen.pose_sums,
                counter,
                self.threads,
            )
        return seen.pose_sums[:, :6].sum(axis=0, dtype=np.float64)

    def nearest_distances(self, points: NDArray[np.float32], k: int) -> NDArray[np.float32]:
        """(n, k) distances to the k nearest other points, ascending; infinite where there are fewer."""
        if len(points) == 0:
            return np.zeros((0, k), np.float32)
        distances, _ = cKDTree(points).query(points, k=k + 1, workers=self.threads)
        return np.ascontiguousarray(distances[:, 1:], np.float32)
