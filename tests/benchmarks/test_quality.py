"""The benchmark of pictures: promises are worked out right, and a bad film is judged by the good one's pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.figures import BARS, CaseError, read_figures
from benchmarks.quality import LONG, USUAL, Row, lengths, one_run, print_rows, row_figures, verdicts
from benchmarks.quality_peer import PeerRow, write_peer_scene
from benchmarks.quality_scenes import CAPTURES, NAMES, Scene, posed_capture
from roomsplat.render.base import Engine
from roomsplat.synth.posed import make_posed_room
from roomsplat.train.config import TrainConfig
from roomsplat.train.evaluate import Perceptual


def row(scene: str, steps: int, psnr: float, gaussians: int = 100) -> Row:
    """A run of ours whose corrected PSNR is 1 dB better."""
    return Row(
        scene=scene, steps=steps, psnr=psnr, ssim=0.9, corrected=psnr + 1, corrected_ssim=0.9,
        gaussians=gaussians, seconds=1.0,
    )  # fmt: skip


def peer(strategy: str, steps: int, psnr: float) -> PeerRow:
    """One of the peer's on office."""
    return PeerRow(scene="office", strategy=strategy, steps=steps, psnr=psnr, ssim=0.8, gaussians=200)


def test_what_was_promised_is_worked_out() -> None:
    """Above the peer's best row, the loss of a long run, the share of Gaussians, and what a bad film costs."""
    rows = [row("office", USUAL, 28.0), row("office", LONG, 27.5), row("room", USUAL, 31.0)]
    rows += [row("jumps", USUAL, 30.0), row("figure", USUAL, 30.75)]
    peers = [peer("default", 3000, 26.0), peer("default", 7000, 25.0), peer("mcmc", 7000, 25.5)]
    got = {figure.key: figure.value for figure in verdicts(rows, peers)}
    assert got == pytest.approx(
        {
            "quality.office.above_peer": 2.0,
            "quality.office.gaussians_of_peer": 0.5,
            "quality.office.lost_by_long_run": 0.5,
            "quality.jumps.cost": 1.0,
            "quality.figure.cost": 0.25,
        }
    )
    promised = {key for key in BARS if key.startswith("quality.")}
    capture = [replace(p, scene=name) for p in peers for name in CAPTURES]
    runs = [row(name, steps, 30.0) for name in NAMES for steps in (USUAL, LONG)]
    assert promised <= {figure.key for figure in verdicts(runs, capture)}, "a bar that no figure can meet"


def test_lpips_stands_beside_the_other_figures_where_it_was_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A row with it has a figure and a cell; one without has neither."""
    rows = [row("office", USUAL, 28.0), replace(row("fox", USUAL, 28.0), lpips=0.1234)]
    figures = {f.key: f.value for f in row_figures(rows) if f.key.endswith(".lpips")}
    assert figures == {f"quality.fox.{USUAL}.lpips": 0.1234}
    print_rows(rows, [peer("default", 7000, 25.0)])
    assert capsys.readouterr().out.count("0.1234") == 1


def test_captures_are_run_long_too(tmp_path: Path) -> None:
    """Only a real film is asked whether a long run learns it by heart."""
    model = make_posed_room(tmp_path, num_images=9, width=32, height=24, num_points=50)
    scene = Scene(name="office", model=model, truth=model)
    assert LONG in lengths(scene, quick=False)
    assert lengths(replace(scene, name="room"), quick=False) == (USUAL,)


def test_the_peer_gets_our_cameras_and_pictures(tmp_path: Path) -> None:
    """Its scene holds our poses, one calibration, the points, and a copy of every picture; two lenses are refused."""
    (tmp_path / "room").mkdir()
    model = make_posed_room(tmp_path / "room", num_images=9, width=32, height=24, num_points=50)
    scene = Scene(name="office", model=model, truth=model)
    write_peer_scene(scene, tmp_path / "peer")
    with np.load(tmp_path / "peer" / "scene.npz") as stored:
        np.testing.assert_array_equal(stored["V"], model.posed_images.cameras.cam_from_world)
        np.testing.assert_array_equal(stored["K"], model.posed_images.cameras.intrinsics[3])
        np.testing.assert_array_equal(stored["wh"], [32, 24])
        assert len(stored["P"]) == len(stored["C"]) == len(model.points.positions)
        for name, path in zip(stored["names"].tolist(), model.posed_images.image_paths, strict=True):
            assert (tmp_path / "peer" / name).read_bytes() == path.read_bytes()
    images = model.posed_images
    intrinsics = images.cameras.intrinsics.copy()
    intrinsics[2, 0] += 1
    odd = replace(images, cameras=replace(images.cameras, intrinsics=intrinsics))
    with pytest.raises(CaseError, match="several focal lengths"):
        write_peer_scene(replace(scene, model=replace(model, posed_images=odd)), tmp_path / "odd")


def test_a_capture_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Neither cameras nor film: the failure says where they were looked for."""
    with pytest.raises(CaseError, match=r"images nor .*sfm\.json"):
        posed_capture("office", tmp_path / "shared", tmp_path / "keep", threads=1, say=print)


def test_a_bad_film_is_judged_by_the_good_ones_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trained on pictures with a figure, compared with those without; what is not there fails the gate."""
    out, seen = tmp_path / "figures.json", list[list[Path]]()

    def trained(scene: Scene, engine: Engine, config: TrainConfig, perceptual: Perceptual | None) -> Row:
        seen.extend([list(m.posed_images.image_paths) for m in (scene.model, scene.truth)])
        return one_run(scene, engine, config, perceptual)

    given = ["quality", "--quick", "--engine", "cpu", "--only", "figure,fox", "--shared", str(tmp_path)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.quality.one_run", trained)
        assert main([*given, "--keep", str(tmp_path / "keep"), "--json", str(out), "--gate"]) == 1
    bad, good = seen
    assert any(a.read_bytes() != b.read_bytes() for a, b in zip(bad, good, strict=True))
    figures = {figure.key: figure for figure in read_figures(out)}
    assert figures["quality.figure.150.corrected_psnr"].value > 15
    assert figures["quality.fox.failed"].unit == "failures"
    assert "fox did not finish" in capsys.readouterr().out
