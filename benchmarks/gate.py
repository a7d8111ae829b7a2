"""Is this run worse than the committed one? Figures are judged by ratio, because machines differ and are noisy.

* Times (ms, s) are first divided by the calibration, the time of a fixed kernel measured in the same run, so
  that a slower machine or a busy neighbour moves both. They fail beyond 1.25 (ms) and 1.35 (s: whole runs, with disk
  and compilation in them) times the baseline.
* Ratios to the trial, timed alternately with it in the same process, fail beyond 1.2 times the baseline: quiet runs lay
  within 7 % of each other for whole steps and within 10 % for phases.
* On the CPU benchmark, what is worse is measured once more, and fails when it is worse both times.
* Qualities do not depend on the machine: dB may fall by 0.3, SSIM and LPIPS be worse by 0.01, the share of registered
  frames fall by 2 points, the path error may grow by half of itself or 0.05 % of the path (in cm by a fifth), errors
  from frame to frame by half of themselves, 0.05 degrees or 1 % of a step, sizes by 10 %. Not one more frame may be in
  a wrong place.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.figures import CALIBRATION, Figure

TIMES = frozenset({"ms", "s"})

Limit = Callable[[float], float]
"""From the baseline's value to the worst that still passes."""

WORST: Mapping[str, Limit] = {
    "ms": lambda base: 1.25 * base,
    "s": lambda base: 1.35 * base,
    "ratio": lambda base: 1.2 * base,
    "MB": lambda base: 1.10 * base,
    "% of path": lambda base: max(1.5 * base, base + 0.05),
    "cm": lambda base: 1.2 * base,
    "deg": lambda base: max(1.5 * base, base + 0.05),
    "% of step": lambda base: max(1.5 * base, base + 1),
    "wrong frames": lambda base: base,
    "dB apart": lambda base: base + 0.3,
    "LPIPS": lambda base: base + 0.01,
}
"""Units in which more is worse."""

LEAST: Mapping[str, Limit] = {
    "dB": lambda base: base - 0.3,
    "ssim": lambda base: base - 0.01,
    "% of frames": lambda base: base - 2,
}
"""Units in which less is worse. A unit in neither table (counts) is reported and not judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One judged figure."""

    key: str
    value: float
    """As judged: times in terms of the baseline's machine."""
    limit: float
    """The worst that passes."""
    passed: bool

    def sentence(self) -> str:
        """For people."""
        word = "ok" if self.passed else "WORSE"
        return f"{word}: {self.key} is {self.value:.4g}, the limit is {self.limit:.4g}"


def machine_factor(key: str, figures: Sequence[Figure], baseline: Sequence[Figure]) -> float:
    """How much slower this machine is than the baseline's; 1 where either has no calibration of this benchmark."""
    wanted = f"{key.split('.', maxsplit=1)[0]}.{CALIBRATION}"
    now, then = (next((f.value for f in group if f.key == wanted), None) for group in (figures, baseline))
    return 1.0 if now is None or then is None else now / then


def in_terms_of(baseline: Sequence[Figure], figures: Sequence[Figure]) -> list[Figure]:
    """``figures`` with their times as the baseline's machine would have taken them; the rest unchanged."""
    return [
        replace(f, value=f.value / machine_factor(f.key, figures, baseline)) if f.unit in TIMES else f
        for f in figures
    ]


def judge(figures: Sequence[Figure], baseline: Sequence[Figure]) -> list[Verdict]:
    """A verdict for every figure that the baseline knows, except the calibration and what is only counted."""
    known = {f.key: f for f in baseline}
    verdicts: list[Verdict] = []
    for figure in in_terms_of(baseline, figures):
        base, value = known.get(figure.key), figure.value
        if base is None or base.unit != figure.unit or figure.key.endswith(f".{CALIBRATION}"):
            continue
        if figure.unit in WORST:
            limit = WORST[figure.unit](base.value)
            passed = value <= limit  # a NaN fails
        elif figure.unit in LEAST:
            limit = LEAST[figure.unit](base.value)
            passed = value >= limit
        else:
            continue
        verdicts.append(Verdict(key=figure.key, value=value, limit=limit, passed=passed))
    return verdicts
