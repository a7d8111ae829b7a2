"""Laws of the queue: whose turn it is, and what many workers at once may not break."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest

from roomsplat.server.database import Database, open_database, upgrade, writing
from roomsplat.server.errors import JobActiveError, JobFinishedError, StaleLeaseError, TooManyJobsError
from roomsplat.server.jobs import JobRules, Jobs
from roomsplat.server.jobs_base import lock_user
from roomsplat.server.records import JobError, JobRecord, JobStatus, Lease
from tests.server.job_fixtures import Service
from tests.server.postgres import Cluster

BOOM = JobError(code="boom", message="Boom.", hint="None.")


@pytest.fixture
def busy(database: Database) -> Service:
    """Jobs of users who may have many."""
    return Service(database, JobRules(lease_seconds=60.0, max_running_per_user=2, max_queued_per_user=100))


def at_once(calls: list[Callable[[], None]]) -> None:
    """Run the calls in threads that start together; the first exception is raised here."""
    gate = threading.Barrier(len(calls))
    failures: list[BaseException] = []

    def go(call: Callable[[], None]) -> None:
        gate.wait()
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised below
            failures.append(error)

    threads = [threading.Thread(target=go, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def drain(service: Service, slots: int = 1) -> list[str]:
    """Run everything that waits on so many slots, first in first out; the jobs in the order of their start."""
    order: list[str] = []
    held: list[Lease] = []
    while True:
        while len(held) < slots and (job_id := service.jobs.next_job()) is not None:
            lease = service.jobs.acquire(job_id, "w")
            assert lease is not None
            order.append(job_id)
            held.append(lease)
        if not held:
            return order
        service.jobs.finish(held.pop(0))


def test_one_users_jobs_run_in_their_order(busy: Service) -> None:
    """First come, first served, also for jobs that came in the same instant."""
    busy.clock.step = timedelta(0)
    jobs = [busy.job().id for _ in range(10)]
    assert drain(busy) == jobs


@pytest.mark.parametrize("slots", [1, 3])
def test_users_take_turns(busy: Service, slots: int) -> None:
    """Whoever brings eight jobs does not keep the others waiting: users are served in turn until theirs are done."""
    for user, jobs in (("ada", 8), ("bob", 3), ("eve", 3)):
        for _ in range(jobs):
            busy.job(user)
    names = {busy.user(name).id: name for name in ("ada", "bob", "eve")}
    order = [names[busy.jobs.read(job_id).owner_id] for job_id in drain(busy, slots)]
    assert len(order) == 14
    for turn in range(3):
        assert set(order[3 * turn : 3 * turn + 3]) == {"ada", "bob", "eve"}
    assert set(order[9:]) == {"ada"}


def test_who_runs_fewest_is_next(busy: Service) -> None:
    """A user with a running job lets one with none go first, though their job came earlier."""
    busy.taken("ada")
    busy.job("ada")
    bobs = busy.job("bob")
    assert busy.jobs.next_job() == bobs.id


def test_a_user_runs_so_many_at_once(busy: Service) -> None:
    """The third job of a user waits however many workers are free, and is taken as soon as one of two ends."""
    first, second, third = (busy.job() for _ in range(3))
    lease = busy.jobs.acquire(first.id, "w1")
    assert lease is not None
    assert busy.jobs.acquire(second.id, "w2") is not None
    assert busy.jobs.next_job() is None
    assert busy.jobs.acquire(third.id, "w3") is None
    bobs = busy.job("bob")
    assert busy.jobs.next_job() == bobs.id
    busy.jobs.finish(lease)
    assert busy.jobs.acquire(third.id, "w1") is not None


def test_the_shown_places_are_the_queue(busy: Service) -> None:
    """The places that are shown are 1 to n, the same in a list and alone, and the order that one worker follows."""
    rng = random.Random(3)  # noqa: S311 - a repeatable mixture
    for _ in range(30):
        busy.job(rng.choice(["ada", "ada", "ada", "bob", "eve"]))
    everything = [
        job for name in ("ada", "bob", "eve") for job in busy.jobs.list(busy.user(name).id, limit=100).items
    ]
    places = {job.id: job.queue_position for job in everything}
    assert sorted(places.values(), key=lambda place: place or 0) == list(range(1, 31))
    for job in everything:
        assert busy.look(job).queue_position == places[job.id]
    assert drain(busy) == sorted(places, key=lambda job_id: places[job_id] or 0)


def test_two_workers_one_job(busy: Service) -> None:
    """Of eight workers that reach for one job at once exactly one gets it, every time."""
    for _ in range(10):
        job = busy.job()
        got: dict[int, Lease | None] = {}

        def reach(n: int, job: JobRecord = job, got: dict[int, Lease | None] = got) -> None:
            got[n] = busy.jobs.acquire(job.id, f"w{n}")

        at_once([partial(reach, n) for n in range(8)])
        (lease,) = [lease for lease in got.values() if lease is not None]
        busy.jobs.finish(lease)
        assert busy.look(job).attempts == 1


def test_a_limit_holds_against_all_at_once(database: Database) -> None:
    """Neither twelve requests nor five workers at once give a user more waiting or running jobs than allowed."""
    service = Service(database, JobRules(max_running_per_user=2, max_queued_per_user=5))
    service.user()
    refused: list[int] = []

    def send() -> None:
        try:
            service.job()
        except TooManyJobsError:
            refused.append(1)

    at_once([send] * 12)
    assert (service.jobs.queue_depth(), len(refused)) == (5, 7)
    waiting = service.jobs.list(service.user().id).items
    at_once([lambda job=job: service.jobs.acquire(job.id, "w") and None for job in waiting])
    assert service.jobs.figures().running == 2


def test_the_end_comes_once(busy: Service) -> None:
    """When finishing, cancelling, returning and losing a job happen at once, the job has one end and one story."""
    for turn in range(10):
        job, lease = busy.taken()
        at_once(
            [
                lambda lease=lease: quietly(lambda: busy.jobs.finish(lease)),
                lambda lease=lease: quietly(lambda: busy.jobs.fail(lease, BOOM)),
                lambda lease=lease: quietly(lambda: busy.jobs.release(lease)),
                lambda job=job: quietly(lambda: busy.jobs.request_cancel(job.id, job.owner_id)),
                lambda job=job: quietly(lambda: busy.jobs.take_back(job.id)),
            ]
        )
        seen = busy.look(job)
        ends = [
            event.payload["status"]
            for event in busy.jobs.events(job.id, job.owner_id)
            if event.payload.get("status") in {"completed", "failed", "cancelled"}
        ]
        assert ends == ([str(seen.status)] if seen.status.ended else []), turn
        if not seen.status.ended:
            busy.jobs.delete(job.id, job.owner_id)


def test_an_end_does_not_wait_for_a_count(postgres_cluster: Cluster) -> None:
    """A job ends and its news are queued while another transaction counts its user's jobs: no deadlock."""
    database = open_database(postgres_cluster.create())
    try:
        upgrade(database)
        service = Service(database)
        _, lease = service.taken()
        user = service.users.ensure("ada")
        with writing(database.sessions) as session:
            lock_user(session, user.id).email = "ada@example.org"
        with writing(database.sessions) as session:
            lock_user(session, user.id)
            ending = threading.Thread(target=service.jobs.finish, args=(lease,))
            ending.start()
            ending.join(5)
            waited = ending.is_alive()
        ending.join()
        assert not waited
    finally:
        database.dispose()


def quietly(call: Callable[[], object]) -> None:
    """Call it; to be refused is an answer, too."""
    with suppress(StaleLeaseError, JobFinishedError, JobActiveError):
        call()


def test_many_workers_lose_nothing(database: Database) -> None:
    """Thirty jobs of six users, eight workers that may vanish: each job ends once, none is held by two at once."""
    jobs = Jobs(database.sessions, rules=JobRules(lease_seconds=0.3, max_running_per_user=3))
    service = Service(database)
    everything = [
        jobs.create(service.user(f"u{n % 6}").id, source_name="a", source_path="a", config={})
        for n in range(30)
    ]
    finished: list[str] = []

    def work(number: int) -> None:
        rng = random.Random(number)  # noqa: S311 - repeatable bad luck
        while jobs.figures().outcomes.get("completed", 0) < len(everything):
            for lost in jobs.expired():
                jobs.take_back(lost, max_attempts=1000)
            job_id = jobs.next_job()
            lease = None if job_id is None else jobs.acquire(job_id, f"w{number}")
            if lease is None:
                threading.Event().wait(0.02)
                continue
            try:
                jobs.report(lease, status=JobStatus.TRAINING, progress=0.5)
                if rng.random() < 0.2:
                    continue  # the worker vanishes; its lease expires
                jobs.finish(lease)
            except StaleLeaseError:
                continue
            finished.append(lease.job_id)

    at_once([lambda n=n: work(n) for n in range(8)])
    assert Counter(finished) == Counter(job.id for job in everything)
    assert {jobs.read(job.id).status for job in everything} == {JobStatus.COMPLETED}
    assert jobs.figures().outcomes == {"completed": 30}
