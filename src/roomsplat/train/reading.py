"""Pictures from files, a few of them ahead of their use.

A JPEG of 1076x1915 px takes 13 ms to read on one core, a step on a GPU one millisecond: fifty pictures, one after the
other, would be 0.7 s of waiting.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.images import PosedImages
from roomsplat.errors import InvalidFileError
from roomsplat.media.images import read_image, resize_image
from roomsplat.media.masks import Mask, read_mask, shrink_mask

RGB8 = NDArray[np.uint8]
Read = TypeVar("Read")
_MOST_READERS = 8
"""Threads: 8 read fifty pictures in 0.1 s, and hold ten pictures at most that nobody has asked for yet."""
_AHEAD = 2
"""Pictures that wait, beyond one for each thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFiles:
    """Where pictures and masks come from, and the size that they are reduced to."""

    posed: PosedImages
    width: int
    """In px."""
    height: int
    """In px."""

    def read(self, index: int) -> tuple[RGB8, Mask | None]:
        """Picture ``index`` and its mask, (h, w, 3) and (h, w).

        Raises:
            InvalidFileError: one is unreadable or has not its camera's size.
        """
        path = self.posed.image_paths[index]
        image = read_image(path)
        self._check(path, image.shape[:2])
        return resize_image(image, self.width, self.height), self.read_mask(index)

    def read_mask(self, index: int) -> Mask | None:
        """The mask of picture ``index``, ``None`` if it has none.

        Raises:
            InvalidFileError: it is unreadable or has not its camera's size.
        """
        path = self.posed.mask_paths[index]
        if path is None:
            return None
        mask = read_mask(path)
        self._check(path, mask.shape)
        return shrink_mask(mask, self.width, self.height)

    def _check(self, path: object, shape: tuple[int, ...]) -> None:
        wanted = self.posed.cameras.height, self.posed.cameras.width
        if shape != wanted:
            raise InvalidFileError(
                f"{path} is {shape[1]}x{shape[0]} px, but its camera has {wanted[1]}x{wanted[0]}.",
                hint="Use the undistorted pictures that the cameras were solved for.",
            )


class ReadAhead(Generic[Read]):
    """Calls ``read`` in threads for what is expected next; what was not expected is read on the spot."""

    def __init__(self, read: Callable[[int], Read]) -> None:
        """Args: ``read``: from a number to what is wanted; called in any thread. What it raises, ``get`` raises."""
        self._read = read
        self._workers = min(_MOST_READERS, os.cpu_count() or 1)
        self._pool: ThreadPoolExecutor | None = None
        self._queue: deque[int] = deque()
        self._coming: dict[int, Future[Read]] = {}

    def expect(self, numbers: Iterable[int]) -> None:
        """Begin to read what ``get`` will be asked for, in this order; earlier expectations are void."""
        wanted = dict.fromkeys(numbers)
        for number in [n for n in self._coming if n not in wanted]:
            self._coming.pop(number).cancel()
        self._queue = deque(number for number in wanted if number not in self._coming)
        self._begin()

    def get(self, number: int) -> Read:
        """What ``read`` makes of ``number``."""
        coming = self._coming.pop(number, None)
        if coming is not None:
            self._begin()
            return coming.result()
        with suppress(ValueError):
            self._queue.remove(number)
        return self._read(number)

    def close(self) -> None:
        """Forget everything; threads end when they have read what they are at."""
        self._queue.clear()
        self._coming.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _begin(self) -> None:
        while self._queue and len(self._coming) < self._workers + _AHEAD:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="pictures")
            number = self._queue.popleft()
            self._coming[number] = self._pool.submit(self._read, number)
