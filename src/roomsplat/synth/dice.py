"""Chance that is the same on every machine and in every version."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Random choices for the design of a room. Only ``random.Random.random``, whose sequence Python guarantees."""

    def __init__(self, seed: int) -> None:
        """Start the sequence of ``seed``."""
        self._source = random.Random(seed)  # noqa: S311 - a design, not a secret

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self._source.random()

    def whole(self, count: int) -> int:
        """An integer in [0, count)."""
        return int(self._source.random() * count)

    def pick(self, options: Sequence[T]) -> T:
        """One of ``options``."""
        return options[self.whole(len(options))]

    def seed(self) -> int:
        """A seed for a texture."""
        return self.whole(60000)
