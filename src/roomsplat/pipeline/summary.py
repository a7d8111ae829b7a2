"""``run.json``: what a run did and how good it is, for people and for other programs."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from roomsplat._version import __version__
from roomsplat.core.point_cloud import SceneScale
from roomsplat.core.progress import RunWarning
from roomsplat.errors import InvalidFileError
from roomsplat.pipeline.workspace import write_text_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """The figures of one run. Names are fixed: benchmarks and the service read them."""

    source: str
    """The name of the film or folder, without the folders above it: ``run.json`` travels."""
    frames_extracted: int
    """Pictures kept from the input."""
    frames_registered: int
    """Pictures whose camera was found."""
    num_gaussians: int
    """In the finished scene."""
    engine: str
    """``cpu`` or ``cuda``."""
    quality: str
    """The preset."""
    eval_psnr: float | None
    """Mean PSNR of the held-out pictures in dB, at training size; ``None`` when none were held out."""
    eval_ssim: float | None
    """Mean SSIM of the held-out pictures."""
    ate_percent: float | None
    """Path error against known cameras, RMSE in % of the path's length; ``None`` when no truth was given."""
    stage_seconds: dict[str, float]
    """Seconds by stage: capture, sfm, train, export."""
    frames_placed: int = 0
    """Of these, pictures that matching alone had lost and that were placed against the scene."""
    warnings: list[RunWarning] = field(default_factory=list[RunWarning])
    """What the user should know."""
    train_size: tuple[int, int] = (0, 0)
    """Width and height in px of the training pictures."""
    num_steps: int = 0
    """Training steps."""
    files: list[str] = field(default_factory=list[str])
    """What was written, relative to the folder."""
    cameras_moved: dict[str, float] | None = None
    """How far training moved the cameras: ``degrees`` and ``percent`` of the scene's extent, root mean square, and
    ``focal_percent``; ``None`` if they stayed where structure from motion had put them."""
    floaters: dict[str, int | float | None] | None = None
    """What hung in the air when training ended (``train/floaters.py``): Gaussians ``unseen`` by every training picture,
    ``single`` to one of them and ``removed``; ``single_share`` of the held-out pictures; ``fog_before`` and ``fog``,
    the shares of light that were and are stopped in front of the room there; ``None``: nobody looked."""
    eval_corrected_psnr: float | None = None
    """``eval_psnr`` after the affine colour map, one per picture, that brings the rendering closest to it."""
    scale: SceneScale = "arbitrary"
    """``metric`` when one unit of the scene is one metre."""
    upright: dict[str, str | bool] = field(default_factory=dict[str, str | bool])
    """How the world stands: ``vertical`` (what told which way is up: ``edges``, ``floor``, ``cameras``, ``elsewhere``),
    ``walls_along_axes``, ``floor_at_zero``."""
    memory_mb: dict[str, float] = field(default_factory=dict[str, float])
    """Most that was held at once: ``process``, ``largest_child``, ``device``, ``device_total`` (``peak.py``)."""
    held_out: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Each held-out picture: ``name``, ``psnr``, ``ssim``, ``corrected_psnr``, ``corrected_ssim``."""
    advice: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """What would make it better: ``code``, ``message``, ``evidence``."""
    export_seconds: dict[str, float] = field(default_factory=dict[str, float])
    """Seconds of the last stage by part: formats, mesh, pictures, report."""
    version: str = __version__
    """Of roomsplat."""

    def to_json(self) -> dict[str, object]:
        """Plain data, the warnings as ``{code, message}``."""
        return asdict(self)


def write_summary(path: Path, summary: RunSummary) -> None:
    """Write ``run.json`` whole."""
    write_text_whole(path, json.dumps(summary.to_json(), indent=2) + "\n")


def read_summary(path: Path) -> RunSummary:
    """Read ``run.json``.

    Raises:
        InvalidFileError: it is missing or is not one of ours.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        content["warnings"] = [RunWarning(**w) for w in content.get("warnings", [])]
        content["train_size"] = tuple(content["train_size"])
        return RunSummary(**content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidFileError(
            f"{path} is not the run.json of a finished reconstruction.",
            hint="Give the folder that `roomsplat reconstruct … -o FOLDER` wrote, and let that run finish.",
        ) from error
