"""The engine's working memory: grown when needed, kept between steps (fresh pages cost more than some kernels)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.render.cpu import binning, projection
from roomsplat.render.cpu.memory import aligned_zeros
from roomsplat.render.cpu.vectors import LANES

Float = NDArray[np.float32]
Index = NDArray[np.uint32]
GROWTH = 1.25
"""Room is made for a quarter more than asked, so that slow growth does not reallocate each step."""


class Pool:
    """Named arrays that only ever grow. The contents are lost when one does."""

    def __init__(self) -> None:
        """Start empty."""
        self._arrays: dict[str, NDArray[Any]] = {}

    def flat(self, name: str, size: int, dtype: Any) -> NDArray[Any]:
        """At least ``size`` elements: all that there is room for."""
        known = self._arrays.get(name)
        if known is None or known.size < size:
            known = self._arrays[name] = aligned_zeros(max(int(size * GROWTH), LANES), dtype)
        return known

    def rows(self, name: str, count: int, width: int = LANES) -> Float:
        """Exactly ``count`` rows of ``width`` floats."""
        return self.flat(name, count * width, np.float32)[: count * width].reshape(count, width)


class GaussianBuffers:
    """What one view needs per Gaussian."""

    def __init__(self, pool: Pool, num_blocks: int) -> None:
        """Take the arrays from the pool."""
        count = num_blocks * LANES

        def ids(name: str) -> Index:
            return pool.flat(name, count, np.uint32)

        self.records: Float = pool.rows("records", count)
        self.depths: Float = pool.flat("depths", count, np.float32)
        self.depth_bits: Index = self.depths.view(np.uint32)
        self.flags: NDArray[np.uint64] = pool.flat("flags", num_blocks, np.uint64)[:num_blocks]
        self.visible, self.order = ids("visible"), ids("order")
        self.slot_counts, self.slot_starts = ids("slot_counts"), ids("slot_starts")
        self.sort_scratch: tuple[Index, Index, Index] = ids("keys"), ids("spare_keys"), ids("spare_ids")
        self.digits: Index = pool.flat("digits", 4096, np.uint32)[:4096].reshape(2, 2048)
        self.camera_sums: Float = pool.rows("camera_sums", -(-num_blocks // projection.CHUNK))


class PairBuffers:
    """What one view needs per (Gaussian, tile) pair."""

    def __init__(self, pool: Pool, count: int) -> None:
        """Take the arrays from the pool."""
        self.count = count
        self.ids: Index = pool.flat("pair_ids", count, np.uint32)
        self.slots: Index = pool.flat("pair_slots", count, np.uint32)
        self.masks: NDArray[np.uint16] = pool.flat("masks", count, np.uint16)
        self.moments: Float = pool.rows("moments", max(count, 1))


class TileBuffers:
    """What one view needs per tile."""

    def __init__(self, pool: Pool, width: int, height: int, runs: int) -> None:
        """Take the arrays from the pool."""
        self.columns, self.rows = -(-width // binning.TILE), -(-height // binning.TILE)
        tiles = self.columns * self.rows
        self.starts: Index = pool.flat("starts", tiles + 1, np.uint32)[: tiles + 1]
        self.ends: Index = pool.flat("ends", tiles, np.uint32)[:tiles]
        self.counts: Index = pool.flat("tile_counts", tiles * runs, np.uint32)[: tiles * runs].reshape(
            runs, tiles
        )
        self.found: NDArray[np.int64] = pool.flat("found", runs, np.int64)[:runs]


def touched_tiles(pool: Pool, runs: int, room: int) -> Index:
    """(runs, room) for the tiles that each run finds; room is whatever there is, if that is more."""
    flat: Index = pool.flat("touched_tiles", runs * room, np.uint32)
    room = flat.size // runs
    return flat[: runs * room].reshape(runs, room)
