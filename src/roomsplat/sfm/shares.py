"""Progress of a part as progress of the whole."""

from roomsplat.core.progress import Progress, ReportProgress


def part(report: ReportProgress, start: float, end: float) -> ReportProgress:
    """A listener whose 0 to 1 is ``start`` to ``end`` of what ``report`` hears."""

    def scaled(progress: Progress) -> None:
        fraction = start + (end - start) * progress.fraction
        report(Progress(fraction=fraction, message=progress.message, metrics=progress.metrics))

    return scaled


def never_falling(report: ReportProgress) -> ReportProgress:
    """A listener for work that may begin again: the fraction waits where it was until it is passed.

    The mapper matches more pairs and starts another attempt when the first left frames out; how often is not known
    before, and a bar that runs back says that something is broken.
    """
    highest = 0.0

    def risen(progress: Progress) -> None:
        nonlocal highest
        highest = max(highest, progress.fraction)
        report(Progress(fraction=highest, message=progress.message, metrics=progress.metrics))

    return risen
