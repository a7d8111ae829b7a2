"""The gate: a worse number fails, a better one passes, a slower machine is forgiven."""

from pathlib import Path

import pytest

from benchmarks.__main__ import gate, main, merged
from benchmarks.figures import BARS, Figure, meets_bar, print_figures, read_figures, write_figures
from benchmarks.gate import LEAST, WORST, judge

BASELINE = [
    Figure(key="cpu.calibration", value=10.0, unit="ms"),
    Figure(key="cpu.step.480x270.100k", value=12.0, unit="ms"),
    Figure(key="cpu.step.480x270.100k.vs_trial", value=1.0, unit="ratio"),
    Figure(key="line.demo.psnr", value=30.0, unit="dB"),
    Figure(key="line.demo.ssim", value=0.9, unit="ssim"),
    Figure(key="line.demo.registered", value=100.0, unit="% of frames"),
    Figure(key="line.demo.ate", value=0.1, unit="% of path"),
    Figure(key="line.install", value=800.0, unit="MB"),
    Figure(key="line.demo.wall", value=200.0, unit="s"),
]


def changed(key: str, value: float, calibration: float = 10.0) -> list[Figure]:
    """The baseline with one figure, and perhaps the machine, changed."""
    values = {f.key: f.value for f in BASELINE} | {"cpu.calibration": calibration, key: value}
    return [Figure(key=f.key, value=values[f.key], unit=f.unit) for f in BASELINE]


def passes(figures: list[Figure], key: str) -> bool:
    """The verdict on one figure."""
    (verdict,) = [v for v in judge(figures, BASELINE) if v.key == key]
    return verdict.passed


@pytest.mark.parametrize(
    ("key", "better", "within", "worse"),
    [
        ("cpu.step.480x270.100k", 8.0, 14.9, 15.1),
        ("cpu.step.480x270.100k.vs_trial", 0.8, 1.19, 1.21),
        ("line.demo.wall", 150.0, 269.0, 271.0),
        ("line.demo.psnr", 31.0, 29.75, 29.65),
        ("line.demo.ssim", 0.95, 0.895, 0.885),
        ("line.demo.registered", 100.0, 98.5, 97.5),
        ("line.demo.ate", 0.05, 0.149, 0.151),
        ("line.install", 500.0, 879.0, 881.0),
    ],
)
def test_worse_fails_and_better_passes(key: str, better: float, within: float, worse: float) -> None:
    """Every unit has a direction and a tolerance, and the limit lies where the documentation says."""
    assert passes(changed(key, better), key)
    assert passes(changed(key, within), key)
    assert not passes(changed(key, worse), key)
    assert gate(changed(key, better), BASELINE) == 0
    assert gate(changed(key, worse), BASELINE) == 1


def test_a_slower_machine_is_forgiven_and_a_faster_one_is_not_a_present() -> None:
    """Times are judged against the calibration of the same run; ratios and qualities are not touched by it."""
    step = "cpu.step.480x270.100k"
    assert passes(changed(step, 24.0, calibration=20.0), step)
    assert not passes(changed(step, 12.0, calibration=7.0), step)
    assert not passes(changed(step + ".vs_trial", 1.3, calibration=20.0), step + ".vs_trial")


def test_what_is_not_a_number_fails() -> None:
    """A NaN is never good enough, in either direction."""
    for key in ("cpu.step.480x270.100k", "line.demo.psnr"):
        assert not passes(changed(key, float("nan")), key)


def test_nothing_judged_is_a_failure() -> None:
    """A gate without a single common figure does not pass, nor does a case that did not finish."""
    assert gate([], BASELINE) == 1
    assert gate([Figure(key="cpu.new", value=1.0, unit="ms")], BASELINE) == 1
    assert gate(BASELINE, BASELINE) == 0
    assert gate([*BASELINE, Figure(key="line.can.failed", value=1, unit="failures")], BASELINE) == 1


def test_a_noisy_minute_passes_and_a_regression_stays() -> None:
    """What is worse is measured again: worse both times fails, worse once does not, and good runs are not redone."""
    step = "cpu.step.480x270.100k"
    slow, calls = changed(step, 20.0), list[str]()

    def again(figures: list[Figure]) -> list[Figure]:
        calls.append("again")
        return figures

    assert gate(slow, BASELINE, lambda: again(BASELINE)) == 0
    assert gate(slow, BASELINE, lambda: again(slow)) == 1
    assert gate(slow, BASELINE, lambda: again([])) == 1
    assert len(calls) == 3
    assert gate(BASELINE, BASELINE, lambda: again(slow)) == 0
    assert len(calls) == 3


def test_figures_survive_the_file(tmp_path: Path) -> None:
    """What is written is a list of key, value, unit and is read back the same."""
    write_figures(tmp_path / "f.json", BASELINE)
    assert read_figures(tmp_path / "f.json") == BASELINE
    (tmp_path / "g.json").write_text('[{"key": "a"}]')
    with pytest.raises(ValueError, match=r"g\.json"):
        read_figures(tmp_path / "g.json")


def test_a_new_baseline_speaks_of_the_old_machine() -> None:
    """Saving figures of a machine half as fast stores the times that the baseline's machine would have had."""
    slow = changed("cpu.step.480x270.100k", 22.0, calibration=20.0)
    stored = {f.key: f.value for f in merged(BASELINE, slow[:3])}
    assert stored["cpu.calibration"] == 10.0
    assert stored["cpu.step.480x270.100k"] == 11.0
    assert stored["line.demo.psnr"] == 30.0


def test_bars_know_their_direction(capsys: pytest.CaptureFixture[str]) -> None:
    """A quality must reach its bar, a time must stay under it, and the table says which did."""
    assert meets_bar(Figure(key="line.demo.psnr", value=29.0, unit="dB"))
    assert not meets_bar(Figure(key="line.demo.psnr", value=28.9, unit="dB"))
    assert meets_bar(Figure(key="line.demo.wall", value=480, unit="s"))
    assert not meets_bar(Figure(key="line.demo.wall", value=481, unit="s"))
    assert meets_bar(Figure(key="line.demo.unknown", value=1, unit="s")) is None
    print_figures([Figure(key="line.demo.psnr", value=28.9, unit="dB")], BASELINE)
    assert "missed" in capsys.readouterr().out


def test_the_committed_baseline_is_whole() -> None:
    """Every committed figure has a unit that the gate knows or that is only counted; the steps with a bar are in it."""
    figures = {f.key: f for f in read_figures(Path(main.__code__.co_filename).parent / "baseline.json")}
    counted = {"frames", "Gaussians"}
    assert {f.unit for f in figures.values()} <= {*WORST, *LEAST, *counted}
    assert {key for key in BARS if key.startswith("cpu.")} <= set(figures)
    assert gate(list(figures.values()), list(figures.values())) == 0
