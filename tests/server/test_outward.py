"""Laws of what a job's owner is told: no path of the computer that runs it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from roomsplat.server.outward import Outward
from roomsplat.server.records import JobRecord, JobStatus

STORAGE = Path("/srv/our data/storage")
JOB = JobRecord(
    id="an-id",
    owner_id="somebody",
    status=JobStatus.TRAINING,
    progress=0.5,
    stage="sfm",
    message="",
    source_name="my room.mp4",
    source_path="uploads/an-id.mp4",
    config={},
    counts={},
    timings={},
    created_at=datetime.now(UTC),
)
OUTWARD = Outward(JOB, STORAGE, STORAGE / "models" / "an-id", STORAGE / JOB.source_path)

SENTENCES = {
    "/srv/our data/storage/uploads/an-id.mp4 is damaged.": "my room.mp4 is damaged.",
    "an-id.mp4 → /srv/our data/storage/models/an-id": "my room.mp4 → the job's folder",
    "No space while writing /srv/our data/storage/models/an-id/work/a.jpg.": "No space while writing work/a.jpg.",
    "'/srv/our data/storage/other' could not be read.": "'other' could not be read.",
    "/usr/lib/python3/site-packages/av/x.so: not found": "x.so: not found",
    "(/tmp/roomsplat-x/f.jpg)": "(f.jpg)",
    "16 and/or 3/4 of 5 / 6": "16 and/or 3/4 of 5 / 6",
    "see https://example.org/a/b.html": "see https://example.org/a/b.html",
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_places_become_names(sentence: str) -> None:
    """The film gets its owner's name, our folders none, other paths keep their last part, and nothing else changes."""
    assert OUTWARD.text(sentence) == SENTENCES[sentence]


def test_an_event_is_cleaned_through_and_through() -> None:
    """Paths go wherever they stand in an event; numbers and other words stay."""
    event = {
        "event": "run_finished",
        "out": str(STORAGE / "models" / "an-id"),
        "progress": 1.0,
        "stage": None,
        "summary": {
            "source": str(STORAGE / "uploads/an-id.mp4"),
            "files": ["/etc/ssl/x", "scene.ply"],
            "n": 7,
        },
    }
    assert OUTWARD.event(event) == {
        "event": "run_finished",
        "progress": 1.0,
        "stage": None,
        "summary": {"source": "my room.mp4", "files": ["x", "scene.ply"], "n": 7},
    }
