"""How a stage tells what it is doing, without knowing who listens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One report of a stage at work."""

    fraction: float
    """0 to 1 of this stage."""
    message: str
    """A few words for a person: 'training step 1200 of 3000'."""
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    """Figures that change: ``psnr``, ``loss``, ``num_gaussians``, ``registered`` …"""


ReportProgress = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """A listener that does nothing, for callers that show no progress."""
    del progress


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWarning:
    """Something that the user should know and that did not stop the run."""

    code: str
    """A stable slug, such as ``frames_not_registered``."""
    message: str
    """One sentence: what, where, what to do."""
