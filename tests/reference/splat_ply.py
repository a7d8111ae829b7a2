"""A splat PLY written value by value with ``struct``: slow, and every byte can be checked against the layout by eye."""

import struct

from roomsplat.core.gaussians import Gaussians


def property_names(degree: int) -> list[str]:
    """The layout of Kerbl et al. 2023's files, in order."""
    rest = 3 * ((degree + 1) ** 2 - 1)
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    names += [f"f_rest_{i}" for i in range(rest)]
    return [*names, "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]


def row_values(gaussians: Gaussians, index: int) -> list[float]:
    """The values of one row, in that order: higher harmonics all of red, then all of green, then all of blue."""
    values = [float(v) for v in gaussians.means[index]] + [0.0, 0.0, 0.0]
    values += [float(v) for v in gaussians.sh[index, 0]]
    for channel in range(3):
        values += [float(gaussians.sh[index, j, channel]) for j in range(1, gaussians.sh.shape[1])]
    values.append(float(gaussians.opacity_logits[index]))
    values += [float(v) for v in gaussians.log_scales[index]]
    return values + [float(v) for v in gaussians.quats[index]]


def body(gaussians: Gaussians, *, order: str = "<", code: str = "f") -> bytes:
    """All rows; ``order`` and ``code`` as in ``struct``."""
    rows = [row_values(gaussians, i) for i in range(len(gaussians))]
    return b"".join(struct.pack(f"{order}{len(row)}{code}", *row) for row in rows)


def text(gaussians: Gaussians) -> bytes:
    """All rows as text, with the nine digits that give the same float32 again."""
    lines = (" ".join(f"{v:.9g}" for v in row_values(gaussians, i)) for i in range(len(gaussians)))
    return "".join(f"{line}\n" for line in lines).encode()


def header(
    encoding: str, count: int, names: list[str], *, kind: str = "float", newline: str = "\n", extra: str = ""
) -> bytes:
    """A plain header; ``extra`` lines stand before the vertex element."""
    lines = ["ply", f"format {encoding} 1.0", *extra.splitlines(), f"element vertex {count}"]
    lines += [f"property {kind} {name}" for name in names]
    return newline.join([*lines, "end_header", ""]).encode()
