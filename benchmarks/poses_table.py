"""The table of ``python -m benchmarks poses``."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.poses import Row

NAMED = 6
"""Wrong frames that are named; of more the number is told."""


def cells(row: Row) -> list[str]:
    """One row, as text."""
    head = [row.film, row.method]
    if row.failure:
        return [*head, str(row.frames), "failed", *[""] * 10]
    registered = " + ".join(str(n) for n in (row.registered, *row.others))
    registered += f" ({row.placed} placed)" if row.placed else ""
    end = [
        "" if row.psnr is None else f"{row.psnr:.2f}",
        f"{row.seconds:.1f}",
        f"{row.cpu_seconds:.1f}",
        f"{row.peak_mb:.0f}",
    ]
    errors = row.errors
    if errors is None:
        return [*head, str(row.frames), registered, *[""] * 6, *end]
    length = f"{100 * errors.ate_length:.1f} cm" if row.is_metric else ""
    return [
        *head, str(row.frames), registered, f"{errors.ate:.3f}", length, f"{errors.rpe_degrees:.3f}",
        f"{errors.rpe_percent:.1f}", f"{errors.worst:.2f}", str(len(errors.wrong)), *end,
    ]  # fmt: skip


COLUMNS = (
    "film", "method", "frames", "registered", "ATE % of path", "", "RPE deg", "RPE % of step", "worst % of path",
    "wrong", "PSNR dB", "s", "CPU s", "MB",
)  # fmt: skip


def print_rows(rows: Sequence[Row]) -> None:
    """For people; under it what is wrong by name and what failed."""
    console = Console()
    console = console if console.is_terminal else Console(width=160)
    table = Table(*COLUMNS, box=None)
    for row in rows:
        table.add_row(*cells(row))
    console.print(table, highlight=False)
    for row in rows:
        if row.failure:
            console.print(f"{row.film}, {row.method}: {row.failure}", highlight=False, markup=False)
        if row.errors is not None and row.errors.wrong:
            wrong = row.errors.wrong
            more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
            sentence = f"{row.film}, {row.method}: wrong are {', '.join(wrong[:NAMED])}{more}"
            console.print(sentence, highlight=False, markup=False)
