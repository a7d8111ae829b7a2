"""``python -m benchmarks cpu|line|cuda|poses|quality [--json FILE] [--gate] [--quick] [--only NAME]``."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure, print_figures, read_figures, write_figures
from benchmarks.gate import in_terms_of, judge

HERE = Path(__file__).resolve().parent
BASELINE = HERE / "baseline.json"


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "what",
        choices=["cpu", "line", "cuda", "poses", "quality"],
        help="cpu: one training step; line: video to splat; cuda: the CUDA engine beside its peer; "
        "poses: cameras of hard films beside plain pycolmap; quality: held-out pictures beside gsplat",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as a list")
    parser.add_argument("--gate", action="store_true", help="exit 1 if a figure is worse than the baseline's")
    parser.add_argument("--quick", action="store_true", help="less of it, for a first look")
    parser.add_argument(
        "--only",
        metavar="NAME",
        help="one case: 480x270.100k …, demo, fox, fox_posed_full …; of cuda, poses, quality also several: start,race",
    )
    parser.add_argument(
        "--threads", type=int, default=2, help="CPU threads (default 2: what the bars are for)"
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="line, cuda, poses: keep the results there; quality: keep the cameras that were found, and use them",
    )
    parser.add_argument(
        "--steps",
        metavar="N,N",
        help="cuda race: lengths of run to try until one is as good as the peer; quality: lengths of run",
    )
    parser.add_argument(
        "--peer",
        default="default,mcmc",
        metavar="NAME,NAME",
        help="quality: gsplat's strategies to run beside ours; none: no peer",
    )
    parser.add_argument("--psnr", action="store_true", help="poses: train at preview quality, too")
    parser.add_argument(
        "--methods",
        default="ours,incremental,global",
        metavar="NAME,NAME",
        help="poses: whose cameras to measure",
    )
    parser.add_argument(
        "--from-nothing",
        action="store_true",
        help="poses: ours alone, with what matching and mapping found thrown away",
    )
    parser.add_argument(
        "--engine",
        choices=["cuda", "cpu", "emulated"],
        default="cuda",
        help="cuda, quality: another engine in its place, with which the benchmark itself is tried",
    )
    parser.add_argument(
        "--shared",
        type=Path,
        default=HERE.parents[1] / "shared",
        help="where the trial and the real captures lie, if they do",
    )
    parser.add_argument("--save-baseline", action="store_true", help="put these figures into baseline.json")
    return parser.parse_args(given)


def choose_known(only: str | None, known: Sequence[str], *, part: bool) -> None:
    """Refuse an ``only`` that names no case: measuring nothing would pass for a success.

    ``part``: a part of a name will do.

    Raises:
        SystemExit: there is no such case; the known ones are listed.
    """
    if only is not None and not any(only in name if part else only == name for name in known):
        raise SystemExit(f"There is no case {only!r}. Choose one of: {', '.join(known)}.")


def measured(options: argparse.Namespace) -> list[Figure]:
    """Run what was asked for; the numeric packages load only here."""
    common = {
        "shared": options.shared,
        "threads": options.threads,
        "quick": options.quick,
        "only": options.only,
    }
    if options.what == "cpu":
        from benchmarks.cpu import CASES, run_cpu  # noqa: PLC0415 - a wrong option must not wait for Numba

        choose_known(options.only, list(CASES), part=True)
        return run_cpu(**common)
    if options.what == "cuda":
        return measured_cuda(options)
    if options.what == "poses":
        return measured_poses(options)
    if options.what == "quality":
        return measured_quality(options)
    from benchmarks import line  # noqa: PLC0415 - as above

    choose_known(options.only, list(line.CASES), part=False)
    return line.run_line(
        **common, keep=options.keep, say=lambda text: print(text, file=sys.stderr, flush=True)
    )


def several(names: str | None, known: Sequence[str]) -> list[str] | None:
    """Names with commas between them, each of which must be ``known``; ``None`` stays ``None``."""
    chosen = None if names is None else names.split(",")
    for name in chosen or ():
        choose_known(name, known, part=False)
    return chosen


def measured_poses(options: argparse.Namespace) -> list[Figure]:
    """Figures about cameras; their own table is printed first."""
    from benchmarks import poses, poses_films, poses_table  # noqa: PLC0415 - as in ``measured``

    figures, rows = poses.run_poses(
        shared=options.shared,
        threads=options.threads,
        quick=options.quick,
        only=several(options.only, poses_films.NAMES),
        psnr=options.psnr,
        keep=options.keep,
        methods=(poses.NOTHING,)
        if options.from_nothing
        else several(options.methods, poses.METHODS) or poses.METHODS,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    poses_table.print_rows(rows)
    return figures


def whole_numbers(given: str | None) -> list[int] | None:
    """Numbers with commas between them."""
    return None if given is None else [int(count) for count in given.split(",")]


def measured_quality(options: argparse.Namespace) -> list[Figure]:
    """Figures about pictures; their own table is printed first."""
    from benchmarks import quality, quality_peer, quality_scenes  # noqa: PLC0415 - as in ``measured``

    with TemporaryDirectory(prefix="roomsplat-quality-") as work:
        return quality.run_quality(
            shared=options.shared,
            keep=options.keep or Path(work),
            engine=options.engine,
            threads=options.threads,
            quick=options.quick,
            only=several(options.only, quality_scenes.NAMES),
            steps=whole_numbers(options.steps),
            strategies=[
                name for name in several(options.peer, quality_peer.STRATEGIES) or () if name != "none"
            ],
            say=lambda text: print(text, file=sys.stderr, flush=True),
        )


def measured_cuda(options: argparse.Namespace) -> list[Figure]:
    """The CUDA engine's figures; its own table is printed first."""
    from benchmarks import cuda, cuda_table  # noqa: PLC0415 - as in ``measured``

    only = several(options.only, list(cuda.CASES))
    figures = cuda.run_cuda(
        shared=options.shared,
        engine=options.engine,
        quick=options.quick,
        only=only,
        steps=whole_numbers(options.steps),
        keep=options.keep,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    cuda_table.print_promises(figures)
    return figures


def merged(old: Sequence[Figure], new: Sequence[Figure]) -> list[Figure]:
    """``old`` with the figures of ``new`` in place of its own, all in terms of the machine that ``old`` knows."""
    fresh = [f for f in in_terms_of(old, new) if f.unit != "failures" and not f.key.startswith("peer.")]
    return sorted(({f.key: f for f in old} | {f.key: f for f in fresh}).values(), key=lambda f: f.key)


def gate(
    figures: Sequence[Figure],
    baseline: Sequence[Figure],
    again: Callable[[], Sequence[Figure]] | None = None,
) -> int:
    """Print the verdicts; 1 when one is bad, when nothing could be judged or when a case failed.

    Where something is worse and ``again`` is given, it measures once more and only what is worse both times counts: a
    neighbour's minute passes, a regression stays.
    """
    verdicts = judge(figures, baseline)
    if again is not None and not all(v.passed for v in verdicts):
        second = {v.key: v for v in judge(again(), baseline)}
        verdicts = [v if v.passed else second.get(v.key, v) for v in verdicts]
    for verdict in verdicts:
        if not verdict.passed:
            print(verdict.sentence())
    failures = [f.key for f in figures if f.unit == "failures"]
    for key in failures:
        print(f"WORSE: {key.removesuffix('.failed')} did not finish")
    if not verdicts:
        print("WORSE: nothing was measured that the baseline knows")
    bad = sum(not v.passed for v in verdicts) + len(failures)
    print(f"gate: {len(verdicts)} figures judged, {bad} worse")
    return int(bad > 0 or not verdicts)


def main(given: Sequence[str] | None = None) -> int:
    """Measure, print, write, judge."""
    options = arguments(given)
    baseline = read_figures(BASELINE) if BASELINE.exists() else []
    figures = measured(options)
    # A step launch by launch, and what plain pycolmap made, were printed as tables of their own.
    apart = ("cuda.kernel.", "peer.poses.", "peer.quality.")
    print_figures([f for f in figures if not f.key.startswith(apart)], baseline)
    if options.json is not None:
        write_figures(options.json, figures)
    if options.save_baseline:
        if options.what in ("poses", "quality") and options.quick:
            raise SystemExit("A quick run measures other films under the same names: it is no baseline.")
        write_figures(BASELINE, merged(baseline, figures))
    if not options.gate:
        return 0
    # A step takes seconds to time again; the line takes many minutes.
    again = partial(measured, options) if options.what == "cpu" else None
    return gate(figures, baseline, again)


if __name__ == "__main__":
    sys.exit(main())
