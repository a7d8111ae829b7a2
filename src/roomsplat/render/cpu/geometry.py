"""From a Gaussian in the world to its ellipse on the screen: the steps that forward and backward share.

EWA splatting (Zwicker et al. 2001) as in Kerbl et al. 2023, section 4. Everything here is vectors of sixteen Gaussians,
inlined into the kernels; ``view`` is the array of ``render/view_array.py``, ``p`` one block of parameters.
"""

# pyright: basic
from numba import njit

from roomsplat.render import view_array as c
from roomsplat.render.cpu.elementary import INLINE, exp, rotation_matrix, unit_quaternion
from roomsplat.render.cpu.layout import MEAN, QUAT, SCALE
from roomsplat.render.cpu.memory import load
from roomsplat.render.cpu.vectors import maximum, minimum

_R, _T = c.ROTATION, c.TRANSLATION


@njit(**INLINE)
def camera_position(p, view):
    """The means in camera axes."""
    mx, my, mz = load(p, MEAN), load(p, MEAN + 1), load(p, MEAN + 2)
    x = view[_R] * mx + view[_R + 1] * my + view[_R + 2] * mz + view[_T]
    y = view[_R + 3] * mx + view[_R + 4] * my + view[_R + 5] * mz + view[_T + 1]
    z = view[_R + 6] * mx + view[_R + 7] * my + view[_R + 8] * mz + view[_T + 2]
    return x, y, z


@njit(**INLINE)
def clamped_slopes(view, x_slope, y_slope):
    """x/z and y/z within the limits at which the projection may be taken as linear."""
    return (
        minimum(maximum(x_slope, view[c.X_LOW]), view[c.X_HIGH]),
        minimum(maximum(y_slope, view[c.Y_LOW]), view[c.Y_HIGH]),
    )


@njit(**INLINE)
def within_guard_band(view, x_slope, y_slope):
    """Whether the centre lies within twice the limits; outside, the linear projection says nothing."""
    inside_x = (x_slope > 2 * view[c.X_LOW]) & (x_slope < 2 * view[c.X_HIGH])
    inside_y = (y_slope > 2 * view[c.Y_LOW]) & (y_slope < 2 * view[c.Y_HIGH])
    return inside_x & inside_y


@njit(**INLINE)
def screen_from_world(view, x_slope, y_slope, inverse_z):
    """J·R, (2, 3) row by row: how a small step in the world moves on the screen (slopes already clamped)."""
    j0, j2 = view[c.FX] * inverse_z, -view[c.FX] * x_slope * inverse_z
    k1, k2 = view[c.FY] * inverse_z, -view[c.FY] * y_slope * inverse_z
    return (
        j0 * view[_R] + j2 * view[_R + 6],
        j0 * view[_R + 1] + j2 * view[_R + 7],
        j0 * view[_R + 2] + j2 * view[_R + 8],
        k1 * view[_R + 3] + k2 * view[_R + 6],
        k1 * view[_R + 4] + k2 * view[_R + 7],
        k1 * view[_R + 5] + k2 * view[_R + 8],
    )


@njit(**INLINE)
def own_axes(p):
    """Unit quaternion (and its inverse length), rotation matrix and scales of the block's Gaussians."""
    q = unit_quaternion(load(p, QUAT), load(p, QUAT + 1), load(p, QUAT + 2), load(p, QUAT + 3))
    scales = exp(load(p, SCALE)), exp(load(p, SCALE + 1)), exp(load(p, SCALE + 2))
    return q, rotation_matrix(q[0], q[1], q[2], q[3]), scales


@njit(**INLINE)
def axes_on_screen(u, r):
    """(2, 3): the directions of the Gaussians' own axes on the screen, U·R."""
    return (
        u[0] * r[0] + u[1] * r[3] + u[2] * r[6],
        u[0] * r[1] + u[1] * r[4] + u[2] * r[7],
        u[0] * r[2] + u[1] * r[5] + u[2] * r[8],
        u[3] * r[0] + u[4] * r[3] + u[5] * r[6],
        u[3] * r[1] + u[4] * r[4] + u[5] * r[7],
        u[3] * r[2] + u[4] * r[5] + u[5] * r[8],
    )


@njit(**INLINE)
def screen_covariance(v, s):
    """Covariance in px² before the low-pass: xx, xy, yy and the determinant.

    The determinant is the squared length of a cross product (Cauchy-Binet): xx · yy - xy² would lose all digits on a
    Gaussian that is long and thin.
    """
    b00, b01, b02 = v[0] * s[0], v[1] * s[1], v[2] * s[2]
    b10, b11, b12 = v[3] * s[0], v[4] * s[1], v[5] * s[2]
    n0, n1, n2 = b01 * b12 - b02 * b11, b02 * b10 - b00 * b12, b00 * b11 - b01 * b10
    xx = b00 * b00 + b01 * b01 + b02 * b02
    xy = b00 * b10 + b01 * b11 + b02 * b12
    yy = b10 * b10 + b11 * b11 + b12 * b12
    return xx, xy, yy, n0 * n0 + n1 * n1 + n2 * n2


@njit(**INLINE)
def low_pass(xx, yy, determinant):
    """Add the low-pass to the diagonal: xx, yy and the new determinant."""
    wider = determinant + c.LOW_PASS * (xx + yy) + c.LOW_PASS * c.LOW_PASS
    return xx + c.LOW_PASS, yy + c.LOW_PASS, wider
