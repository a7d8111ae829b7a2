"""Tile lists of the CUDA engine, against a test of every pixel of every tile."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.render.cuda import listing
from roomsplat.render.cuda.device import Device
from roomsplat.render.cuda.layout import RECORD_FLOATS, TILE_HEIGHT, TILE_WIDTH
from roomsplat.render.cuda.listing import Lister, TileLists
from roomsplat.render.cuda.memory import Buffers
from roomsplat.render.cuda.sources import kernel_source
from tests.emulator.device import EmulatedDevice
from tests.gpu.machine import host

HIDDEN = 0xFFFFFFFF
LEAST = np.log2(1 / 255)


@dataclass
class Ellipses:
    """Projected Gaussians: records as the kernels take them, and depth keys."""

    records: NDArray[np.float32]
    keys: NDArray[np.uint32]

    def __len__(self) -> int:
        """How many."""
        return len(self.keys)

    def part(self, count: int) -> "Ellipses":
        """The first ones."""
        return Ellipses(self.records[:count], self.keys[:count])


def ellipses(
    centres: NDArray[np.float64],
    sigmas: NDArray[np.float64],
    angles: NDArray[np.float64],
    opacities: NDArray[np.float64],
    depths: NDArray[np.float64],
) -> Ellipses:
    """From centres (n, 2), standard deviations (n, 2) before the low-pass, in px, and the angle of the first axis."""
    cos, sin = np.cos(angles), np.sin(angles)
    axes = np.stack([cos, -sin, sin, cos], -1).reshape(-1, 2, 2)
    covariance = (axes * sigmas[:, None, :] ** 2) @ axes.transpose(0, 2, 1) + 0.3 * np.eye(2)
    conic = np.linalg.inv(covariance) / (2 * np.log(2))
    records = np.full((len(centres), RECORD_FLOATS), np.nan, np.float32)
    records[:, :2] = centres
    records[:, 2], records[:, 3], records[:, 4] = conic[:, 0, 0], 2 * conic[:, 0, 1], conic[:, 1, 1]
    records[:, 5] = np.log2(opacities)
    return Ellipses(records, depths.astype(np.float32).view(np.uint32))


def cloud(
    count: int, width: int, height: int, largest: float, *, thin: float = 1.0, seed: int = 0
) -> Ellipses:
    """Random ones in and around a picture, a fifth of them hidden, many at the same depth."""
    rng = np.random.default_rng(seed)
    sigmas = 10 ** rng.uniform(-1, np.log10(largest), (count, 2))
    sigmas[:, 1] = sigmas[:, 0] * thin if thin < 1 else sigmas[:, 1]
    made = ellipses(
        rng.uniform((-50, -50), (width + 50, height + 50), (count, 2)),
        sigmas,
        rng.uniform(0, np.pi, count),
        rng.uniform(1.01 / 255, 1, count),
        np.round(rng.uniform(0.1, 5, count), 1),
    )
    made.keys[rng.random(count) < 0.2] = HIDDEN
    return made


def one(
    x: float, y: float, sigmas: tuple[float, float], angle: float = 0.0, opacity: float = 0.9
) -> Ellipses:
    """A single one."""
    return ellipses(
        np.array([[x, y]]), np.array([sigmas]), np.array([angle]), np.array([opacity]), np.ones(1)
    )


class Lists:
    """Makes lists on the emulator."""

    def __init__(
        self, seed: int = 0, *, device: Device | None = None, buffers: Buffers | None = None
    ) -> None:
        self.device: Device = device or EmulatedDevice(seed)
        self.lister = Lister(self.device, buffers or Buffers(self.device))

    def make(self, scene: Ellipses, width: int, height: int, *, whole: bool = True) -> TileLists:
        """Lists of a scene; ``whole``: again, until they have room."""
        xp = self.device.xp
        records = xp.empty(max(scene.records.size, 1), np.float32)
        records[: scene.records.size] = xp.asarray(scene.records.ravel())
        keys = xp.empty(max(len(scene), 1), np.uint32)
        keys[: len(scene)] = xp.asarray(scene.keys)
        made = self.lister.lists(records, keys, len(scene), width, height)
        if not (whole and made.overflowed()):
            return made
        self.lister.catch_up()
        return self.make(scene, width, height)


def touched(scene: Ellipses, width: int, height: int) -> set[tuple[int, int]]:
    """(tile, Gaussian) where any pixel's centre has alpha >= 1/255, in float64."""
    columns, rows = -(-width // TILE_WIDTH), -(-height // TILE_HEIGHT)
    y, x = np.mgrid[0 : rows * TILE_HEIGHT, 0 : columns * TILE_WIDTH] + 0.5
    inside = (x < width) & (y < height)
    pairs: set[tuple[int, int]] = set()
    for i in np.flatnonzero(scene.keys != HIDDEN):
        u, v, qa, qb, qc, level = scene.records[i, :6].astype(np.float64)
        dx, dy = x - u, y - v
        reached = inside & (level - (qa * dx * dx + qb * dx * dy + qc * dy * dy) >= LEAST)
        tiles = reached.reshape(rows, TILE_HEIGHT, columns, TILE_WIDTH).any((1, 3)).ravel()
        pairs.update((int(tile), int(i)) for tile in np.flatnonzero(tiles))
    return pairs


def listed(lists: TileLists) -> set[tuple[int, int]]:
    """(tile, Gaussian) of all entries; none is there twice."""
    ids, starts, ends = (host(array) for array in (lists.list_ids, lists.starts, lists.ends))
    entries = [
        (tile, i)
        for tile in range(lists.columns * lists.rows)
        for i in ids[starts[tile] : ends[tile]].tolist()
    ]
    pairs = set(entries)
    assert len(pairs) == len(entries) == host(lists.total)[0]
    return pairs


def check_pairs(scene: Ellipses, width: int, height: int, *, surplus: float, seed: int = 0) -> TileLists:
    """All that is touched is listed, and little else."""
    lists = Lists(seed).make(scene, width, height)
    wanted, got = touched(scene, width, height), listed(lists)
    assert wanted <= got
    assert len(got) <= (1 + surplus) * len(wanted)
    return lists


@pytest.mark.parametrize(("width", "height"), [(203, 117), (64, 48), (7, 90), (90, 3)])
@pytest.mark.parametrize(("largest", "thin"), [(1.5, 1.0), (12.0, 1.0), (300.0, 1.0), (300.0, 0.01)])
def test_lists_hold_what_reaches_a_pixel(width: int, height: int, largest: float, thin: float) -> None:
    """Small and huge, round and thin, on partial tiles too: no pair is missing and at most a twentieth is surplus."""
    check_pairs(cloud(400, width, height, largest, thin=thin), width, height, surplus=0.05, seed=width)


@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4, 1.2, np.pi / 2, 2.0])
@pytest.mark.parametrize("length", [50.0, 1000.0])
def test_needles_are_followed_along_their_length(angle: float, length: float) -> None:
    """A needle a thousand pixels long and half a pixel wide is listed where it passes, at any angle."""
    check_pairs(one(150.3, 90.7, (length, 0.0), angle), 300, 200, surplus=0.1)


@pytest.mark.parametrize("angle", np.linspace(0.05, 3.1, 9))
def test_a_needles_far_end_is_found(angle: float) -> None:
    """The tip of a needle 3,000 px from its centre is where float64 finds it: no cancellation in its determinant."""
    reach = 1000 * np.sqrt(2 * np.log(0.9 * 255))
    x, y = 150 - reach * np.cos(angle), 100 - reach * np.sin(angle)
    # At the tip it passes between the centres of pixels: a few tiles of twenty are surplus.
    check_pairs(one(x, y, (1000.0, 0.0), angle), 300, 200, surplus=0.25)


@pytest.mark.parametrize("x", [-9000.0, -350.5, 320.0, 9000.0])
def test_a_huge_gaussian_reaches_in_from_outside(x: float) -> None:
    """Wherever the centre lies, the tiles that its ellipse covers are listed, by the whole warp."""
    check_pairs(one(x, 100.2, (3000.0, 2500.0), 0.5), 640, 400, surplus=0.01)


def test_one_that_fills_the_screen_is_in_every_tile() -> None:
    """All tiles, once each, in the order of rows."""
    lists = Lists().make(one(200, 150, (5000.0, 5000.0)), 403, 305)
    tiles = lists.columns * lists.rows
    assert (lists.columns, lists.rows) == (51, -(-305 // TILE_HEIGHT))
    assert lists.total.tolist() == [tiles, tiles]
    assert lists.list_slots[:tiles].tolist() == list(range(tiles))
    assert lists.starts.tolist() == list(range(tiles))


@pytest.mark.parametrize("opacity", [1.01 / 255, 0.02, 1.0])
def test_subpixel_gaussians_keep_their_pixel(opacity: float) -> None:
    """A point at a pixel's centre is listed at the lowest opacity that is drawn, at a corner of four tiles as well."""
    for x, y in [(0.5, 0.5), (7.5, TILE_HEIGHT - 0.5), (8.5, TILE_HEIGHT + 0.5), (20.5, 18.5)]:
        scene = one(x, y, (0.0, 0.0), opacity=opacity)
        lists = Lists().make(scene, 21, 19)
        pixel_tile = int(y // TILE_HEIGHT) * lists.columns + int(x // TILE_WIDTH)
        assert touched(scene, 21, 19) <= listed(lists)
        assert (pixel_tile, 0) in listed(lists)


def test_lists_go_from_front_to_back() -> None:
    """In each tile by depth, equal depths as they are stored; ``order`` is that of all, the hidden last."""
    scene = cloud(1500, 160, 120, 20.0)
    lists = Lists(seed=1).make(scene, 160, 120)
    expected = np.argsort(scene.keys, kind="stable")
    assert (lists.order[:1500] == expected).all()
    rank = np.argsort(expected)
    for tile in range(lists.columns * lists.rows):
        ranks = rank[lists.list_ids[lists.starts[tile] : lists.ends[tile]]]
        assert (np.diff(ranks) > 0).all()


def test_every_pair_has_a_slot_among_its_gaussians() -> None:
    """Slots of the entries are a permutation, in each Gaussian's own range; the ranges follow each other by depth."""
    scene = cloud(1500, 160, 120, 20.0)
    lists = Lists().make(scene, 160, 120)
    total = int(lists.total[0])
    slots, ids = lists.list_slots[:total], lists.list_ids[:total]
    assert sorted(slots.tolist()) == list(range(total))
    starts, counts = lists.slot_starts[ids], lists.slot_counts[ids]
    assert ((starts <= slots) & (slots < starts + counts)).all()
    assert (np.bincount(ids, minlength=1500) == lists.slot_counts[:1500]).all()
    assert (lists.slot_counts[:1500][scene.keys == HIDDEN] == 0).all()
    drawn = lists.order[:1500][lists.slot_counts[lists.order[:1500]] > 0]
    assert (lists.slot_starts[drawn] == np.cumsum(lists.slot_counts[drawn]) - lists.slot_counts[drawn]).all()


def test_too_short_lists_lack_the_farthest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists without room keep the nearest pairs, tell how many there are, and have room two views later."""
    scene = cloud(700, 300, 200, 40.0)
    full = Lists().make(scene, 300, 200)
    wanted = int(full.total[0])
    monkeypatch.setattr(listing, "FIRST_PAIRS_EACH", 3)
    monkeypatch.setattr(listing, "FIRST_PAIRS", 1)
    maker = Lists()
    short = maker.make(scene, 300, 200, whole=False)
    assert short.capacity == 2100 < wanted
    assert short.total.tolist() == [2100, wanted]
    assert short.overflowed()
    kept = full.list_slots[:wanted] < 2100
    assert (short.list_slots[:2100] == full.list_slots[:wanted][kept]).all()
    assert (short.list_ids[:2100] == full.list_ids[:wanted][kept]).all()
    assert (short.slot_counts == np.bincount(short.list_ids[:2100], minlength=700)).all()
    assert len(listed(short)) == 2100
    assert maker.make(scene, 300, 200, whole=False).overflowed(), "a view's count is not waited for"
    again = maker.make(scene, 300, 200, whole=False)
    assert not again.overflowed()
    assert again.capacity == int(listing.SPARE * wanted)
    assert (again.list_ids[:wanted] == full.list_ids[:wanted]).all()


@pytest.mark.parametrize("largest", [5.0, 2000.0])
def test_nothing_is_written_beyond_the_room(largest: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs that have no room, of small Gaussians and of huge ones, leave the memory behind the lists alone."""
    monkeypatch.setattr(listing, "FIRST_PAIRS_EACH", 0)
    monkeypatch.setattr(listing, "FIRST_PAIRS", 77)
    device = EmulatedDevice()
    buffers = Buffers(device)
    names = {"lists.pair_tiles": np.uint32, "lists.owners": np.int32, "lists.list_ids": np.int32}
    behind = [buffers.get(name, 50_000, dtype)[77:] for name, dtype in names.items()]
    maker = Lists(device=device, buffers=buffers)
    lists = maker.make(cloud(300, 300, 200, largest), 300, 200, whole=False)
    assert lists.total[0] == 77 < lists.total[1]
    for array in behind:
        assert (array.view(np.int32) == -1).all()


LOOK_BACK = """
extern "C" __global__ void look_back(const uint* status, int count, uint* sums) {
    for (int block = 1; block < count; block++) {
        const uint sum = pairs_before(status, block);
        if (threadIdx.x == 0) sums[block] = sum;
    }
}
"""


@pytest.mark.parametrize("known", [(0,), (0, 1, 2, 99), (0, 31, 32, 33, 64), (0, 60, 61, 98, 99)])
def test_looking_back_adds_what_is_known(known: tuple[int, ...]) -> None:
    """Blocks that know only their own pairs are added one by one, up to the nearest that knows all before it."""
    device = EmulatedDevice(seed=5)
    counts = np.random.default_rng(len(known)).integers(0, 1000, 100, np.uint32)
    status = device.xp.empty(100, np.uint32)
    status[:] = counts | 1 << 30
    status[list(known)] = np.cumsum(counts)[list(known)] | 2 << 30
    sums = device.xp.zeros(100, np.uint32)
    source = kernel_source("tiles.cu", {"TILE_HEIGHT": TILE_HEIGHT}) + LOOK_BACK
    device.kernel_of(source, "look_back")((1,), (32,), (status, np.int32(100), sums))
    assert (sums[1:] == np.cumsum(counts)[:-1]).all()


def test_counts_stop_at_thirty_bits() -> None:
    """More pairs than a status word can hold are told as 2^30 - 1, not as a few."""
    device = EmulatedDevice()
    status = device.xp.empty(100, np.uint32)
    status[:] = 0x3FFFFFF0 | 1 << 30
    status[0] = 5 | 2 << 30
    sums = device.xp.zeros(100, np.uint32)
    source = kernel_source("tiles.cu", {"TILE_HEIGHT": TILE_HEIGHT}) + LOOK_BACK
    device.kernel_of(source, "look_back")((1,), (32,), (status, np.int32(100), sums))
    assert sums[1:3].tolist() == [5, 0x3FFFFFF5]
    assert (sums[3:] == 0x3FFFFFFF).all()


def test_nothing_to_draw_gives_empty_lists() -> None:
    """No Gaussians, hidden ones only, or ones outside the picture: every list is empty, also after full ones."""
    maker = Lists()
    for scene in (
        cloud(300, 100, 80, 9.0),
        cloud(0, 100, 80, 9.0),
        one(-400, 20, (3.0, 3.0)),
        cloud(300, 100, 80, 9.0),
    ):
        empty = len(scene) < 2
        lists = maker.make(scene, 100, 80)
        assert (lists.total[0] == 0) == empty
        assert (lists.starts[:] >= lists.ends[:]).all() == empty
    hidden = cloud(300, 100, 80, 9.0)
    hidden.keys[:] = HIDDEN
    lists = maker.make(hidden, 100, 80)
    assert lists.total.tolist() == [0, 0]
    assert (lists.slot_counts[:300] == 0).all()


def test_sizes_may_change_from_view_to_view() -> None:
    """One lister serves pictures and scenes of any size in turn, each as a fresh one would."""
    maker = Lists()
    for count, width, height in [(900, 90, 70), (200, 40, 30), (900, 90, 70), (1200, 33, 200), (1, 8, 8)]:
        scene = cloud(count, width, height, 15.0)
        lists, fresh = maker.make(scene, width, height), Lists().make(scene, width, height)
        assert (lists.total == fresh.total).all()
        total = int(fresh.total[0])
        assert (lists.list_slots[:total] == fresh.list_slots[:total]).all()
        assert (lists.list_ids[:total] == fresh.list_ids[:total]).all()
        assert (lists.ends == fresh.ends).all()
        drawn = fresh.ends > 0
        assert (lists.starts[drawn] == fresh.starts[drawn]).all()
        assert (lists.starts[~drawn] == lists.capacity).all()


@pytest.mark.parametrize("seed", [1, 2, 7])
def test_lists_do_not_depend_on_the_order_of_threads(seed: int) -> None:
    """The emulator runs threads in another order and every array is the same, bit for bit."""
    scene = cloud(600, 200, 150, 100.0)
    first, other = Lists(0).make(scene, 200, 150), Lists(seed).make(scene, 200, 150)
    total = int(first.total[0])
    for name in ("order", "slot_starts", "slot_counts", "total", "starts", "ends"):
        assert (getattr(first, name) == getattr(other, name)).all()
    for name in ("list_slots", "list_ids"):
        assert (getattr(first, name)[:total] == getattr(other, name)[:total]).all()
