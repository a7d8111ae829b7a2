"""Shows the events of a run: a bar per stage for people, JSON lines for programs."""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from roomsplat.pipeline.events import (
    Event,
    RunStarted,
    StageFinished,
    StageProgress,
    StageStarted,
    Warned,
    to_json,
)
from roomsplat.pipeline.journal import Emit

STAGE_WORDS = {"capture": "frames", "sfm": "cameras", "train": "Gaussians", "export": "files"}


@contextmanager
def show_events(kind: Literal["bar", "jsonl"]) -> Generator[Emit]:
    """A listener for the events of one run."""
    if kind == "jsonl":
        yield _print_json
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _PlainLines().take
        return
    columns = (
        TextColumn("{task.fields[word]:>9}"),
        BarColumn(bar_width=32),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as bars:
        yield _Bars(bars).take


def _print_json(event: Event) -> None:
    print(json.dumps(to_json(event), ensure_ascii=False), flush=True)


class _Bars:
    """One bar per stage."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def take(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._bars.console.print(event.message, highlight=False)
            case StageStarted():
                word = STAGE_WORDS[event.stage]
                self._tasks[event.stage] = self._bars.add_task("", total=1.0, word=word, note=event.message)
            case StageProgress():
                self._bars.update(self._tasks[event.stage], completed=event.fraction, note=_note(event))
            case StageFinished():
                reused = " (kept from the last run)" if event.reused else f" in {duration(event.seconds)}"
                self._bars.update(self._tasks[event.stage], completed=1.0, note=event.message + reused)
            case Warned():
                self._bars.console.print(f"note: {event.message}", style="yellow", highlight=False)
            case _:
                pass


class _PlainLines:
    """A line at each tenth of a stage, for logs and pipes."""

    def __init__(self) -> None:
        self._tenth = -1

    def take(self, event: Event) -> None:
        match event:
            case StageStarted():
                self._tenth = -1
                _say(f"{STAGE_WORDS[event.stage]}: {event.message}")
            case StageProgress() if int(event.fraction * 10) > self._tenth:
                self._tenth = int(event.fraction * 10)
                _say(f"{STAGE_WORDS[event.stage]}: {_note(event)}")
            case StageFinished():
                reused = "kept from the last run" if event.reused else duration(event.seconds)
                _say(f"{STAGE_WORDS[event.stage]}: {event.message} ({reused})")
            case Warned():
                _say(f"note: {event.message}")
            case _:
                pass


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _note(event: StageProgress) -> str:
    parts = [event.message]
    if "psnr" in event.metrics:
        parts.append(f"PSNR {event.metrics['psnr']:.1f} dB")
    if event.seconds_left is not None and event.fraction < 1:
        parts.append(f"{duration(event.seconds_left)} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """``48 s`` or ``3 min 20 s``."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{int(seconds // 60)} min {seconds % 60:.0f} s"
