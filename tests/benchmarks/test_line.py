"""The benchmark of the whole line: it reads what the command writes, and says when the command failed."""

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.line import CASES, CaseError, Setting, command_line, install, run_figures, run_line
from benchmarks.trial import load_trial


def test_figures_of_a_run(tmp_path: Path) -> None:
    """Every field of ``run.json`` that has a value becomes a figure with its unit; what is unknown is left out."""
    run = {
        "frames_extracted": 50,
        "frames_registered": 49,
        "num_gaussians": 1000,
        "eval_psnr": 29.5,
        "eval_ssim": 0.9,
        "ate_percent": None,
        "stage_seconds": {"capture": 1.0, "sfm": 2.0, "train": 3.0, "export": 4.0},
    }
    (tmp_path / "run.json").write_text(json.dumps(run))
    figures = {f.key: (f.value, f.unit) for f in run_figures("x", tmp_path, 11.0)}
    assert figures["line.x.registered"] == (98.0, "% of frames")
    assert figures["line.x.sfm"] == (2.0, "s")
    assert figures["line.x.wall"] == (11.0, "s")
    assert figures["line.x.psnr"] == (29.5, "dB")
    assert "line.x.ate" not in figures


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    """The benchmark's error carries what the command told its user."""
    assert command_line("--version") > 0
    with pytest.raises(CaseError, match="nowhere"):
        command_line("reconstruct", tmp_path / "nowhere.mp4", "-o", tmp_path / "out")


def test_a_case_that_fails_is_told_and_counted(tmp_path: Path) -> None:
    """A capture that cannot be used leaves a mark that the gate sees; one whose data is missing does not."""
    (tmp_path / "data" / "fox" / "images").mkdir(parents=True)
    (tmp_path / "out" / "fox").mkdir(parents=True)
    (tmp_path / "out" / "fox" / "run.json").write_text("left by an earlier run")
    said: list[str] = []

    def measured(name: str) -> set[str]:
        figures = run_line(
            shared=tmp_path, threads=2, quick=True, only=name, keep=tmp_path / "out", say=said.append
        )
        return {f.key for f in figures}

    assert measured("fox") == {"line.calibration", "line.fox.failed"}
    assert "FAILED" in said[-1]
    assert not (tmp_path / "out" / "fox" / "run.json").exists(), "a run that is timed starts from nothing"
    assert measured("bedroom") == {"line.calibration"}
    assert "left out" in said[-1]


def test_the_install_is_weighed(tmp_path: Path) -> None:
    """The size counts every required package: more than NumPy alone, less than a deep-learning framework."""
    (figure,) = install(Setting(shared=tmp_path, work=tmp_path, threads=1, quick=True))
    assert figure.unit == "MB"
    assert 100 < figure.value < 900


def test_cases_have_names_that_figures_carry() -> None:
    """The promised cases exist."""
    assert {"demo", "fox", "fox_posed_quarter", "fox_posed_full", "bedroom", "can", "help", "install"} == set(
        CASES
    )


def test_no_trial_is_no_error(tmp_path: Path) -> None:
    """Where the trial's folder is missing, there is just no ratio."""
    assert load_trial(tmp_path) is None


@pytest.mark.parametrize(("what", "known"), [("cpu", "480x270.100k"), ("line", "fox_posed_quarter")])
def test_a_case_that_does_not_exist_is_refused(what: str, known: str) -> None:
    """A typing error measures nothing, so it must not look like a success; the known names are listed."""
    with pytest.raises(SystemExit, match=known) as caught:
        main([what, "--only", "typo"])
    assert caught.value.code != 0
