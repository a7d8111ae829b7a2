"""A tree of boxes over triangles, and the two questions that rays ask of it: what is first, and is anything between.

Built top-down with the surface-area heuristic over 16 bins (Wald 2007, On fast Construction of SAH-based Bounding
Volume Hierarchies). Each node holds both children's boxes, so one visit decides both. Möller and Trumbore's
intersection (1997). Plain IEEE arithmetic without fastmath: the same film on every machine.
"""

# pyright: basic
import numpy as np
from numpy.typing import NDArray

from roomsplat.synth.jit import inner, kernel

BINS = 16
LEAF_SIZE = 4
STACK_SIZE = 64
EDGE_SLACK = np.float32(1e-5)  # widens triangles a hair, so that no ray slips between neighbours
FAR = np.float32(1e30)


def build_tree(
    triangles: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
    """A tree over (t, 9) triangles (a corner and two edges), t ≥ 1: boxes, links, order.

    ``boxes`` (nodes, 12) holds min and max of the left child, then of the right. ``links`` (nodes, 2) names, per child,
    a node, or is -1 - (first triangle * 8 + count) for a leaf. The tree speaks of ``triangles[order]``.
    """
    first = triangles[:, :3]
    corners = np.stack([first, first + triangles[:, 3:6], first + triangles[:, 6:]], axis=1)
    low, high = corners.min(axis=1), corners.max(axis=1)
    return _build(low, high, (low + high) * np.float32(0.5))


@inner
def _half_area(low, high):
    d0, d1, d2 = high[0] - low[0], high[1] - low[1], high[2] - low[2]
    if d0 < 0:
        return np.float32(0.0)
    return d0 * d1 + d1 * d2 + d2 * d0


@inner
def _bounds(low, high, order, start, stop, out_low, out_high):
    out_low[:] = FAR
    out_high[:] = -FAR
    for i in range(start, stop):
        for k in range(3):
            out_low[k] = min(out_low[k], low[order[i], k])
            out_high[k] = max(out_high[k], high[order[i], k])


@inner
def _best_split(low, high, middle, order, start, stop):
    """The axis and the value that cost least, by binning centroids; axis -1 when all centroids coincide."""
    best_cost, best_axis, best_value = np.float32(np.inf), -1, np.float32(0.0)
    bin_low, bin_high = np.empty((BINS, 3), np.float32), np.empty((BINS, 3), np.float32)
    left_low, left_high = np.empty(3, np.float32), np.empty(3, np.float32)
    costs = np.empty(BINS, np.float32)
    counts = np.empty(BINS, np.int64)
    for axis in range(3):
        first, last = FAR, -FAR
        for i in range(start, stop):
            first, last = min(first, middle[order[i], axis]), max(last, middle[order[i], axis])
        if last - first < 1e-6:
            continue
        scale = BINS * np.float32(0.9999) / (last - first)
        bin_low[:], bin_high[:], counts[:] = FAR, -FAR, 0
        for i in range(start, stop):
            b = int((middle[order[i], axis] - first) * scale)
            counts[b] += 1
            for k in range(3):
                bin_low[b, k] = min(bin_low[b, k], low[order[i], k])
                bin_high[b, k] = max(bin_high[b, k], high[order[i], k])
        left_low[:], left_high[:], total = FAR, -FAR, 0
        for b in range(BINS - 1):
            total += counts[b]
            for k in range(3):
                left_low[k], left_high[k] = min(left_low[k], bin_low[b, k]), max(left_high[k], bin_high[b, k])
            costs[b] = total * _half_area(left_low, left_high)
        left_low[:], left_high[:], total = FAR, -FAR, 0
        for b in range(BINS - 1, 0, -1):
            total += counts[b]
            for k in range(3):
                left_low[k], left_high[k] = min(left_low[k], bin_low[b, k]), max(left_high[k], bin_high[b, k])
            cost = costs[b - 1] + total * _half_area(left_low, left_high)
            if cost < best_cost and 0 < total < stop - start:
                best_cost, best_axis, best_value = cost, axis, first + b / scale
    return best_axis, best_value


@inner
def _partition(middle, order, start, stop, axis, value):
    split = start
    for i in range(start, stop):
        if middle[order[i], axis] < value:
            order[i], order[split] = order[split], order[i]
            split += 1
    return split


@kernel
def _build(low, high, middle):
    count = len(low)
    order = np.arange(count)
    boxes = np.empty((2 * count + 1, 12), np.float32)
    links = np.empty((2 * count + 1, 2), np.int32)
    pending = np.empty((2 * count + 2, 3), np.int64)
    pending[0] = 0, 0, count
    waiting, nodes = 1, 1
    while waiting > 0:
        waiting -= 1
        node, start, stop = pending[waiting]
        axis, value = _best_split(low, high, middle, order, start, stop)
        split = (start + stop) // 2 if axis < 0 else _partition(middle, order, start, stop, axis, value)
        if split in (start, stop):
            split = (start + stop) // 2
        for side in range(2):
            first, last = (start, split) if side == 0 else (split, stop)
            _bounds(
                low,
                high,
                order,
                first,
                last,
                boxes[node, 6 * side : 6 * side + 3],
                boxes[node, 6 * side + 3 : 6 * side + 6],
            )
            if last - first <= LEAF_SIZE:
                links[node, side] = -1 - (first * 8 + last - first)
            else:
                links[node, side] = nodes
                pending[waiting] = nodes, first, last
                waiting, nodes = waiting + 1, nodes + 1
    return boxes[:nodes].copy(), links[:nodes].copy(), order


@inner
def intersect(triangles, index, ox, oy, oz, dx, dy, dz):
    """(distance or FAR, b1, b2) of one triangle; corner 0 has weight 1 - b1 - b2."""
    ax, ay, az = triangles[index, 3], triangles[index, 4], triangles[index, 5]
    bx, by, bz = triangles[index, 6], triangles[index, 7], triangles[index, 8]
    px, py, pz = dy * bz - dz * by, dz * bx - dx * bz, dx * by - dy * bx
    inverse = np.float32(1.0) / (ax * px + ay * py + az * pz)
    tx, ty, tz = ox - triangles[index, 0], oy - triangles[index, 1], oz - triangles[index, 2]
    b1 = (tx * px + ty * py + tz * pz) * inverse
    qx, qy, qz = ty * az - tz * ay, tz * ax - tx * az, tx * ay - ty * ax
    b2 = (dx * qx + dy * qy + dz * qz) * inverse
    distance = (bx * qx + by * qy + bz * qz) * inverse
    if b1 >= -EDGE_SLACK and b2 >= -EDGE_SLACK and b1 + b2 <= np.float32(1.0) + EDGE_SLACK and distance > 0:
        return distance, b1, b2
    return FAR, b1, b2


@inner
def _enter(boxes, node, side, ox, oy, oz, ix, iy, iz, limit):
    """Where the ray enters a child's box, or FAR when it misses it or enters beyond ``limit``."""
    base = 6 * side
    x0, x1 = (boxes[node, base] - ox) * ix, (boxes[node, base + 3] - ox) * ix
    y0, y1 = (boxes[node, base + 1] - oy) * iy, (boxes[node, base + 4] - oy) * iy
    z0, z1 = (boxes[node, base + 2] - oz) * iz, (boxes[node, base + 5] - oz) * iz
    enter = max(max(min(x0, x1), min(y0, y1)), max(min(z0, z1), np.float32(0.0)))
    leave = min(min(max(x0, x1), max(y0, y1)), max(z0, z1)) * np.float32(1.00001)
    return enter if enter <= leave and enter < limit else FAR


@inner
def _inverse(d):
    small = np.float32(1e-12)
    return np.float32(1.0) / (d if abs(d) > small else small)


@kernel
def closest_hit(boxes, links, triangles, stack, ox, oy, oz, dx, dy, dz, limit, hint):
    """(triangle or -1, distance, b1, b2) of the first hit nearer than ``limit``.

    ``hint`` is a triangle that the neighbouring ray hit, or -1: tried first, it prunes most of the tree.
    """
    best, best_b1, best_b2 = -1, np.float32(0.0), np.float32(0.0)
    if hint >= 0:
        distance, b1, b2 = intersect(triangles, hint, ox, oy, oz, dx, dy, dz)
        if distance < limit:
            best, limit, best_b1, best_b2 = hint, distance, b1, b2
    ix, iy, iz = _inverse(dx), _inverse(dy), _inverse(dz)
    stack[0], top = 0, 1
    while top > 0:
        top -= 1
        link = stack[top]
        if link < 0:
            start, count = (-1 - link) >> 3, (-1 - link) & 7
            for index in range(start, start + count):
                distance, b1, b2 = intersect(triangles, index, ox, oy, oz, dx, dy, dz)
                if distance < limit:
                    best, limit, best_b1, best_b2 = index, distance, b1, b2
            continue
        left = _enter(boxes, link, 0, ox, oy, oz, ix, iy, iz, limit)
        right = _enter(boxes, link, 1, ox, oy, oz, ix, iy, iz, limit)
        near = 0 if left <= right else 1
        if max(left, right) < FAR:
            stack[top] = links[link, 1 - near]
            top += 1
        if min(left, right) < FAR:
            stack[top] = links[link, near]
            top += 1
    return best, limit, best_b1, best_b2


@kernel
def is_blocked(boxes, links, triangles, stack, ox, oy, oz, dx, dy, dz, limit):
    """Whether anything lies nearer than ``limit`` along the ray."""
    ix, iy, iz = _inverse(dx), _inverse(dy), _inverse(dz)
    stack[0], top = 0, 1
    while top > 0:
        top -= 1
        link = stack[top]
        if link < 0:
            start, count = (-1 - link) >> 3, (-1 - link) & 7
            for index in range(start, start + count):
                if intersect(triangles, index, ox, oy, oz, dx, dy, dz)[0] < limit:
                    return True
            continue
        for side in range(2):
            if _enter(boxes, link, side, ox, oy, oz, ix, iy, iz, limit) < FAR:
                stack[top] = links[link, side]
                top += 1
    return False
