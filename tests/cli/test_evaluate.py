"""``roomsplat evaluate``: LPIPS where it can be had, a sentence where it cannot, and everything else either way."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from roomsplat.cli import evaluate as command
from roomsplat.cli.arguments import Evaluate
from roomsplat.core.images import Frame
from roomsplat.core.scene import SplatScene
from roomsplat.errors import WeightsError
from roomsplat.priors import lpips
from roomsplat.render.cpu.engine import CpuEngine
from tests.train.scenes import blobs, tiny_model


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that opens as a finished run of nine pictures of 64 × 48 px, the first held out."""
    model = tiny_model(CpuEngine(threads=1), tmp_path)
    paths = model.posed_images.image_paths
    frames = [
        Frame(index=i, timestamp_s=i, name=path.name, path=path, sharpness=1) for i, path in enumerate(paths)
    ]
    opened = SimpleNamespace(
        scene=SplatScene(gaussians=blobs(), splat_model="default"),
        images=model.posed_images,
        frames=frames,
        exposures=None,
        summary=SimpleNamespace(train_size=(64, 48)),
    )
    monkeypatch.setattr(command, "open_run", lambda _folder: opened)
    return tmp_path


def evaluated(capsys: pytest.CaptureFixture[str], run: Path, **given: object) -> str:
    """What the command prints."""
    command.run_evaluate(Evaluate(run=run, engine="cpu", **given))
    return capsys.readouterr().out


def present(monkeypatch: pytest.MonkeyPatch, metric: object, why: str = "") -> None:
    """As on a computer where looking for LPIPS finds this."""
    monkeypatch.setattr(lpips, "lpips_where_present", lambda: (metric, why))


def test_lpips_is_printed_where_it_can_be_had(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A column for people and a figure for programs; ``--lpips no`` takes both away."""
    present(monkeypatch, SimpleNamespace(distance=lambda _drawn, _truth: 0.125))
    assert "LPIPS" in evaluated(capsys, run)
    content = json.loads(evaluated(capsys, run, json=True))
    assert content["eval_lpips"] == 0.125
    assert [frame["lpips"] for frame in content["frames"].values()] == [0.125]
    assert "LPIPS" not in evaluated(capsys, run, lpips="no")
    assert "eval_lpips" not in json.loads(evaluated(capsys, run, json=True, lpips="no"))


def test_without_lpips_everything_else_is_printed(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence below the table, none between the lines that a program reads."""
    present(monkeypatch, None, "LPIPS is left out: no weights.")
    printed = evaluated(capsys, run)
    assert "00.png" in printed
    assert printed.count("LPIPS") == printed.count("LPIPS is left out: no weights.") == 1
    content = json.loads(evaluated(capsys, run, json=True))
    assert content["eval_psnr"] > 30
    assert "eval_lpips" not in content


def test_who_asks_for_lpips_is_told_what_is_missing(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--lpips yes`` fetches, and fails where ``auto`` goes on."""

    def refused() -> object:
        raise WeightsError("No connection.", hint="Try again.")

    present(monkeypatch, None, "LPIPS is left out.")
    monkeypatch.setattr(lpips, "Lpips", refused)
    with pytest.raises(WeightsError, match="No connection"):
        evaluated(capsys, run, lpips="yes")


def test_pictures_too_small_for_lpips_are_told(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At 24 px nothing is compared by a network that needs 31."""
    present(monkeypatch, SimpleNamespace(distance=np.nan))
    assert "needs pictures of 31 px" in evaluated(capsys, run, max_side=24).replace("\n", " ")
