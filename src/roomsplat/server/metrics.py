"""Figures for Prometheus: of this process's requests, and of the queue as the database knows it."""

from collections.abc import Iterable
from typing import Protocol

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from roomsplat.server.records import QueueFigures

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Borders of the histogram of requests."""

MEDIA_TYPE = CONTENT_TYPE_LATEST


class Figures(Protocol):
    """Who knows the queue."""

    def figures(self) -> QueueFigures:
        """The queue now."""
        ...


class Living(Protocol):
    """Who knows the workers."""

    def living(self) -> int:
        """How many live."""
        ...


class HttpMetrics:
    """Requests of this process and the registry that /metrics shows."""

    def __init__(self) -> None:
        """A registry of its own: two services in one process (as in tests) do not share figures."""
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "roomsplat_http_requests",
            "Answers of this process.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "roomsplat_http_request_seconds",
            "Time until an answer begins.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One answer began. ``route`` is the pattern of the address, so that ids make no new series."""
        known = method if method in {"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"} else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def watch(self, jobs: Figures, workers: Living) -> None:
        """Show this queue and these workers as well."""
        self.registry.register(_QueueCollector(jobs, workers))

    def text(self) -> bytes:
        """All figures now, in Prometheus' text format."""
        return generate_latest(self.registry)


class _QueueCollector(Collector):
    """Asks the database at every scrape: workers are other processes, what they did stands only there."""

    def __init__(self, jobs: Figures, workers: Living) -> None:
        self._jobs, self._workers = jobs, workers

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead of time: registering must not ask the database."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """The queue and the sums."""
        now = self._jobs.figures()
        yield GaugeMetricFamily("roomsplat_queue_depth", "Jobs that wait.", now.depth)
        yield GaugeMetricFamily(
            "roomsplat_queue_oldest_seconds", "How long the oldest waits.", now.oldest_seconds
        )
        yield GaugeMetricFamily("roomsplat_jobs_running", "Jobs that a worker holds.", now.running)
        living = self._workers.living()
        yield GaugeMetricFamily("roomsplat_workers", "Workers that live, on all hosts.", living)
        for name, text, label, sums in (
            (
                "job_outcomes",
                "Jobs that ended: completed, cancelled or their error's code.",
                "outcome",
                now.outcomes,
            ),
            ("stage_seconds", "Seconds that completed jobs spent in each stage.", "stage", now.stage_seconds),
            ("stage_runs", "Completed jobs that these seconds are the sum over.", "stage", now.stage_runs),
        ):
            family = CounterMetricFamily(f"roomsplat_{name}", text, labels=[label])
            for value_of_label, value in sorted(sums.items()):
                family.add_metric([value_of_label], value)
            yield family
        lost = "How often a worker was lost over a job."
        yield CounterMetricFamily("roomsplat_lease_expiries", lost, now.lease_expiries)
