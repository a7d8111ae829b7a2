"""Adam as Kingma and Ba 2015 write it (Algorithm 1), in float64."""

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-15


def adam_step(
    value: Double, first: Double, second: Double, gradient: Double, *, rate: float, step: int
) -> tuple[Double, Double, Double]:
    """New value, first and second moment; ``step`` counts from 1."""
    first = BETA1 * first + (1 - BETA1) * gradient
    second = BETA2 * second + (1 - BETA2) * gradient**2
    unbiased_first, unbiased_second = first / (1 - BETA1**step), second / (1 - BETA2**step)
    return value - rate * unbiased_first / (np.sqrt(unbiased_second) + EPSILON), first, second
