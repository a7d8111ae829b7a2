"""Tile lists: which Gaussians each tile draws, front to back (``tiles.cu``, ``sort.cu``)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from roomsplat.render.cuda.device import Array, Device, Pending
from roomsplat.render.cuda.layout import TILE_HEIGHT, TILE_WIDTH
from roomsplat.render.cuda.memory import Buffers
from roomsplat.render.cuda.sorting import RadixSort, Runs

THREADS = 256
DEPTH_BITS = 32
FIRST_PAIRS, FIRST_PAIRS_EACH = 1 << 16, 4
"""Room of the first lists: so many pairs, or so many a Gaussian, whichever is more."""
SPARE = 1.1
"""Lists that were too short are made this much longer than what was wanted: the next view wants a little more."""
_LATE = 2
"""Views after which a view's count is looked at."""
MOST_PAIRS = (1 << 30) - 1
MOST_COLUMNS = (1 << 12) - 1


class Capacity:
    """How many pairs the lists have room for: grown when a view wanted more, and known two views late.

    Waiting for a view's own count would stall the GPU, and waiting for the last one's lets it run dry where a step is
    short. The count of the view before that has arrived by the time the next lists are made.
    """

    def __init__(self) -> None:
        """Room for nothing yet."""
        self.pairs = 0
        self._under_way: list[Pending] = []

    def for_view(self, count: int) -> int:
        """Pairs that the lists of a view of ``count`` Gaussians get room for."""
        wanted = max(FIRST_PAIRS, FIRST_PAIRS_EACH * count) if self.pairs == 0 else 0
        if len(self._under_way) == _LATE:
            found = int(self._under_way.pop(0).value()[1])
            if found > self.pairs:
                wanted = int(SPARE * found)
        self.pairs = min(max(self.pairs, wanted), MOST_PAIRS)
        return self.pairs

    def forget(self) -> None:
        """As new: what comes next must not depend on what was drawn before."""
        self.pairs = 0
        self._under_way.clear()

    def learn(self, total: Pending) -> None:
        """Note what the view at hand will have wanted."""
        self._under_way.append(total)

    def catch_up(self) -> None:
        """Wait for what all views so far wanted."""
        for total in self._under_way:
            found = int(total.value()[1])
            if found > self.pairs:
                self.pairs = min(int(SPARE * found), MOST_PAIRS)
        self._under_way.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class TileLists:
    """One view's lists; all arrays lie in buffers that the next view overwrites.

    A pair is a Gaussian and a tile that it may reach. Pairs are numbered Gaussian by Gaussian in depth order: this
    number is the pair's slot.
    """

    order: Array
    """(n,) int32: Gaussians by depth, the hidden ones last."""
    slot_starts: Array
    """(n,) int32: the first slot of each Gaussian that has any."""
    slot_counts: Array
    """(n,) int32: how many it has; 0 for hidden ones."""
    total: Array
    """(2,) uint32: pairs in the lists, pairs that there should be (at most 2³⁰ - 1)."""
    list_slots: Array
    """(capacity,) int32: the pairs' slots, tile by tile, in each from front to back."""
    list_ids: Array
    """(capacity,) int32: the pairs' Gaussians, in the same order."""
    starts: Array
    """(tiles,) int32: where each tile's list begins, row by row of tiles."""
    ends: Array
    """(tiles,) int32: and ends; a tile without pairs begins at ``capacity`` and ends at 0."""
    columns: int
    """Of tiles."""
    rows: int
    """Of tiles."""
    capacity: int
    """How many pairs there is room for; the farthest beyond are missing."""
    pending: Pending
    """``total``, on its way to the host."""

    def overflowed(self) -> bool:
        """Whether pairs are missing. Waits until the lists are made; ``Lister.catch_up`` makes room for all."""
        return int(self.pending.value()[1]) > self.capacity


@dataclass(frozen=True, slots=True)
class _Plan:
    """What depends on sizes only, so that a step's Python has nothing to compute."""

    size: tuple[int, int, int, int]
    grid: tuple[int]
    tile_bits: int
    numbers: tuple[Any, ...]
    chain: Array
    slot_starts: Array
    slot_counts: Array
    pair_tiles: Array
    runs: Runs
    """The pairs' Gaussians as emitted and as sorted, and the tiles' lists."""


class Lister:
    """Makes the lists of one view after the other, in the same memory."""

    def __init__(self, device: Device, buffers: Buffers) -> None:
        """Args: where to make them, and in which memory."""
        self._device, self._buffers = device, buffers
        self._emit = device.kernel("tiles.cu", "emit", TILE_HEIGHT=TILE_HEIGHT)
        self._depth_sort = RadixSort(device, buffers, "depth")
        self._tile_sort = RadixSort(device, buffers, "tile")
        self._total = device.xp.zeros(2, np.uint32)
        self._capacity = Capacity()
        self._plan: _Plan | None = None

    def lists(self, records: Array, keys: Array, count: int, width: int, height: int) -> TileLists:
        """Lists of a view of ``width`` x ``height`` px: ``records`` and depth ``keys`` of ``count`` Gaussians.

        ``keys`` stay as they are. If the lists ``overflowed``, ``catch_up`` and calling this again makes longer ones.
        """
        plan = self._planned((count, width, height, self._capacity.for_view(count)))
        capacity, total = plan.size[3], self._total
        sorted_keys, order = self._depth_sort.sort(keys, count, DEPTH_BITS, also_clear=plan.chain)
        self._emit(
            plan.grid,
            (THREADS,),
            (
                records, sorted_keys, order, *plan.numbers, plan.chain, plan.slot_starts, plan.slot_counts,
                plan.pair_tiles, plan.runs.table, total, plan.runs.begins, plan.runs.ends,
            ),
        )  # fmt: skip
        pending = self._device.fetch_later(total)
        self._capacity.learn(pending)
        _, list_slots = self._tile_sort.sort(
            plan.pair_tiles, capacity, plan.tile_bits, count_on_device=total, runs=plan.runs
        )
        return TileLists(
            order=order,
            slot_starts=plan.slot_starts,
            slot_counts=plan.slot_counts,
            total=total,
            list_slots=list_slots,
            list_ids=plan.runs.looked_up,
            starts=plan.runs.begins,
            ends=plan.runs.ends,
            columns=-(-width // TILE_WIDTH),
            rows=-(-height // TILE_HEIGHT),
            capacity=capacity,
            pending=pending,
        )

    def catch_up(self) -> None:
        """Wait for what all views so far wanted, so that the next lists have room for it."""
        self._capacity.catch_up()

    def release(self) -> None:
        """Let go of the last view's buffers and of how long lists must be: a resumed run knows neither."""
        self._plan = None
        self._capacity.forget()
        self._depth_sort.release()
        self._tile_sort.release()

    def _planned(self, size: tuple[int, int, int, int]) -> _Plan:
        """The last view's plan if the sizes are the same (a plan holds buffers, so that only one is valid)."""
        if self._plan is not None and self._plan.size == size:
            return self._plan
        count, width, height, capacity = size
        columns, rows = -(-width // TILE_WIDTH), -(-height // TILE_HEIGHT)
        tiles, blocks = columns * rows, max(1, -(-count // THREADS))
        assert columns <= MOST_COLUMNS, "a column of tiles has 12 bits: pictures are at most 32,760 px wide"
        self._plan = None
        take = self._buffers.get
        self._plan = _Plan(
            size=size,
            grid=(blocks,),
            tile_bits=max(1, (tiles - 1).bit_length()),
            numbers=tuple(np.int32(number) for number in (count, width, height, columns, tiles, capacity)),
            chain=take("lists.chain", 1 + blocks, np.uint32),
            slot_starts=take("lists.slot_starts", count, np.int32),
            slot_counts=take("lists.slot_counts", count, np.int32),
            pair_tiles=take("lists.pair_tiles", capacity, np.uint32),
            runs=Runs(
                table=take("lists.owners", capacity, np.int32),
                looked_up=take("lists.list_ids", capacity, np.int32),
                begins=take("lists.starts", tiles, np.int32),
                ends=take("lists.ends", tiles, np.int32),
            ),
        )
        return self._plan
