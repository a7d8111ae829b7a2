"""What a run tells the world: one union that the progress bar, the JSON lines, the service and the tests all read."""

from dataclasses import dataclass, field, fields
from typing import ClassVar, Literal

Stage = Literal["capture", "sfm", "train", "export"]

STAGE_SHARE: dict[Stage, tuple[float, float]] = {
    "capture": (0.0, 0.1),
    "sfm": (0.1, 0.3),
    "train": (0.3, 0.9),
    "export": (0.9, 1.0),
}
"""Where each stage begins and ends on the bar of the whole run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run begins."""

    event: ClassVar[str] = "run_started"
    stage: Stage | None = None
    progress: float = 0.0
    message: str
    source: str
    """The film or folder."""
    out: str
    """The folder of results."""
    engine: str
    """``cpu`` or ``cuda``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted:
    """A stage begins, or continues where an interrupted run left it."""

    event: ClassVar[str] = "stage_started"
    stage: Stage
    progress: float
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProgress:
    """A stage is at work."""

    event: ClassVar[str] = "stage_progress"
    stage: Stage
    progress: float
    """0 to 1 of the whole run."""
    message: str
    fraction: float
    """0 to 1 of this stage."""
    seconds_left: float | None
    """Of this stage, from its own pace so far; ``None`` while it is too early to say."""
    metrics: dict[str, float] = field(default_factory=dict[str, float])
    """Figures that change, such as ``psnr``, ``loss``, ``num_gaussians``, ``registered``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFinished:
    """A stage is done."""

    event: ClassVar[str] = "stage_finished"
    stage: Stage
    progress: float
    message: str
    seconds: float
    """What it took (when it ran; a reused stage reports the time of the run that made it)."""
    reused: bool
    """Its result was already there from an earlier run with the same input and settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CamerasFound:
    """The cameras can be looked at, before the scene is trained."""

    event: ClassVar[str] = "cameras_found"
    stage: Stage
    progress: float
    message: str
    file: str
    """``cameras/transforms.json``, relative to the folder of results."""
    registered: int
    """Pictures whose camera was found."""
    frames: int
    """Pictures kept from the input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotWritten:
    """The scene can be looked at while it is trained (``export.live_seconds``)."""

    event: ClassVar[str] = "snapshot_written"
    stage: Stage
    progress: float
    message: str
    file: str
    """``live/scene.splat``, relative to the folder of results; there until ``scene.ply`` is."""
    step: int
    """Training steps that it has seen."""
    num_gaussians: int
    """In the file: of a large scene only the most important ones."""
    bytes: int
    """The file's size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something that the user should know and that does not stop the run."""

    event: ClassVar[str] = "warning"
    stage: Stage
    progress: float
    message: str
    code: str
    """A stable slug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """Everything is written."""

    event: ClassVar[str] = "run_finished"
    stage: Stage | None = None
    progress: float = 1.0
    message: str
    summary: dict[str, object]
    """The content of ``run.json``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed:
    """The run stopped with an error that the user can act on."""

    event: ClassVar[str] = "run_failed"
    stage: Stage | None
    progress: float
    message: str
    code: str
    """The error's stable slug."""
    hint: str
    """What to do."""


Event = (
    RunStarted
    | StageStarted
    | StageProgress
    | StageFinished
    | CamerasFound
    | SnapshotWritten
    | Warned
    | RunFinished
    | RunFailed
)


def to_json(event: Event) -> dict[str, object]:
    """The event as a JSON object; ``event`` names its kind."""
    return {"event": event.event, **{f.name: getattr(event, f.name) for f in fields(event)}}
