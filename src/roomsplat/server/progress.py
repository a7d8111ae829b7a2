"""From the pipeline's events to the words and numbers that a job shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from roomsplat.server.records import JobError, JobStatus

STAGE_STATUS: dict[str, JobStatus] = {
    "capture": JobStatus.EXTRACTING_FRAMES,
    "sfm": JobStatus.TRAINING,
    "train": JobStatus.TRAINING,
    "export": JobStatus.EXPORTING,
}
"""The API's word for each stage; finding the cameras counts as training."""

STAGE_SHARE: dict[str, tuple[float, float]] = {
    "capture": (0.1, 0.3),
    "sfm": (0.3, 0.5),
    "train": (0.5, 0.9),
    "export": (0.9, 1.0),
}
"""Where each stage begins and ends on a job's bar."""

QUIET = frozenset({"cameras_found", "snapshot_written"})
"""They tell that a file is there; what the job is doing, others tell."""

_CAMERAS = {"frames": "frames", "registered": "registered"}
_METRICS = {"kept": "frames", "num_gaussians": "gaussians", "registered": "registered", "psnr": "psnr"}
_SUMMARY = {
    "frames_extracted": "frames",
    "frames_registered": "registered",
    "num_gaussians": "gaussians",
    "eval_psnr": "psnr",
    "eval_ssim": "ssim",
}


@dataclass(slots=True, kw_only=True)
class Progress:
    """What the events of one run have told so far."""

    status: JobStatus = JobStatus.EXTRACTING_FRAMES
    progress: float = 0.1
    """Never falls, whatever the events say."""
    stage: str = ""
    message: str = "starting"
    counts: dict[str, object] = field(default_factory=dict[str, object])
    timings: dict[str, float] = field(default_factory=dict[str, float])
    kept_seconds: float = 0.0
    """What the stages took that were kept from earlier runs."""
    finished: bool = False
    """The run told that everything is written."""
    failure: JobError | None = None
    """The error that the run told."""

    def take(self, event: Mapping[str, Any]) -> None:
        """Read one event; what is not understood is passed over, because a newer pipeline may tell more."""
        stage, message = event.get("stage"), event.get("message")
        if isinstance(message, str) and event["event"] not in QUIET:
            self.message = message
        match event["event"]:
            case "stage_started" if stage in STAGE_SHARE:
                self._enter(stage, 0.0)
            case "stage_progress" if stage in STAGE_SHARE:
                self._enter(stage, _number(event.get("fraction")))
                self._count(_METRICS, event.get("metrics"))
            case "stage_finished" if stage in STAGE_SHARE:
                self._enter(stage, 1.0)
                self.timings[stage] = _number(event.get("seconds"))
                self.kept_seconds += self.timings[stage] if event.get("reused") is True else 0.0
            case "cameras_found":
                self._count(_CAMERAS, event)
            case "run_finished":
                self.finished = True
                self.message = "done"
                self._count(_SUMMARY, event.get("summary"))
            case "run_failed":
                told = [str(event.get(name, "")) for name in ("code", "message", "hint")]
                self.failure = JobError(code=told[0], message=told[1], hint=told[2])
            case _:
                pass

    def _enter(self, stage: str, fraction: float) -> None:
        begin, end = STAGE_SHARE[stage]
        self.stage, self.status = stage, STAGE_STATUS[stage]
        self.progress = max(self.progress, begin + (end - begin) * min(max(fraction, 0.0), 1.0))

    def _count(self, names: Mapping[str, str], given: object) -> None:
        if isinstance(given, Mapping):
            values = cast("Mapping[str, object]", given)
            self.counts.update({ours: values[name] for name, ours in names.items() if name in values})


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
