"""Progress only grows, every stage opens and closes, and every event is plain JSON."""

import itertools
import json

import pytest

from roomsplat.core.progress import Progress, RunWarning
from roomsplat.errors import TooFewFramesError
from roomsplat.pipeline import journal as journal_module
from roomsplat.pipeline.events import STAGE_SHARE, Event, RunFailed, StageFinished, StageProgress, to_json
from roomsplat.pipeline.journal import Journal


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """The events of a journal that passes every report on."""
    monkeypatch.setattr(journal_module, "MIN_SECONDS_BETWEEN_REPORTS", 0.0)
    return []


def test_progress_of_the_run_never_falls(events: list[Event]) -> None:
    """Whatever fractions the stages report, the bar of the whole run is monotone from 0 to 1."""
    journal = Journal(emit=events.append)
    for name in STAGE_SHARE:
        with journal.stage(name, "at work") as stage:
            for fraction in (0.0, 0.6, 0.4, 1.7, -1.0):
                stage.report(Progress(fraction=fraction, message="x"))
    values = [event.progress for event in events]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0.0, 1.0)
    fractions = [
        event.fraction for event in events if isinstance(event, StageProgress) and event.stage == "train"
    ]
    assert fractions == sorted(fractions)


def test_stage_shares_tile_the_run() -> None:
    """Each stage begins where the one before ended."""
    shares = list(STAGE_SHARE.values())
    assert shares[0][0] == 0.0
    assert shares[-1][1] == 1.0
    assert all(before[1] == after[0] for before, after in itertools.pairwise(shares))


def test_time_left_follows_the_pace(events: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that is found half done and gains a tenth in 10 s has 40 s to go, whatever was done before."""
    clock = iter([0.0, 5.0, 15.0, 15.0, 15.0])
    monkeypatch.setattr("roomsplat.pipeline.journal.time.monotonic", lambda: next(clock))
    journal = Journal(emit=events.append)
    with journal.stage("train", "fitting") as stage:
        stage.report(Progress(fraction=0.5, message="resumed"))
        stage.report(Progress(fraction=0.6, message="x", metrics={"psnr": 20.0}))
    told = [event for event in events if isinstance(event, StageProgress)][-1]
    assert told.seconds_left == pytest.approx(40.0)
    assert told.metrics == {"psnr": 20.0}


def test_a_failure_names_its_stage(events: list[Event]) -> None:
    """An error inside a stage is told with the stage, the code and the hint, and the stage is not closed."""
    journal = Journal(emit=events.append)
    with pytest.raises(TooFewFramesError), journal.stage("capture", "reading"):
        raise TooFewFramesError("Only 1 frame.", hint="Film longer.")
    journal.fail(TooFewFramesError("Only 1 frame.", hint="Film longer."))
    failed = events[-1]
    assert isinstance(failed, RunFailed)
    assert (failed.stage, failed.code, failed.hint) == ("capture", "too_few_frames", "Film longer.")
    assert not any(isinstance(event, StageFinished) for event in events)


def test_every_event_is_json_with_the_four_common_fields(events: list[Event]) -> None:
    """event, stage, progress and message are there, and the rest survives a JSON round trip."""
    journal = Journal(emit=events.append)
    with journal.stage("sfm", "matching") as stage:
        stage.report(Progress(fraction=0.5, message="half"))
        journal.warn("sfm", RunWarning(code="frames_not_registered", message="3 frames were left out."))
    journal.fail(TooFewFramesError("x", hint="y"))
    for event in events:
        content = to_json(event)
        assert {"event", "stage", "progress", "message"} <= content.keys()
        assert json.loads(json.dumps(content)) == content
    assert [warning.code for warning in journal.warnings] == ["frames_not_registered"]
