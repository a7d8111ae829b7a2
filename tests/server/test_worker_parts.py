"""Laws of the worker's parts: the warden, the wish to stop, the words for progress."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomsplat.server.child import PipelineChild
from roomsplat.server.progress import STAGE_STATUS, Progress
from roomsplat.server.records import JobStatus
from roomsplat.server.stop import Stop
from roomsplat.server.warden import NICENESS
from tests.server.service import until

RANGES = {
    JobStatus.EXTRACTING_FRAMES: (0.1, 0.3),
    JobStatus.TRAINING: (0.3, 0.9),
    JobStatus.EXPORTING: (0.9, 1.0),
}
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def gone(group: int) -> bool:
    """Whether nobody of the group lives."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    stats = (path.read_text() for path in Path("/proc").glob("[0-9]*/stat") if path.exists())
    fields = [text.rpartition(")")[2].split() for text in stats]
    return all(field[0] == "Z" for field in fields if int(field[2]) == group)


@pytest.fixture
def children() -> Iterator[list[PipelineChild]]:
    """Those that a law started; closed at its end."""
    started: list[PipelineChild] = []
    yield started
    for child in started:
        child.close()


def start(children: list[PipelineChild], tmp_path: Path, command: list[str], seconds: float) -> PipelineChild:
    """A child that may live so long."""
    child = PipelineChild(command, until=time.monotonic() + seconds, log=tmp_path / "log")
    children.append(child)
    return child


def test_a_pipeline_lives_as_long_as_it_may(children: list[PipelineChild], tmp_path: Path) -> None:
    """The group is killed at the moment that was given; a later moment keeps it alive until then."""
    short, extended = (start(children, tmp_path, SLEEP, 1.0) for _ in range(2))
    extended.extend(time.monotonic() + 30)
    until(lambda: short.events(0.05) == [] and short.ended() is not None, "its time is over")
    until(lambda: gone(short.group), "the group is gone", 5)
    assert extended.ended() is None
    extended.extend(time.monotonic() - 1)
    assert extended.ended() is None, "a moment never comes earlier"


def test_a_pipeline_ends_with_its_worker(tmp_path: Path) -> None:
    """A worker that is killed takes warden, pipeline and grandchildren with it."""
    script = (
        "import sys, time; from pathlib import Path; from roomsplat.server.child import PipelineChild;"
        "child = PipelineChild(['sh', '-c', 'sleep 60 & sleep 60'], until=time.monotonic() + 60, log=Path('log'));"
        "print(child.group, flush=True); time.sleep(60)"
    )
    worker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert worker.stdout is not None
    group = int(worker.stdout.readline())
    assert not gone(group)
    worker.kill()
    worker.wait()
    worker.stdout.close()
    until(lambda: gone(group), "the group is gone", 5)


def test_a_killed_warden_takes_the_pipeline_along(children: list[PipelineChild], tmp_path: Path) -> None:
    """Whatever kills the warden alone, its pipeline does not live on."""
    note = tmp_path / "pid"
    script = (
        f"import os, pathlib, time; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); time.sleep(60)"
    )
    child = start(children, tmp_path, [sys.executable, "-c", script], 60)
    until(lambda: note.exists() and note.read_text(), "it runs")
    os.kill(child.group, signal.SIGKILL)
    until(lambda: gone(child.group), "the group is gone", 5)


def test_exit_codes_and_lines_arrive(children: list[PipelineChild], tmp_path: Path) -> None:
    """Events are read whole, other lines are passed over, and the end is told when everything was read."""
    script = 'import sys; print(\'{"event": "a"}\\nnoise\\n[1]\\n{"event": "b"}\', flush=True); sys.exit(7)'
    child = start(children, tmp_path, [sys.executable, "-c", script], 30)
    told: list[str] = []

    def listen() -> bool:
        told.extend(event["event"] for event in child.events(0.05))
        return child.ended() is not None

    until(listen, "it ends")
    assert (told, child.ended()) == (["a", "b"], 7)


def test_a_polite_end_is_an_interrupt(children: list[PipelineChild], tmp_path: Path) -> None:
    """SIGTERM to the warden reaches the command as SIGINT, which it may answer."""
    script = (
        'import time\nprint(\'{"event": "ready"}\', flush=True)\n'
        "try: time.sleep(60)\nexcept KeyboardInterrupt: raise SystemExit(130)"
    )
    child = start(children, tmp_path, [sys.executable, "-c", script], 60)
    until(lambda: child.events(0.05), "it is ready")
    os.kill(child.group, signal.SIGTERM)
    until(lambda: child.events(0.05) == [] and child.ended() == 130, "it answered")


def test_a_pipeline_steps_back(children: list[PipelineChild], tmp_path: Path) -> None:
    """The command runs at a lower priority than the service, its warden does not."""
    script = "import json, os; print(json.dumps({'event': 'nice', 'mine': os.nice(0)}), flush=True)"
    child = start(children, tmp_path, [sys.executable, "-c", f"{script}; import time; time.sleep(60)"], 60)
    told: list[dict[str, object]] = []
    until(lambda: told.extend(child.events(0.05)) or told, "it told")
    assert told[0]["mine"] == min(19, os.nice(0) + NICENESS)
    assert os.getpriority(os.PRIO_PROCESS, child.group) == os.nice(0)


def test_a_signal_handler_may_wish_to_stop() -> None:
    """A wish that comes by signals, again and again, while the same thread waits ends the wait and nothing hangs."""
    stop = Stop()
    before = signal.signal(signal.SIGUSR1, lambda _signal, _frame: stop.set())
    try:
        threading.Timer(0.2, lambda: [os.kill(os.getpid(), signal.SIGUSR1) for _ in range(100)]).start()
        started = time.monotonic()
        stop.wait(20)
        assert stop.is_set()
        assert time.monotonic() - started < 10
        stop.wait(20)  # a wish stays
        assert time.monotonic() - started < 10
    finally:
        signal.signal(signal.SIGUSR1, before)
        stop.close()


EVENTS = st.fixed_dictionaries(
    {
        "event": st.sampled_from(["run_started", "stage_started", "stage_progress", "stage_finished", "new"]),
        "stage": st.sampled_from([*STAGE_STATUS, None, "posefree", 3]),
        "fraction": st.one_of(st.floats(), st.none(), st.integers(-2, 2)),
        "message": st.one_of(st.text(), st.none()),
        "metrics": st.one_of(st.none(), st.dictionaries(st.text(), st.floats())),
    }
)


@given(st.lists(EVENTS, max_size=30))
def test_progress_never_falls(events: list[dict[str, object]]) -> None:
    """Whatever a pipeline tells, the bar never falls and stays between 0.1 and 1."""
    seen, last = Progress(), 0.1
    for event in events:
        seen.take(event)
        assert last <= seen.progress <= 1.0
        last = seen.progress


def test_progress_lies_in_the_range_of_its_word() -> None:
    """Over a run in order, each status shows the part of the bar that the API promises for it."""
    seen, shown = Progress(), []
    for stage in STAGE_STATUS:
        for fraction in (0.0, 0.5, 1.0):
            seen.take({"event": "stage_progress", "stage": stage, "fraction": fraction, "message": stage})
            low, high = RANGES[seen.status]
            assert low <= seen.progress <= high
            shown.append(seen.progress)
    assert shown == sorted(shown)
    assert shown[0] == 0.1
    assert shown[-1] == 1.0
