"""Real spherical harmonics up to degree 3: colour from a direction, and back.

The basis is the usual one of splat files (Condon-Shortley phase, order -l … l), its constants written as the formulas
that they are. The degree is a plain number at run time: a loop over coefficients that are not yet trained never starts.
"""

# pyright: basic
import math

from numba import njit

from roomsplat.render import view_array as c
from roomsplat.render.cpu.elementary import INLINE
from roomsplat.render.cpu.layout import MEAN, SH
from roomsplat.render.cpu.memory import load, store
from roomsplat.render.cpu.vectors import sqrt

C0 = math.sqrt(1 / (4 * math.pi))
C1 = math.sqrt(3 / (4 * math.pi))
C2A, C2B, C2C = math.sqrt(15 / (4 * math.pi)), math.sqrt(5 / (16 * math.pi)), math.sqrt(15 / (16 * math.pi))
C3A, C3B, C3C = math.sqrt(35 / (32 * math.pi)), math.sqrt(105 / (4 * math.pi)), math.sqrt(21 / (32 * math.pi))
C3D, C3E = math.sqrt(7 / (16 * math.pi)), math.sqrt(105 / (16 * math.pi))


@njit(**INLINE)
def direction(p, view):
    """Unit direction from the camera's centre to the means, and 1 / distance."""
    x = load(p, MEAN) - view[c.CENTER]
    y = load(p, MEAN + 1) - view[c.CENTER + 1]
    z = load(p, MEAN + 2) - view[c.CENTER + 2]
    inverse = 1.0 / sqrt(x * x + y * y + z * z)
    return x * inverse, y * inverse, z * inverse, inverse


@njit(**INLINE)
def _add(p, k, basis, colour):
    """The colour plus one coefficient's part."""
    row = SH + 3 * k
    red, green, blue = colour
    return red + basis * load(p, row), green + basis * load(p, row + 1), blue + basis * load(p, row + 2)


@njit(**INLINE)
def colour_of(p, degree, x, y, z):
    """0.5 + the sum of coefficients times basis, per channel, not clamped."""
    colour = 0.5 + C0 * load(p, SH), 0.5 + C0 * load(p, SH + 1), 0.5 + C0 * load(p, SH + 2)
    if degree > 0:
        colour = _add(p, 1, -C1 * y, colour)
        colour = _add(p, 2, C1 * z, colour)
        colour = _add(p, 3, -C1 * x, colour)
    if degree > 1:
        xx, yy, zz = x * x, y * y, z * z
        colour = _add(p, 4, C2A * x * y, colour)
        colour = _add(p, 5, -C2A * y * z, colour)
        colour = _add(p, 6, C2B * (2 * zz - xx - yy), colour)
        colour = _add(p, 7, -C2A * x * z, colour)
        colour = _add(p, 8, C2C * (xx - yy), colour)
        if degree > 2:
            colour = _add(p, 9, -C3A * y * (3 * xx - yy), colour)
            colour = _add(p, 10, C3B * x * y * z, colour)
            colour = _add(p, 11, -C3C * y * (4 * zz - xx - yy), colour)
            colour = _add(p, 12, C3D * z * (2 * zz - 3 * xx - 3 * yy), colour)
            colour = _add(p, 13, -C3C * x * (4 * zz - xx - yy), colour)
            colour = _add(p, 14, C3E * z * (xx - yy), colour)
            colour = _add(p, 15, -C3A * x * (xx - 3 * yy), colour)
    return colour


@njit(**INLINE)
def _back(p, gradient, k, basis, slope, incoming, total):
    """One coefficient: store its gradient; ``total`` grows by the direction's, ``slope`` being d basis / d(x, y, z)."""
    row = SH + 3 * k
    red, green, blue = incoming
    store(gradient, row, basis * red)
    store(gradient, row + 1, basis * green)
    store(gradient, row + 2, basis * blue)
    weight = red * load(p, row) + green * load(p, row + 1) + blue * load(p, row + 2)
    return total[0] + weight * slope[0], total[1] + weight * slope[1], total[2] + weight * slope[2]


@njit(**INLINE)
def _second_degree_back(p, gradient, x, y, z, g, d):
    """Coefficients 4 to 8."""
    xx, yy, zz, zero = x * x, y * y, z * z, 0 * x
    d = _back(p, gradient, 4, C2A * x * y, (C2A * y, C2A * x, zero), g, d)
    d = _back(p, gradient, 5, -C2A * y * z, (zero, -C2A * z, -C2A * y), g, d)
    d = _back(p, gradient, 6, C2B * (2 * zz - xx - yy), (-2 * C2B * x, -2 * C2B * y, 4 * C2B * z), g, d)
    d = _back(p, gradient, 7, -C2A * x * z, (-C2A * z, zero, -C2A * x), g, d)
    return _back(p, gradient, 8, C2C * (xx - yy), (2 * C2C * x, -2 * C2C * y, zero), g, d)


@njit(**INLINE)
def _third_degree_back(p, gradient, x, y, z, g, d):
    """Coefficients 9 to 15."""
    xx, yy, zz = x * x, y * y, z * z
    slope = -6 * C3A * x * y, -3 * C3A * (xx - yy), 0 * x
    d = _back(p, gradient, 9, -C3A * y * (3 * xx - yy), slope, g, d)
    d = _back(p, gradient, 10, C3B * x * y * z, (C3B * y * z, C3B * x * z, C3B * x * y), g, d)
    slope = 2 * C3C * x * y, -C3C * (4 * zz - xx - 3 * yy), -8 * C3C * y * z
    d = _back(p, gradient, 11, -C3C * y * (4 * zz - xx - yy), slope, g, d)
    slope = -6 * C3D * x * z, -6 * C3D * y * z, C3D * (6 * zz - 3 * xx - 3 * yy)
    d = _back(p, gradient, 12, C3D * z * (2 * zz - 3 * xx - 3 * yy), slope, g, d)
    slope = -C3C * (4 * zz - 3 * xx - yy), 2 * C3C * x * y, -8 * C3C * x * z
    d = _back(p, gradient, 13, -C3C * x * (4 * zz - xx - yy), slope, g, d)
    d = _back(
        p, gradient, 14, C3E * z * (xx - yy), (2 * C3E * x * z, -2 * C3E * y * z, C3E * (xx - yy)), g, d
    )
    slope = -3 * C3A * (xx - yy), 6 * C3A * x * y, 0 * x
    return _back(p, gradient, 15, -C3A * x * (xx - 3 * yy), slope, g, d)


@njit(**INLINE)
def colour_backward(p, gradient, degree, view, g):
    """Store the coefficients' gradients from the colour's ``g``; return the gradient of the offset mean - centre."""
    x, y, z, inverse = direction(p, view)
    zero = 0 * x
    store(gradient, SH, C0 * g[0])
    store(gradient, SH + 1, C0 * g[1])
    store(gradient, SH + 2, C0 * g[2])
    d = zero, zero, zero
    if degree > 0:
        d = _back(p, gradient, 1, -C1 * y, (zero, zero - C1, zero), g, d)
        d = _back(p, gradient, 2, C1 * z, (zero, zero, zero + C1), g, d)
        d = _back(p, gradient, 3, -C1 * x, (zero - C1, zero, zero), g, d)
    if degree > 1:
        d = _second_degree_back(p, gradient, x, y, z, g, d)
    if degree > 2:
        d = _third_degree_back(p, gradient, x, y, z, g, d)
    along = d[0] * x + d[1] * y + d[2] * z
    return (d[0] - along * x) * inverse, (d[1] - along * y) * inverse, (d[2] - along * z) * inverse
