"""What stops a run from outside ends in one of our errors, and is told as the run's last event."""

from pathlib import Path

import pytest

from roomsplat.errors import DeviceLostError, DeviceMemoryError, EngineError, InterruptedRunError, OutputError
from roomsplat.pipeline import run
from roomsplat.pipeline.config import for_quality
from roomsplat.pipeline.events import Event, RunFailed


class CUDARuntimeError(RuntimeError):
    """As CuPy names it."""


class OutOfMemoryError(MemoryError):
    """As CuPy names it."""


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (CUDARuntimeError("cudaErrorLaunchFailure: unspecified launch failure"), DeviceLostError),
        (OutOfMemoryError("Out of memory allocating 9 bytes"), DeviceMemoryError),
        (MemoryError(), EngineError),
        (OSError(28, "No space left on device"), OutputError),
        (KeyboardInterrupt(), InterruptedRunError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else value.__name__,
)
def test_what_stops_a_run_is_told(
    error: BaseException, ours: type[EngineError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GPU that fails anywhere in the line, a full disk, an interrupt: the error and the last event say the same."""
    events = _failing(error, ours, tmp_path, monkeypatch)
    assert isinstance(events[-1], RunFailed)
    assert events[-1].code == ours.code


def test_a_bug_of_ours_keeps_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody could cause from outside comes out as it is."""
    assert _failing(ZeroDivisionError("a bug"), ZeroDivisionError, tmp_path, monkeypatch) == []


def _failing(
    error: BaseException, expected: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Event]:
    """The events of a run whose line raises ``error``."""

    def line(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(run, "_line", line)
    (tmp_path / "film.mp4").write_bytes(b"film")
    events: list[Event] = []
    with pytest.raises(expected) as caught:
        run.reconstruct(tmp_path / "film.mp4", tmp_path / "out", for_quality("preview"), emit=events.append)
    assert type(caught.value) is expected
    return events
