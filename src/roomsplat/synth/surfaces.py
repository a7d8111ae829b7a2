"""Where a point of a patch lies, how it is painted, and how bright its light map is there."""

# pyright: basic
from roomsplat.synth.jit import inner
from roomsplat.synth.materials import reflectance


@inner
def point_at(surfaces, patch, u, v, out):
    """Write position (3) and unit normal (3) at (u, v) in [0, 1]² of ``patch`` into ``out``."""
    first, columns, rows = surfaces.grid[patch, 0], surfaces.grid[patch, 1], surfaces.grid[patch, 2]
    u_knots, v_knots = surfaces.grid[patch, 3], surfaces.grid[patch, 4]
    i = j = 0
    while i < columns - 2 and surfaces.knots[u_knots + i + 1] < u:
        i += 1
    while j < rows - 2 and surfaces.knots[v_knots + j + 1] < v:
        j += 1
    u0, v0 = surfaces.knots[u_knots + i], surfaces.knots[v_knots + j]
    fu = (u - u0) / max(surfaces.knots[u_knots + i + 1] - u0, 1e-9)
    fv = (v - v0) / max(surfaces.knots[v_knots + j + 1] - v0, 1e-9)
    corner = first + j * columns + i
    length = 0.0
    for k in range(6):
        low = surfaces.vertices[corner, k] * (1 - fu) + surfaces.vertices[corner + 1, k] * fu
        above = corner + columns
        high = surfaces.vertices[above, k] * (1 - fu) + surfaces.vertices[above + 1, k] * fu
        out[k] = low * (1 - fv) + high * fv
        if k > 2:
            length += out[k] * out[k]
    length = max(length, 1e-12) ** 0.5
    for k in range(3, 6):
        out[k] /= length


@inner
def paint(surfaces, patch, u, v):
    """Linear reflectance of ``patch`` at (u, v)."""
    width, height = float(surfaces.extent[patch, 0]), float(surfaces.extent[patch, 1])
    c = surfaces.colors[patch]
    return reflectance(
        surfaces.material[patch, 0],
        surfaces.extent[patch, 2] + u * width,
        surfaces.extent[patch, 3] + v * height,
        width,
        height,
        surfaces.material[patch, 2],
        surfaces.material[patch, 1],
        (float(c[0]), float(c[1]), float(c[2])),
        (float(c[3]), float(c[4]), float(c[5])),
    )


@inner
def light_at(surfaces, light, patch, u, v):
    """The light map of ``patch`` at (u, v), between its nodes (the first node is at u = 0, the last at u = 1)."""
    first, width, height = surfaces.light[patch, 0], surfaces.light[patch, 1], surfaces.light[patch, 2]
    x, y = min(max(u, 0.0), 1.0) * (width - 1), min(max(v, 0.0), 1.0) * (height - 1)
    i, j = min(int(x), width - 2), min(int(y), height - 2)
    fx, fy = x - i, y - j
    at = first + j * width + i
    a, b, c, d = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
    return (
        a * light[at, 0] + b * light[at + 1, 0] + c * light[at + width, 0] + d * light[at + width + 1, 0],
        a * light[at, 1] + b * light[at + 1, 1] + c * light[at + width, 1] + d * light[at + width + 1, 1],
        a * light[at, 2] + b * light[at + 1, 2] + c * light[at + width, 2] + d * light[at + width + 1, 2],
    )
