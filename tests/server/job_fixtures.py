"""Jobs on a clock that the law itself moves."""

from datetime import UTC, datetime, timedelta

from roomsplat.server.database import Database
from roomsplat.server.jobs import JobRules, Jobs
from roomsplat.server.records import JobRecord, Lease, UserRecord
from roomsplat.server.users import Users


class Clock:
    """A clock that stands still until it is told; every look is a microsecond later, so that no two are equal."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.step = timedelta(microseconds=1)

    def __call__(self) -> datetime:
        """Now."""
        self.now += self.step
        return self.now

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class Service:
    """Jobs of several users on one database."""

    def __init__(self, database: Database, rules: JobRules | None = None) -> None:
        self.clock = Clock()
        self.jobs = Jobs(database.sessions, rules=rules, clock=self.clock)
        self.users = Users(database.sessions)

    def user(self, name: str = "ada") -> UserRecord:
        """The user of this name."""
        return self.users.ensure(name)

    def job(self, owner: str = "ada") -> JobRecord:
        """A new job of this user."""
        return self.jobs.create(
            self.user(owner).id,
            source_name="room.mp4",
            source_path="uploads/a.mp4",
            config={"quality": "preview"},
        )

    def taken(self, owner: str = "ada", worker: str = "w1") -> tuple[JobRecord, Lease]:
        """A new job that a worker holds."""
        job = self.job(owner)
        lease = self.jobs.acquire(job.id, worker)
        assert lease is not None
        return job, lease

    def look(self, job: JobRecord) -> JobRecord:
        """The job as its owner sees it now."""
        return self.jobs.get(job.id, job.owner_id)

    def kinds(self, job: JobRecord) -> list[str]:
        """What happened to the job."""
        return [event.kind for event in self.jobs.events(job.id, job.owner_id)]
