"""On a real GPU: sorting and listing while blocks race, which the emulator cannot do (its blocks run one by one)."""

import numpy as np
import pytest

from roomsplat.render.base import Engine
from roomsplat.render.cuda.engine import CudaEngine
from roomsplat.render.cuda.memory import Buffers
from roomsplat.render.cuda.sorting import RadixSort
from tests.gpu.machine import host, sized
from tests.render.cuda.test_listing import Lists, cloud, listed, touched

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize(("count", "bits"), [(200_000, 32), (600_000, 32), (3_000_000, 15), (5_000_000, 14)])
@pytest.mark.parametrize("distinct", [1, 3, 1 << 32])
def test_sort_is_stable_while_blocks_race(cuda: Engine, count: int, bits: int, distinct: int) -> None:
    """Hundreds of parts look back to each other, ten times over, and the order is NumPy's each time."""
    assert isinstance(cuda, CudaEngine)
    cuda.device.use()
    count = sized(count, count // 500)
    sort = RadixSort(cuda.device, Buffers(cuda.device), "test")
    for seed in range(sized(10, 2)):
        keys = np.random.default_rng(seed).integers(0, min(distinct, 1 << bits), count, np.uint32)
        sorted_keys, places = sort.sort(cuda.xp.asarray(keys), count, bits)
        order = np.argsort(keys, kind="stable")
        assert (host(places)[:count] == order).all()
        assert (host(sorted_keys)[:count] == keys[order]).all()


def test_lists_are_right_and_the_same_every_time(cuda: Engine) -> None:
    """A crowd of small and huge Gaussians: all that float64 finds is listed, and ten times the same lists."""
    assert isinstance(cuda, CudaEngine)
    cuda.device.use()
    maker = Lists(device=cuda.device)
    scene = cloud(sized(100_000, 300), 203, 117, 30.0)
    first = maker.make(scene, 203, 117)
    ids, slots = host(first.list_ids).copy(), host(first.list_slots).copy()
    assert listed(first) >= touched(scene.part(2000), 203, 117)
    for _ in range(10):
        lists = maker.make(scene, 203, 117)
        total = int(host(lists.total)[0])
        assert (host(lists.list_ids)[:total] == ids[:total]).all()
        assert (host(lists.list_slots)[:total] == slots[:total]).all()
