"""Laws of what training leaves behind: read back it is what was written, and its cameras are those that go out."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.images import Frame
from roomsplat.core.progress import RunWarning
from roomsplat.formats.nerfstudio import read_transforms
from roomsplat.pipeline.export import replace_folder, write_cameras
from roomsplat.pipeline.run import with_training
from roomsplat.pipeline.training_files import Trained, load_training, save_training
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.train.evaluate import ImageScore
from roomsplat.train.floaters import Floaters
from roomsplat.train.poses import CameraMotion
from tests.train.scenes import blobs, ring_of_cameras, tiny_model

MOTION = CameraMotion(degrees=0.25, percent=0.4, focal_percent=-0.1)
FLOATERS = Floaters(unseen=5, single=4, removed=7, single_share=0.25, fog_before=0.125, fog=None)


def trained(motion: CameraMotion | None) -> Trained:
    """Nine cameras, each a little off where ``ring_of_cameras`` has it, and a longer focal length."""
    cameras = ring_of_cameras()
    poses = cameras.cam_from_world.copy()
    poses[:, :3, 3] += np.float32(0.01)
    return Trained(
        gaussians=blobs(5),
        splat_model="default",
        num_steps=7,
        train_size=(32, 24),
        psnr=None,
        ssim=0.5,
        warnings=(RunWarning(code="some_code", message="Some words."),),
        cameras=replace(cameras, cam_from_world=poses, intrinsics=cameras.intrinsics * np.float32(1.01)),
        motion=motion,
        scores=(ImageScore(index=8, psnr=25.5, ssim=0.75, corrected_psnr=26.5, corrected_ssim=0.8),),
        exposures=None if motion is None else np.full((9, 3, 5), 0.25),
        floaters=None if motion is None else FLOATERS,
    )


@pytest.mark.parametrize("motion", [None, MOTION])
def test_training_is_read_back(motion: CameraMotion | None, tmp_path: Path) -> None:
    """Figures, warnings, scores, exposures, cameras (bit for bit) and how far they moved."""
    written = trained(motion)
    save_training(tmp_path, written)
    read = load_training(tmp_path)
    names = (
        "splat_model",
        "num_steps",
        "train_size",
        "psnr",
        "ssim",
        "warnings",
        "motion",
        "scores",
        "floaters",
    )
    assert [getattr(read, name) for name in names] == [getattr(written, name) for name in names]
    assert (read.exposures is None) == (written.exposures is None)
    if read.exposures is not None and written.exposures is not None:
        np.testing.assert_array_equal(read.exposures, written.exposures)
    np.testing.assert_array_equal(read.cameras.cam_from_world, written.cameras.cam_from_world)
    np.testing.assert_array_equal(read.cameras.intrinsics, written.cameras.intrinsics)
    assert (read.cameras.width, read.cameras.height) == (64, 48)


def test_the_cameras_that_go_out_are_those_of_training(tmp_path: Path) -> None:
    """``cameras/`` holds where training left the cameras, not where structure from motion had put them."""
    model = tiny_model(CpuEngine(1), tmp_path)
    save_training(tmp_path, trained(MOTION))
    _, placed = with_training(model, tmp_path)
    frames = [
        Frame(index=i, timestamp_s=float(i), name=str(i), path=path, sharpness=1.0)
        for i, path in enumerate(model.posed_images.image_paths)
    ]
    exposures = np.random.default_rng(0).normal(size=(len(frames), 3, 5))
    replace_folder(write_cameras(tmp_path / "cameras", placed, frames, exposures), tmp_path / "cameras")
    rows = json.loads((tmp_path / "cameras" / "frames.json").read_text(encoding="utf-8"))
    np.testing.assert_array_equal([row["exposure"] for row in rows], exposures)
    found = read_transforms(tmp_path / "cameras" / "transforms.json").cameras
    wanted = trained(MOTION).cameras
    assert found.cam_from_world == pytest.approx(wanted.cam_from_world, abs=1e-5)
    assert found.intrinsics == pytest.approx(wanted.intrinsics, rel=1e-6)
    np.testing.assert_array_equal(placed.posed_images.is_eval, model.posed_images.is_eval)
