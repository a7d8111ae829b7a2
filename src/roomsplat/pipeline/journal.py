"""Turns what the stages report into events, with times."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from roomsplat.core.progress import Progress, ReportProgress, RunWarning
from roomsplat.errors import RoomsplatError
from roomsplat.pipeline.events import (
    STAGE_SHARE,
    Event,
    RunFailed,
    Stage,
    StageFinished,
    StageProgress,
    StageStarted,
    Warned,
)

Emit = Callable[[Event], None]

MIN_SECONDS_BETWEEN_REPORTS = 0.1
"""Ten a second is more than a person reads, and a fast stage may report thousands."""


@dataclass(slots=True, kw_only=True)
class OpenStage:
    """A stage at work: what it reports becomes events."""

    report: ReportProgress
    """Hand this to the stage."""
    reused: bool = False
    """Set when an earlier run's result is taken."""
    seconds: float | None = None
    """Set to the recorded time; else the clock's."""
    message: str = ""
    """Set to a few words about the result."""


@dataclass(slots=True, kw_only=True)
class Journal:
    """The diary of one run."""

    emit: Emit
    """Takes every event."""
    stage_seconds: dict[str, float] = field(default_factory=dict[str, float])
    """What each finished stage took."""
    warnings: list[RunWarning] = field(default_factory=list[RunWarning])
    """Everything that was warned of."""
    progress: float = 0.0
    """0 to 1 of the whole run."""
    current: Stage | None = None
    """The stage at work."""

    @contextmanager
    def stage(self, stage: Stage, message: str) -> Generator[OpenStage]:
        """Open a stage; it ends with the block, and a block that raises leaves it open for ``fail``."""
        begin, end = STAGE_SHARE[stage]
        started = time.monotonic()
        self.current, self.progress, last, furthest = stage, begin, 0.0, 0.0
        first: tuple[float, float] | None = (
            None  # time and fraction of the first report: a resumed stage starts late
        )

        def report(progress: Progress) -> None:
            nonlocal last, first, furthest
            now = time.monotonic()
            furthest = max(furthest, min(max(progress.fraction, 0.0), 1.0))
            first = first or (now, furthest)
            if now - last < MIN_SECONDS_BETWEEN_REPORTS and progress.fraction < 1:
                return
            last = now
            fraction = furthest
            self.progress = min(max(self.progress, begin + (end - begin) * fraction), end)
            gained = fraction - first[1]
            pace = (now - first[0]) / gained if gained > 0.02 else None
            self.emit(
                StageProgress(
                    stage=stage,
                    progress=self.progress,
                    message=progress.message,
                    fraction=fraction,
                    seconds_left=None if pace is None else pace * (1 - fraction),
                    metrics=dict(progress.metrics),
                )
            )

        opened = OpenStage(report=report)
        self.emit(StageStarted(stage=stage, progress=begin, message=message))
        yield opened
        seconds = time.monotonic() - started if opened.seconds is None else opened.seconds
        self.stage_seconds[stage] = round(seconds, 3)
        self.progress, self.current = end, None
        self.emit(
            StageFinished(
                stage=stage,
                progress=end,
                message=opened.message,
                seconds=self.stage_seconds[stage],
                reused=opened.reused,
            )
        )

    def warn(self, stage: Stage, *warnings: RunWarning) -> None:
        """Record and tell warnings."""
        for warning in warnings:
            self.warnings.append(warning)
            self.emit(Warned(stage=stage, progress=self.progress, message=warning.message, code=warning.code))

    def fail(self, error: RoomsplatError) -> None:
        """Tell the error that ends the run."""
        self.emit(
            RunFailed(
                stage=self.current,
                progress=self.progress,
                message=error.message,
                code=error.code,
                hint=error.hint,
            )
        )
