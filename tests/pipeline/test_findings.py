"""Laws of what a finished run shows: each picture's fate is told as the steps before left it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roomsplat.capture.extract import Capture
from roomsplat.capture.probe import MediaInfo
from roomsplat.core.images import Frame
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.scene import SplatScene
from roomsplat.pipeline.compare import compare_views
from roomsplat.pipeline.findings import Findings, study
from roomsplat.pipeline.report import write_report
from roomsplat.pipeline.results import Fitted, Results, summarise
from roomsplat.pipeline.training_files import Trained
from roomsplat.posefree.stage import MANIFEST
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.train.evaluate import ImageScore
from tests.train.scenes import blobs, tiny_model

HOSTILE = "<script>alert(1)</script>"
LOST, PLACED = 4, 6


@pytest.fixture
def fitted(tmp_path: Path) -> Fitted:
    """Nine pictures of a film with a hostile name: one lost, one placed late, one held out."""
    model = tiny_model(CpuEngine(1), tmp_path)
    images = model.posed_images
    frames = tuple(
        Frame(index=i, timestamp_s=i / 2, name=f"{i / 2:.3f}s", path=path, sharpness=1.0)
        for i, path in enumerate(images.image_paths)
    )
    known = np.array([i for i in range(9) if i != LOST])
    kept: SparseModel = replace(
        model,
        posed_images=replace(
            images,
            cameras=images.cameras[known],
            image_paths=tuple(images.image_paths[i] for i in known),
            mask_paths=(None,) * len(known),
            is_eval=images.is_eval[known],
        ),
    )
    media = MediaInfo(
        kind="film", codec="h264", width=64, height=48, num_frames=90, duration_s=4.5, fps=20.0,
        transfer="sdr", orientation="upright",
    )  # fmt: skip
    dropped = {"black": 1, "frozen": 2, "duplicate": 3, "less_sharp": 75}
    trained = Trained(
        gaussians=blobs(),
        splat_model="default",
        num_steps=10,
        train_size=(64, 48),
        psnr=25.0,
        ssim=0.8,
        warnings=(),
        cameras=kept.posed_images.cameras,
        motion=None,
        scores=(ImageScore(index=0, psnr=25.0, ssim=0.8, corrected_psnr=26.0, corrected_ssim=0.9),),
    )
    return Fitted(
        source=Path(f"{HOSTILE}.mp4".replace("/", "")),
        out=tmp_path,
        quality="preview",
        capture=Capture(frames=frames, media=media, dropped=dropped, warnings=()),
        frames=tuple(frames[i] for i in known),
        num_placed=1,
        model=kept,
        trained=trained,
        key="key",
    )


def found(fitted: Fitted, folder: Path) -> Findings:
    """What the run shows."""
    scene = SplatScene(gaussians=fitted.trained.gaussians)
    return study(CpuEngine(1), scene, fitted.model, fitted.capture, fitted.frames, fitted.trained, folder)


def test_every_picture_has_its_fate(fitted: Fitted, tmp_path: Path) -> None:
    """Placed and refused pictures are those that the step before named, with its reason; else matching lost them."""
    assert found(fitted, tmp_path / "none").film.lost.keys() == {LOST}
    content = {
        "placed": [{"number": PLACED, "image": "a.jpg", "cam_from_world": [], "figures": {}}],
        "refused": [{"number": LOST, "reason": f"3 features match {HOSTILE}"}],
    }
    (tmp_path / MANIFEST).write_text(json.dumps(content))
    findings = found(fitted, tmp_path)
    assert findings.film.lost == {LOST: f"3 features match {HOSTILE}"}
    assert findings.placed == {PLACED}
    assert "frames_lost" in [advice.code for advice in findings.advice]


def test_the_report_tells_it_and_runs_nothing_of_it(fitted: Fitted, tmp_path: Path) -> None:
    """Why frames were left out, who was lost and why; names and reasons from outside stay text."""
    (tmp_path / MANIFEST).write_text(
        json.dumps({"placed": [], "refused": [{"number": LOST, "reason": HOSTILE}]})
    )
    engine, scene = CpuEngine(1), SplatScene(gaussians=fitted.trained.gaussians, scale="metric")
    findings = found(fitted, tmp_path)
    views = compare_views(engine, scene, fitted.model.posed_images, fitted.frames, fitted.trained.scores)
    results = Results(
        scene=scene, views=views, findings=findings, files=["scene.ply"], seconds={}, warnings=[]
    )
    summary = summarise(fitted, results, engine)
    write_report(tmp_path / "report.html", fitted, results, summary)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert "<script>alert" not in page
    assert "2.000s: &lt;script&gt;" in page
    for words in (
        "a sharper one is near",
        "repeats the frame before",
        "shows nothing new",
        "One unit of the scene is",
    ):
        assert words in page
    assert summary.held_out[0]["name"] == "0.000s"
    assert summary.eval_corrected_psnr == pytest.approx(26.0)
