"""What passes through the film is found a few times in a run, and counts no more.

A look renders every training picture once, small. Each block's residual is handed back through the engine's gradient
of the base colour, which is the sum of the weights with which a Gaussian appears: summed over all pictures and divided
by the same sum of ones, it is the residual that a Gaussian is usually seen with. Rendered as if it were a colour, it
says what each picture may be expected to be off by. ``train/masks.py`` judges from both.

A look judges anew: what was hidden by mistake counts again as soon as the scene has learned it from other views. After
a look that finds nothing there is no other one; the run is then, bit for bit, one without
(docs/decisions/0074-appearance-and-transients.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.cameras import PinholeCamera
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.images import PosedImages
from roomsplat.core.spherical_harmonics import dc_from_rgb
from roomsplat.render.base import Array, Engine, RenderSettings, Splats
from roomsplat.train import schedule
from roomsplat.train.colour_fit import recoloured
from roomsplat.train.config import TrainConfig
from roomsplat.train.host import PARAMETERS, on_host
from roomsplat.train.masks import SEED, transient_blocks
from roomsplat.train.pictures import Pictures, spread

_BLOCKS = 40
"""Along the longer side."""
_BLOCK_PX = 4
"""Pictures are looked at as small as they can be with blocks of no less than this."""
_FEWEST_VIEWS = 8
"""With fewer training pictures than this the others' word is not worth much."""
_HIDDEN_WEIGHT = 0.25
"""Of hidden blocks in the mean. Not 0: what is hidden in every picture, a window that is hard to learn, must show that
it is off everywhere."""
_DARK = 0.02
"""Added to both sides of a ratio of colours: what is nearly black has none."""
_LEAST_SHARE = 0.015
"""Of all blocks. A static room has up to 0.9 % (the view from its window, which few pictures see), and loses 0.3 to
0.4 dB where that is left out; a walking figure has 2.6 %."""
_MOST_PICTURES = 0.6
"""Share of the pictures in which something may pass. Beyond it the scene is what does not fit yet: where exposure
drifts and nobody learns it, a look finds things in 49 of 59 pictures, and leaving them out costs 3 dB (office)."""
_FEWEST_VISITS = 6
"""Of each picture before a look: after three, what is not learned yet looks like what passes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a look sees."""

    engine: Engine
    splats: Splats
    settings: RenderSettings
    camera: Callable[[int, int], PinholeCamera]
    """Of the training picture at a place, at a level."""
    colour: Callable[[int], NDArray[np.float32] | None]
    """(3, 5) that the rendering of the training picture at a place goes through."""


class TransientLearning:
    """What a run knows of passing things in its training pictures."""

    def __init__(
        self, config: TrainConfig, pictures: Pictures, posed: PosedImages, indices: NDArray[np.integer]
    ) -> None:
        """``indices``: the training pictures among ``posed``."""
        self._pictures, self._indices = pictures, indices
        self._masks = [posed.mask_paths[int(index)] is not None for index in indices]
        longer = max(pictures.width, pictures.height)
        blocks = max(1, min(_BLOCKS, longer // _BLOCK_PX))
        self._level = max(1, longer // (blocks * _BLOCK_PX))
        self._grid = tuple(
            max(1, round(blocks * side / longer)) for side in (pictures.height, pictures.width)
        )
        looks = {schedule.boundary_at(config, share) for share in config.transients.looks}
        ready = max(_FEWEST_VISITS * len(indices), 1)
        enough = config.mask_transients and len(indices) >= _FEWEST_VIEWS
        self._looks = frozenset(look for look in looks if enough and ready <= look < config.max_steps)
        self.hidden = np.zeros((len(indices), *self._grid), bool)
        """(c, rows, columns) blocks of the training pictures that do not count."""

    def consider(self, done: int, scene: Scene) -> None:
        """At a boundary after ``done`` steps: look, if it is time to."""
        if done not in self._looks or (done > min(self._looks) and not self.hidden.any()):
            return
        residuals, means = self._residuals(scene)
        suspects = np.flatnonzero((residuals > SEED).any(axis=(1, 2)))
        expected = self._expected(scene, means, suspects) if len(suspects) else []
        self.hidden[:] = False
        for place, usual in zip(suspects, expected, strict=True):
            self.hidden[place] = transient_blocks(residuals[place], usual)
        pictures = self.hidden.any(axis=(1, 2)).mean()
        if self.hidden.mean() < _LEAST_SHARE or pictures > _MOST_PICTURES:
            self.hidden[:] = False
        for index, hidden in zip(self._indices, self.hidden, strict=True):
            self._pictures.hide(int(index), hidden)

    def _residuals(self, scene: Scene) -> tuple[NDArray[np.float64], Array]:
        """(c, rows, columns) of every picture, and (n,) the mean of what each Gaussian is seen with."""
        engine, xp = scene.engine, scene.engine.xp
        found, sums = np.zeros(self.hidden.shape), xp.zeros((2, scene.splats.num_gaussians))
        for place in range(len(self._indices)):
            target = self._pictures.target(int(self._indices[place]), self._level, whole=True)
            rendering = engine.rasterize(scene.splats, scene.camera(place, self._level), scene.settings)
            residual = self._residual(xp, rendering.rgb, target.pixels, scene.colour(place))
            counts = xp.asarray(np.where(self.hidden[place], _HIDDEN_WEIGHT, 1), xp.float32)
            if self._masks[place]:
                given = xp.asarray(self._pictures.mask(int(self._indices[place])))
                seen = self._block_means(xp, given[None])[0] > 0.5
                residual, counts = residual * seen, counts * seen
            found[place] = on_host(residual)
            slope = xp.zeros((3, target.height, target.width), xp.float32)
            slope[0] = spread(xp, (residual * counts).astype(xp.float32), target.width, target.height)
            slope[1] = spread(xp, counts, target.width, target.height)
            weights = engine.backward(scene.splats, rendering, slope).sh[:, 0, :2]
            sums += weights.T
        return found, sums[0] / xp.maximum(sums[1], 1e-12)

    def _expected(self, scene: Scene, means: Array, places: NDArray[np.integer]) -> list[NDArray[np.float64]]:
        """(rows, columns) of what each picture of ``places`` may be off by."""
        engine, xp = scene.engine, scene.engine.xp
        arrays = engine.read(scene.splats)
        parameters = {name: on_host(getattr(arrays, name)) for name in PARAMETERS if name != "sh"}
        del arrays
        grey = dc_from_rgb(np.repeat(on_host(means)[:, None], 3, axis=1))
        shown = engine.create(Gaussians(**parameters, sh=grey[:, None].astype(np.float32)), sh_degree=0)
        settings = RenderSettings(sh_degree=0, antialiased=scene.settings.antialiased)
        result: list[NDArray[np.float64]] = []
        for place in places:
            rendering = engine.rasterize(shown, scene.camera(int(place), self._level), settings)
            result.append(on_host(self._block_means(xp, rendering.rgb[:1]))[0])
        return result

    def _residual(self, xp: Any, rgb: Array, pixels: Array, colour: NDArray[np.float32] | None) -> Array:
        """(rows, columns) of a rendering (3, h, w) against (h, w, 3) bytes, but for a gain of the whole picture."""
        if colour is not None:
            rgb = xp.moveaxis(recoloured(xp, xp.moveaxis(rgb, 0, 2), colour), 2, 0)
        shown = self._block_means(xp, rgb)
        seen = self._block_means(xp, xp.moveaxis(pixels, 2, 0)) / 255
        ratios = xp.sort(((seen + _DARK) / (xp.maximum(shown, 0) + _DARK)).reshape(3, -1), axis=1)
        difference = shown * ratios[:, ratios.shape[1] // 2, None, None] - seen
        return xp.sqrt((difference * difference).sum(axis=0))

    def _block_means(self, xp: Any, planes: Array) -> Array:
        """(k, rows, columns) float64 of (k, h, w), the same blocks as ``spread``'s."""
        for axis, parts in ((1, self._grid[0]), (2, self._grid[1])):
            size = planes.shape[axis]
            edges = -(-np.arange(parts + 1) * size // parts)
            sums = xp.cumsum(planes, axis=axis, dtype=xp.float64)
            sums = xp.concatenate([xp.zeros_like(xp.take(sums, xp.arange(1), axis=axis)), sums], axis=axis)
            totals = xp.diff(xp.take(sums, xp.asarray(edges), axis=axis), axis=axis)
            shape = [1, 1, 1]
            shape[axis] = parts
            planes = totals / xp.asarray(np.maximum(np.diff(edges), 1).reshape(shape))
        return planes

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Everything, for a checkpoint."""
        return {"hidden": self.hidden.copy()}

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take back what ``arrays`` gave."""
        self.hidden = np.array(arrays["hidden"], bool)
        for index, hidden in zip(self._indices, self.hidden, strict=True):
            self._pictures.hide(int(index), hidden)
