"""The radix sort of the CUDA engine: NumPy's stable sort, whatever the keys."""

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.render.cuda import sorting
from roomsplat.render.cuda.memory import Buffers
from roomsplat.render.cuda.sorting import RadixSort, Runs
from roomsplat.render.cuda.sources import kernel_source
from tests.emulator.device import EmulatedDevice

Keys = NDArray[np.uint32]
COUNTS = (0, 1, 31, 255, 256, 257, 1536, 1537, 4097, 20_000)


def on_device(device: EmulatedDevice, keys: Keys) -> Keys:
    """A copy in the device's memory."""
    array: Keys = device.xp.empty(max(len(keys), 1), np.uint32)
    array[: len(keys)] = keys
    return array


def new_sort(device: EmulatedDevice) -> RadixSort:
    """A sort with memory of its own."""
    return RadixSort(device, Buffers(device), "test")


def check(sorted_keys: Keys, payload: NDArray[np.int32], keys: Keys, bits: int) -> None:
    """Against NumPy, by the lowest bits."""
    order = np.argsort(keys & np.uint32((1 << bits) - 1), kind="stable")
    assert (payload[: len(keys)] == order).all()
    assert (sorted_keys[: len(keys)] == keys[order]).all()


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", ["random", "few", "sorted", "reversed", "equal", "largest"])
def test_sort_is_numpys_stable_sort(count: int, kind: str) -> None:
    """Keys come out in order with their places, equal ones as they stood; the input stays as it was."""
    rng = np.random.default_rng(count)
    keys = rng.integers(0, 1 << 32, count, np.uint32)
    if kind == "few":
        keys = keys % np.uint32(5) * np.uint32(0x01010101)
    elif kind == "sorted":
        keys = np.sort(keys)
    elif kind == "reversed":
        keys = np.sort(keys)[::-1]
    elif kind in {"equal", "largest"}:
        keys = np.full(count, 77 if kind == "equal" else 0xFFFFFFFF, np.uint32)
    device = EmulatedDevice(seed=count % 3)
    given = on_device(device, keys)
    sorted_keys, payload = new_sort(device).sort(given, count, 32)
    check(sorted_keys, payload, keys, 32)
    assert (given[:count] == keys).all()


@pytest.mark.parametrize("bits", [1, 5, 8, 9, 14, 16, 17, 24, 31, 32])
def test_only_the_lowest_bits_count(bits: int) -> None:
    """Each number of bits from one pass to four sorts by these bits and by no others."""
    keys = np.random.default_rng(bits).integers(0, 1 << 32, 3000, np.uint32)
    device = EmulatedDevice()
    sorted_keys, payload = new_sort(device).sort(on_device(device, keys), 3000, bits)
    check(sorted_keys, payload, keys, bits)


@pytest.mark.parametrize("real", [0, 1, 300, 1536, 4999, 5000, 70_000])
def test_the_device_may_know_the_count(real: int) -> None:
    """Keys beyond a count in the device's memory are neither sorted nor written; the host's count bounds it."""
    keys = np.random.default_rng(real).integers(0, 1 << 14, 5000, np.uint32)
    device = EmulatedDevice()
    count = on_device(device, np.array([real], np.uint32))
    sorted_keys, payload = new_sort(device).sort(on_device(device, keys), 5000, 14, count_on_device=count)
    check(sorted_keys, payload, keys[:real], 14)
    assert (payload[real:] == -1).all()  # as the emulator's fresh memory was


def test_large_parts_sort_as_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """More keys than ``FEW_KEYS`` are cut into larger parts, by the same rules."""
    monkeypatch.setattr(sorting, "FEW_KEYS", 1000)
    device = EmulatedDevice(seed=3)
    sort = new_sort(device)
    for count in (1001, 4096, 4097, 30_000):
        keys = np.random.default_rng(count).integers(0, 1 << 20, count, np.uint32)
        check(*sort.sort(on_device(device, keys), count, 20), keys, 20)


def test_a_sort_leaves_nothing_behind() -> None:
    """Many sorts in the same memory, larger and smaller, with other bits and counts: each is right."""
    device, rng = EmulatedDevice(), np.random.default_rng(0)
    sort = new_sort(device)
    for count, bits in [
        (3000, 32),
        (3000, 32),
        (200, 7),
        (9000, 14),
        (0, 14),
        (9000, 14),
        (3000, 32),
        (1, 1),
    ]:
        keys = rng.integers(0, 1 << bits, count, np.uint32)
        check(*sort.sort(on_device(device, keys), count, bits), keys, bits)


def test_words_are_cleared_on_the_way() -> None:
    """``also_clear`` becomes zero, all of it and nothing else, also where there is nothing to sort."""
    device = EmulatedDevice()
    sort = new_sort(device)
    for count in (0, 500):
        others = on_device(device, np.full(3000, 5, np.uint32))
        sort.sort(on_device(device, np.arange(count, dtype=np.uint32)), count, 9, also_clear=others[:2500])
        assert (others[:2500] == 0).all()
        assert (others[2500:] == 5).all()


def test_two_sorts_of_one_memory_do_not_meet() -> None:
    """Sorts of different names keep their results while the other works."""
    device, rng = EmulatedDevice(), np.random.default_rng(1)
    buffers = Buffers(device)
    first, second = RadixSort(device, buffers, "first"), RadixSort(device, buffers, "second")
    keys = rng.integers(0, 1 << 32, (2, 2000), np.uint32)
    results = [
        sort.sort(on_device(device, row), 2000, 32) for sort, row in zip((first, second), keys, strict=True)
    ]
    for result, row in zip(results, keys, strict=True):
        check(*result, row, 32)


@pytest.mark.parametrize("bits", [3, 8, 13, 17])
def test_runs_of_equal_keys_are_found(bits: int) -> None:
    """With ``runs`` the last pass tells where each key's run lies and what a table says of its payloads."""
    device, rng = EmulatedDevice(seed=bits), np.random.default_rng(bits)
    sort = new_sort(device)
    for count in (6000, 0, 6000, 1):
        chosen = rng.integers(0, 1 << bits, 50, np.uint32)
        keys = chosen[rng.integers(0, 50, count)]
        table = rng.integers(0, 1 << 20, max(count, 1), np.int32)
        found, ends = np.full((2, 1 << bits), count, np.int32)
        ends[:] = 0
        runs = Runs(table, np.full(max(count, 1), -1, np.int32), found, ends)
        _, payload = sort.sort(on_device(device, keys), count, bits, runs=runs)
        order = np.argsort(keys, kind="stable")
        assert (payload[:count] == order).all()
        assert (runs.looked_up[:count] == table[order]).all()
        present, first, lengths = np.unique(keys[order], return_index=True, return_counts=True)
        assert (found[present] == first).all()
        assert (ends[present] == first + lengths).all()
        absent = np.setdiff1d(np.arange(min(1 << bits, 1 << 14)), present)
        assert (found[absent] == count).all()
        assert (ends[absent] == 0).all()


LOOK_BACK = """
extern "C" __global__ void look_back(const uint* status, int count, uint* sums) {
    for (int part = 1; part < count; part++)
        sums[part * DIGITS + threadIdx.x] = count_before(status + threadIdx.x, part);
}
"""


@pytest.mark.parametrize("known", [(0,), (0, 1, 2), (0, 7, 8, 9, 17), (0, 38, 39)])
def test_looking_back_adds_what_is_known(known: tuple[int, ...]) -> None:
    """Parts that know only their own keys are added one by one, up to the nearest that knows all before it.

    The emulator runs blocks one after the other, so that a sort there never meets such a part.
    """
    device = EmulatedDevice()
    counts = np.random.default_rng(len(known)).integers(0, 4096, (40, 256), np.uint32)
    status = device.xp.empty((40, 256), np.uint32)
    status[:] = counts | 1 << 30
    status[list(known)] = np.cumsum(counts, 0)[list(known)] | 2 << 30
    sums = device.xp.zeros((40, 256), np.uint32)
    source = kernel_source("sort.cu", {"ITEMS": 6}) + LOOK_BACK
    device.kernel_of(source, "look_back")((1,), (256,), (status, np.int32(40), sums))
    assert (sums[1:] == np.cumsum(counts, 0)[:-1]).all()
