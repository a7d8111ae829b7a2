"""Which tiles a Gaussian touches: per-tile lists in depth order, and a gradient slot for every (Gaussian, tile) pair.

Two passes over the depth-sorted Gaussians, each thread with a run of them: the first counts and remembers the tiles,
the second writes each pair to its place in the tile's list. Runs keep their order, so every list is sorted by depth for
any number of threads. Slots are numbered by Gaussian in memory order, so that the optimiser reads them as one stream.
"""

# pyright: basic
import math

import numpy as np
from numba import njit, prange

from roomsplat.render.cpu.elementary import INLINE, PARALLEL, SERIAL, WORKER
from roomsplat.render.cpu.memory import prefetch, take_next
from roomsplat.render.cpu.projection import EXTENT_X, EXTENT_Y, HALF_A, HALF_C, TAU, B, U, V

TILE = 16
_EDGE = np.float32(0.499)
"""A pixel's centre is half a pixel inside its edge; what reaches the edge only is not touched (0.001 px of margin)."""
_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)
_PER_TILE = np.float32(1 / TILE)
PREFETCH_DISTANCE = 12


@njit(**INLINE)
def _first_tile(low, count):
    """The first tile whose pixels reach ``low`` (px)."""
    return np.int64(min(max((low + _EDGE) * _PER_TILE, _ZERO), np.float32(count)))


@njit(**INLINE)
def _end_tile(high, count):
    """One past the last tile whose pixels reach down to ``high`` (px)."""
    return np.int64(min(max((high - _EDGE) * _PER_TILE + _ONE, _ZERO), np.float32(count)))


@njit(**INLINE)
def _span(r, low, high, columns):
    """Tiles of one row of tiles that the ellipse touches, its rows ``low`` to ``high`` px from the centre."""
    a, b, c, reach_y = _TWO * r[HALF_A], r[B], _TWO * r[HALF_C], r[EXTENT_Y]
    low, high = max(low, -reach_y), min(high, reach_y)
    if low > high:
        return 0, 0
    height_of_right = -b / c * r[EXTENT_X]
    at_right = min(max(height_of_right, low), high)
    at_left = min(max(-height_of_right, low), high)
    size, slope, inverse = _TWO * a * r[TAU], a * c - b * b, np.float32(1) / a
    right = (-b * at_right + math.sqrt(max(size - slope * at_right * at_right, _ZERO))) * inverse
    left = (-b * at_left - math.sqrt(max(size - slope * at_left * at_left, _ZERO))) * inverse
    return _first_tile(r[U] + left, columns), _end_tile(r[U] + right, columns)


@njit(**INLINE)
def _note(tiles, found, tile, counts):
    """Count a pair and remember its tile, where there is room left."""
    counts[tile] += np.uint32(1)
    if found < len(tiles):
        tiles[found] = tile
    return found + 1


@njit(**WORKER)
def _touched_tiles(r, columns, rows, tiles, found, counts):
    """Append the tiles of one record; returns how many have been found so far."""
    top, bottom = _first_tile(r[V] - r[EXTENT_Y], rows), _end_tile(r[V] + r[EXTENT_Y], rows)
    left, right = _first_tile(r[U] - r[EXTENT_X], columns), _end_tile(r[U] + r[EXTENT_X], columns)
    exact = bottom - top > 1 and right - left > 1
    for row in range(top, bottom):
        first, end = left, right
        if exact:
            low = np.float32(row * TILE) + np.float32(0.5) - r[V]
            first, end = _span(r, low, low + np.float32(TILE - 1), columns)
        for column in range(first, end):
            found = _note(tiles, found, np.uint32(row * columns + column), counts)
    return found


@njit(**WORKER)
def _count_run(records, order, first, last, columns, rows, tiles, counts, slot_counts):
    """One run of the first pass; returns its number of pairs."""
    counts[:] = np.uint32(0)
    found = 0
    for k in range(first, last):
        if k + PREFETCH_DISTANCE < last:
            prefetch(records, order[k + PREFETCH_DISTANCE])
        before = found
        found = _touched_tiles(records[order[k]], columns, rows, tiles, found, counts)
        slot_counts[order[k]] = np.uint32(found - before)
    return found


@njit(**PARALLEL)
def count_pairs(records, order, count, columns, rows, tiles, counts, slot_counts, found, counter, threads):
    """First pass.

    Args: ``records``; ``order`` front to back, ``count`` of them; the picture's size in tiles; out: ``tiles``
    (runs, room) uint32, each run's tiles; ``counts`` (runs, tiles) uint32; ``slot_counts`` per Gaussian; ``found``
    (runs,) int64. A run that finds more than there is room for has to be repeated with more.
    """
    runs = len(found)
    for _ in prange(threads):
        while True:
            run = take_next(counter)
            if run >= runs:
                break
            first, last = count * run // runs, count * (run + 1) // runs
            found[run] = _count_run(
                records, order, first, last, columns, rows, tiles[run], counts[run], slot_counts
            )


@njit(**SERIAL)
def number_pairs(visible, count, counts, starts, slot_counts, slot_starts):
    """Running sums: where each tile's list, each run's part of it, and each Gaussian's slots begin."""
    place = np.uint32(0)
    for tile in range(counts.shape[1]):
        starts[tile] = place
        for run in range(counts.shape[0]):
            counts[run, tile], place = place, place + counts[run, tile]
    starts[counts.shape[1]] = place
    place = np.uint32(0)
    for j in range(count):
        slot_starts[visible[j]] = place
        place += slot_counts[visible[j]]


@njit(**WORKER)
def _write_run(order, first, last, tiles, places, slot_counts, slot_starts, pair_ids, pair_slots):
    """One run of the second pass."""
    k = 0
    for j in range(first, last):
        gaussian = order[j]
        slot = slot_starts[gaussian]
        for _ in range(slot_counts[gaussian]):
            place = places[tiles[k]]
            places[tiles[k]] = place + np.uint32(1)
            pair_ids[place], pair_slots[place] = gaussian, slot
            slot += np.uint32(1)
            k += 1


@njit(**PARALLEL)
def write_pairs(
    order, count, tiles, counts, slot_counts, slot_starts, pair_ids, pair_slots, counter, threads
):
    """Second pass: ``pair_ids`` and ``pair_slots`` (pairs,) uint32, the lists of all tiles one after the other."""
    runs = len(counts)
    for _ in prange(threads):
        while True:
            run = take_next(counter)
            if run >= runs:
                break
            first, last = count * run // runs, count * (run + 1) // runs
            _write_run(
                order, first, last, tiles[run], counts[run], slot_counts, slot_starts, pair_ids, pair_slots
            )
