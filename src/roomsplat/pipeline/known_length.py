"""``--scale``: what the user knows of the room's size, as a word and a number such as ``camera-height=1.5``."""

import math
from dataclasses import dataclass
from typing import Literal

from roomsplat.errors import InvalidSettingError

Kind = Literal["camera-height", "path", "factor"]

RANGES: dict[Kind, tuple[float, float]] = {
    "camera-height": (0.1, 20.0),
    "path": (0.1, 100_000.0),
    "factor": (1e-4, 1e4),
}
HINT = (
    "Give camera-height=1.5 (metres above the floor), path=12.3 (metres walked while filming) or factor=0.8 "
    "(metres for one unit of a scene without scale)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLength:
    """A length that is known in metres."""

    kind: Kind
    """``camera-height``: the median height of the camera above the floor; ``path``: the length of its way; ``factor``:
    of one unit of the scene as it is without scale."""
    metres: float
    """Its true length."""

    @classmethod
    def parse(cls, text: str) -> "KnownLength":
        """Read ``camera-height=1.5`` and the like.

        Raises:
            InvalidSettingError: another word, no number, or one that cannot be.
        """
        kind, equals, number = text.partition("=")
        kind = kind.strip()
        if not equals or kind not in RANGES:
            raise InvalidSettingError(f"The scale {text!r} does not say what is known.", hint=HINT)
        try:
            metres = float(number)
        except ValueError:
            metres = math.nan
        low, high = RANGES[kind]
        if not low <= metres <= high:
            raise InvalidSettingError(
                f"The scale {text!r} needs a number of metres from {low:g} to {high:g}.", hint=HINT
            )
        return cls(kind=kind, metres=metres)
