"""Which training picture is shown when."""

import numpy as np
from numpy.typing import NDArray

from roomsplat.train.pictures import Pictures


class Order:
    """Each picture once per pass, in an order that seed and pass decide."""

    def __init__(self, pictures: Pictures, indices: NDArray[np.integer], seed: int) -> None:
        """``indices``: of the training pictures."""
        self._pictures, self._indices, self._seed = pictures, indices, seed
        self._turn, self._places = -1, np.zeros(0, np.int64)

    def of_turn(self, turn: int) -> list[int]:
        """The pictures of one pass."""
        return self._indices[self._shuffled(turn)].tolist()

    def place(self, step: int) -> int:
        """The picture's place among the training pictures. At the start of a pass its pictures are read ahead."""
        turn, place = divmod(step, len(self._indices))
        if turn != self._turn:
            self._turn, self._places = turn, self._shuffled(turn)
            self._pictures.expect(self.of_turn(turn))
        return int(self._places[place])

    def _shuffled(self, turn: int) -> NDArray[np.int64]:
        return np.random.default_rng((self._seed, 1, turn)).permutation(len(self._indices))
