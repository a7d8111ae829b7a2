"""Stable radix sort of 32-bit keys on the device, with a 32-bit payload (``sort.cu``)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from roomsplat.render.cuda.device import Array, Device
from roomsplat.render.cuda.memory import Buffers

THREADS = 256
DIGITS = 256
MOST_PASSES = 4
FEW_KEYS = 512 * 1024
ITEMS_FEW, ITEMS_MANY = 6, 16
"""Keys a thread: up to ``FEW_KEYS``, small parts occupy the whole GPU (200,000 keys are 131 parts for 132
multiprocessors); beyond, large ones keep the digits' runs long (16 keys of a digit are 64 bytes in a row)."""
COUNTING_BLOCKS = 264
"""At most, for counting digits: two for each multiprocessor of an H100."""
NO_LIMIT = 0xFFFFFFFF
NUMBER, RUNS = 1, 2
"""What a pass is to do, as in ``sort.cu``."""


@dataclass(frozen=True, slots=True)
class Runs:
    """What a sort gives instead of sorted keys: each key's run, and what a table says of the payloads."""

    table: Array
    """int32, indexed by payload."""
    looked_up: Array
    """int32: the table's entries in sorted order."""
    begins: Array
    """int32, indexed by key: where its run begins; before, more than any place (keys that are absent keep it)."""
    ends: Array
    """int32, indexed by key: where it ends; before, zero."""

    def arrays(self) -> tuple[Array, Array, Array, Array]:
        """As the kernel takes them."""
        return self.table, self.looked_up, self.begins, self.ends


@dataclass(frozen=True, slots=True)
class _Plan:
    """What depends on the size only."""

    size: tuple[int, int, bool]
    """Keys, bits, whether runs are asked for."""
    passes: int
    part_size: Any
    counting_grid: tuple[int]
    grid: tuple[int]
    count: Any
    bits: Any
    stride: Any
    scatter: Any
    status: Array
    rooms: tuple[tuple[Array, Array], tuple[Array, Array]]
    """Sorted keys and payload, twice: a pass reads one and writes the other."""


class RadixSort:
    """Sorts again and again in the same memory."""

    def __init__(self, device: Device, buffers: Buffers, name: str) -> None:
        """Args: where to sort, in which memory, and a ``name`` that no other sort of these buffers has."""
        self._buffers, self._name = buffers, name
        self._count_digits = device.kernel("sort.cu", "count_digits", ITEMS=ITEMS_MANY)
        self._scatter = {
            items: device.kernel("sort.cu", "scatter", ITEMS=items) for items in (ITEMS_FEW, ITEMS_MANY)
        }
        # Two sets of counts: each call counts in one and clears the other for the next.
        self._bins = [device.xp.zeros(MOST_PASSES * DIGITS, np.uint32) for _ in range(2)]
        self._tickets = device.xp.zeros(MOST_PASSES, np.uint32)
        self._unlimited = device.xp.full(1, NO_LIMIT, np.uint32)
        self._numbers = [np.int32(number) for number in range(MOST_PASSES)]
        self._no_runs = (self._tickets,) * 4
        self._plan: _Plan | None = None

    def sort(
        self,
        keys: Array,
        count: int,
        bits: int,
        *,
        count_on_device: Array | None = None,
        also_clear: Array | None = None,
        runs: Runs | None = None,
    ) -> tuple[Array, Array]:
        """Sort the first ``count`` keys by their lowest ``bits`` bits (1 to 32); equal ones keep their order.

        Returns the sorted keys and where each was, uint32 and int32, valid until the next call; ``keys`` stays as it
        is. With ``count_on_device``, a uint32 in an array, only that many keys are sorted, ``count`` at most.
        ``also_clear`` is an array of uint32 that is set to zero on the way, before any later kernel runs. With
        ``runs``, the last pass fills these in, and the keys that are returned mean nothing.
        """
        plan = self._planned((count, bits, runs is not None))
        limit = self._unlimited if count_on_device is None else count_on_device
        cleared = self._tickets if also_clear is None else also_clear
        bins, next_bins = self._bins
        self._bins = [next_bins, bins]
        self._count_digits(
            plan.counting_grid,
            (THREADS,),
            (
                keys, limit, plan.count, plan.bits, plan.part_size, bins, next_bins, plan.status, plan.stride,
                self._tickets, cleared, np.int32(cleared.size),
            ),
        )  # fmt: skip
        payload, last = self._tickets, plan.passes - 1  # the first pass reads no payload
        for number in range(plan.passes):
            sorted_keys, sorted_payload = plan.rooms[number % 2]
            wishes = (NUMBER if number == 0 else 0) | (RUNS if runs is not None and number == last else 0)
            plan.scatter(
                plan.grid,
                (THREADS,),
                (
                    keys, payload, self._numbers[wishes], sorted_keys, sorted_payload, limit, plan.count, plan.bits,
                    self._numbers[number], bins, plan.status, plan.stride, self._tickets,
                    *(self._no_runs if runs is None else runs.arrays()),
                ),
            )  # fmt: skip
            keys, payload = sorted_keys, sorted_payload
        return keys, payload

    def release(self) -> None:
        """Let go of the buffers of the last sort."""
        self._plan = None

    def _planned(self, size: tuple[int, int, bool]) -> _Plan:
        """The last call's plan if the size is the same (a plan holds buffers, so that only one is valid)."""
        if self._plan is not None and self._plan.size == size:
            return self._plan
        count, bits, with_runs = size
        assert 1 <= bits <= 32, "keys have 32 bits"
        assert 0 <= count < 1 << 30, "counts have 30 bits"
        items = ITEMS_FEW if count <= FEW_KEYS else ITEMS_MANY
        passes, part_size = -(-bits // 8), THREADS * items
        parts = max(1, -(-count // part_size))
        self._plan = None
        self._plan = _Plan(
            size=size,
            passes=passes,
            part_size=np.int32(part_size),
            counting_grid=(max(1, min(COUNTING_BLOCKS, -(-count // (4 * THREADS)))),),
            grid=(parts,),
            count=np.int32(count),
            bits=np.int32(bits),
            stride=np.int32(parts * DIGITS),
            scatter=self._scatter[items],
            status=self._buffers.get(f"{self._name}.status", passes * parts * DIGITS, np.uint32),
            rooms=(
                self._room("a", count, with_keys=passes - with_runs > 0),
                self._room("b", count if passes > 1 else 0, with_keys=passes - with_runs > 1),
            ),
        )
        return self._plan

    def _room(self, which: str, count: int, *, with_keys: bool) -> tuple[Array, Array]:
        """Memory for keys, unless no pass writes any there, and payload."""
        keys = self._tickets
        if with_keys:
            keys = self._buffers.get(f"{self._name}.keys.{which}", count, np.uint32)
        return keys, self._buffers.get(f"{self._name}.payload.{which}", count, np.int32)
