"""``python -m benchmarks.service [--quick] [--only sqlite|postgres]``: the job service under load, as real processes.

Two hundred uploads by twenty users over a minute, a quarter of them by one greedy user, against two workers whose
pipeline takes less than a second: is any job lost or run twice, are users passed over, how long does ``GET status``
take meanwhile. Then ten uploads of 500 MB at once, half of them resumable ones: how much memory the API takes for them.
On SQLite, and on Postgres where it is installed. Ends with 1 when a promise (``BARS``) was not kept.
"""

import argparse
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from benchmarks.__main__ import BASELINE, merged
from benchmarks.figures import Figure, meets_bar, print_figures, read_figures, write_figures
from benchmarks.service_load import Asker, Load, service, wait_for, write_film
from tests.server import postgres

STAGES = ("capture", "sfm", "train", "export")
ENDED = frozenset({"completed", "failed", "cancelled"})
GREEDY = 4
"""Every so many uploads come from user 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of it."""

    users: int = 20
    uploads: int = 200
    seconds: float = 60.0
    """The small uploads begin within this time."""
    large: int = 10
    large_bytes: int = 500_000_000


QUICK = Size(users=5, uploads=40, seconds=12.0, large=4, large_bytes=50_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A job that came to its end; moments in seconds."""

    user: int
    created: float
    started: float
    finished: float
    status: str
    begun: tuple[str, ...]
    """The stages that really began, in order."""


def many_small(load: Load, size: Size, folder: Path) -> list[Figure]:
    """Uploads spread over the time while the states of the accepted jobs are asked for."""
    film, asker = write_film(folder / "film.mp4"), Asker(load)
    asker.start()
    began, sent = time.monotonic(), list[Future[None]]()
    with ThreadPoolExecutor(8) as pool:
        for number in range(size.uploads):
            time.sleep(max(0.0, began + size.seconds * number / size.uploads - time.monotonic()))
            user = 0 if number % GREEDY == 0 else 1 + number % (size.users - 1)
            sent.append(pool.submit(load.post, user, film))
    for upload in sent:
        upload.result()
    accepted = time.monotonic() - began
    wait_for(lambda: unfinished(load) == 0, 600)
    wall, times = time.monotonic() - began, asker.stop()
    jobs = served(load)
    once = sum(job.begun == STAGES for job in jobs)
    return [
        Figure(key="lost", value=size.uploads - sum(job.status == "completed" for job in jobs), unit="jobs"),
        Figure(key="not_once", value=len(jobs) - once, unit="jobs"),
        Figure(key="refused", value=len(load.refused), unit="requests"),
        Figure(key="out_of_turn", value=out_of_turn(jobs), unit="jobs"),
        Figure(key="passed_over", value=passed_over(jobs), unit="times"),
        *waits(jobs),
        Figure(key="status.p50", value=times[len(times) // 2], unit="ms"),
        Figure(key="status.p99", value=times[int(len(times) * 0.99)], unit="ms"),
        Figure(key="status.asked", value=len(times), unit="requests"),
        Figure(key="accepted", value=accepted, unit="s"),
        Figure(key="wall", value=wall, unit="s"),
    ]


def unfinished(load: Load) -> int:
    """How many jobs have not ended: one look at what the newest page of each user shows at most."""
    connection = load.connect()
    try:
        pages = (load.ask(connection, "/api/jobs?limit=100", user) for user in range(len(load.keys)))
        return sum(job["status"] not in ENDED for page in pages for job in page["items"])
    finally:
        connection.close()


def served(load: Load) -> list[Served]:
    """All jobs, the earliest first."""
    connection, found = load.connect(), list[Served]()
    for job_id, user in load.jobs.items():
        job = load.ask(connection, f"/api/jobs/{job_id}", user)
        moments = (job[name] for name in ("created_at", "started_at", "finished_at"))
        created, started, finished = (datetime.fromisoformat(at).timestamp() for at in moments)
        lines = (load.storage / "models" / job_id / "trace.txt").read_text().splitlines()
        begun = tuple(line.split()[0] for line in lines if line.endswith("begins"))
        found.append(
            Served(
                user=user,
                created=created,
                started=started,
                finished=finished,
                status=job["status"],
                begun=begun,
            )
        )
    connection.close()
    return sorted(found, key=lambda job: job.created)


def out_of_turn(jobs: Sequence[Served]) -> int:
    """Jobs that began before one that the same user had submitted earlier."""
    mine = ([job for job in jobs if job.user == user] for user in {job.user for job in jobs})
    return sum(after.started < before.started for row in mine for before, after in pairwise(row))


def passed_over(jobs: Sequence[Served]) -> int:
    """How often at most another user was served while somebody with nothing running waited: 1 where turns are perfect.

    A second time is the race of two workers that chose their jobs at the same moment.
    """
    worst = 0
    for user in {job.user for job in jobs}:
        free = 0.0  # since when none of the user's jobs runs
        for job in (job for job in jobs if job.user == user):
            since = max(job.created, free)
            for other in {job.user for job in jobs} - {user}:
                turns = sum(since < their.started < job.started for their in jobs if their.user == other)
                worst = max(worst, turns)
            free = max(free, job.finished)
    return worst


def waits(jobs: Sequence[Served]) -> list[Figure]:
    """Mean seconds between upload and start: of the modest users, of the worst off of them, of the greedy one."""
    means: dict[int, float] = {}
    for user in {job.user for job in jobs}:
        mine = [job.started - job.created for job in jobs if job.user == user]
        means[user] = sum(mine) / len(mine)
    modest = [mean for user, mean in means.items() if user != 0]
    return [
        Figure(key="wait.modest", value=sum(modest) / len(modest), unit="s"),
        Figure(key="wait.worst", value=max(modest), unit="s"),
        Figure(key="wait.greedy", value=means[0], unit="s"),
    ]


def few_large(load: Load, size: Size, folder: Path) -> list[Figure]:
    """Large uploads at once; the API's memory before them and its highest during them."""
    film = write_film(folder / "large.mp4", size.large_bytes)
    before, asker = load.memory(), Asker(load)
    highest, done = [before], threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            highest.append(load.memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    asker.start()
    accepted, began = len(load.jobs), time.monotonic()
    with ThreadPoolExecutor(size.large) as pool:
        ways = [load.resume if number % 2 else load.post for number in range(size.large)]
        sent = [pool.submit(way, number % size.users, film) for number, way in enumerate(ways)]
    wall = time.monotonic() - began
    done.set()
    watcher.join()
    times = asker.stop()
    for upload in sent:
        upload.result()
    return [
        Figure(key="large.refused", value=size.large - (len(load.jobs) - accepted), unit="requests"),
        Figure(key="large.memory_before", value=before, unit="MB"),
        Figure(key="large.memory_growth", value=max(highest) - before, unit="MB"),
        Figure(key="large.status.p99", value=times[int(len(times) * 0.99)], unit="ms"),
        Figure(key="large.wall", value=wall, unit="s"),
    ]


def run_service(kind: str, size: Size) -> list[Figure]:
    """Both loads on one database: ``sqlite`` or ``postgres``."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roomsplat-service-")))
        url = None
        if kind == "postgres":
            cluster = postgres.Cluster()
            stack.callback(cluster.remove)
            url = cluster.create()
        load = stack.enter_context(service(folder, users=size.users, database_url=url))
        figures = [*many_small(load, size, folder), *few_large(load, size, folder)]
    for said in load.refused[:5]:
        print(f"refused: {said}", file=sys.stderr)
    return [Figure(key=f"service.{kind}.{f.key}", value=f.value, unit=f.unit) for f in figures]


def stop(_signal: int, _frame: object) -> None:
    """End in order: the service is stopped with us."""
    sys.exit(143)


def main(given: Sequence[str] | None = None) -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of it, for a first look")
    parser.add_argument("--only", choices=["sqlite", "postgres"], help="one of the databases")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as a list")
    parser.add_argument("--save-baseline", action="store_true", help="put these figures into baseline.json")
    options = parser.parse_args(given)
    signal.signal(signal.SIGTERM, stop)
    missing = postgres.missing()
    kinds = [kind for kind in ("sqlite", "postgres") if options.only in {None, kind}]
    if missing is not None and "postgres" in kinds:
        kinds.remove("postgres")
        print(f"Nothing is measured on Postgres: {missing}.", file=sys.stderr)
    figures = [figure for kind in kinds for figure in run_service(kind, QUICK if options.quick else Size())]
    baseline = read_figures(BASELINE)
    print_figures(figures, baseline)
    if options.json is not None:
        write_figures(options.json, figures)
    if options.save_baseline:
        write_figures(BASELINE, merged(baseline, figures))
    broken = [figure.key for figure in figures if meets_bar(figure) is False]
    for key in broken:
        print(f"WORSE: {key} is not what was promised", file=sys.stderr)
    return int(bool(broken) or not figures)


if __name__ == "__main__":
    sys.exit(main())
