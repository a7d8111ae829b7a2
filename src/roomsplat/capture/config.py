"""What capture takes and what it refuses."""

from dataclasses import dataclass

from roomsplat.errors import InvalidSettingError

DEFAULT_FPS = 2.0
"""Frames kept per second of film where nobody asked for a rate, before ``min_frames`` adapts it to a short film."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureConfig:
    """How many frames are kept, how large they are written, and the limits on what is read."""

    fps: float | None = None
    """Keep this many frames per second of film, at most ``max_frames``; ``None`` takes 2, and more of a short film."""
    frames: int | None = None
    """Keep about this many instead, whatever the length; ``None`` follows ``fps``."""
    min_frames: int = 60
    """A short film gives at least this many, as far as it has them and no ``fps`` is given."""
    max_frames: int = 1000
    """A long film or a large folder gives at most this many: of ten minutes, one every 0.6 s."""
    required_frames: int = 5
    """Fewer usable frames than this end the run: no room can be solved from them."""
    max_side: int = 1920
    """Longer side of the written pictures in px; larger ones are reduced, smaller ones stay."""
    max_bytes: int = 16 * 1024**3
    """Largest film file in bytes (10 minutes of 4K60 from a phone are about 4 GiB)."""
    max_pixels: int = 40_000_000
    """Largest picture in px (8K is 33 million)."""
    max_duration_s: float = 1800.0
    """Longest film in seconds."""
    max_input_frames: int = 250_000
    """Most frames in a film, or pictures in a folder."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InvalidSettingError: a value makes no sense.
        """
        counts = ("min_frames", "max_frames", "required_frames", "max_side", "max_bytes", "max_pixels")
        for name in (*counts, "max_duration_s", "max_input_frames", "fps"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InvalidSettingError(f"capture.{name} is {value}.", hint="Give a number above 0.")
        if self.frames is not None and self.frames < self.required_frames:
            raise InvalidSettingError(
                f"capture.frames is {self.frames}, fewer than a reconstruction needs.",
                hint=f"Ask for at least {self.required_frames} frames.",
            )
        if self.min_frames > self.max_frames:
            raise InvalidSettingError(
                f"capture.min_frames ({self.min_frames}) is above capture.max_frames ({self.max_frames}).",
                hint="Raise max_frames or lower min_frames.",
            )
