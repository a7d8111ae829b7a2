"""What a step of ``benchmarks poses`` took."""

import resource
import time


def clock() -> tuple[float, float]:
    """Seconds of the wall's clock, and of all processors for this process and its children."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(one.ru_utime + one.ru_stime for one in usage)


def since(begun: tuple[float, float]) -> dict[str, float]:
    """What went by."""
    wall, processors = clock()
    return {"seconds": wall - begun[0], "cpu_seconds": processors - begun[1]}
