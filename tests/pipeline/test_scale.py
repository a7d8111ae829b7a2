"""Laws of the known length that makes a scene metric."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.cameras import Cameras
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.images import PosedImages
from roomsplat.core.point_cloud import PointCloud, SparseModel, Stance
from roomsplat.errors import InvalidSettingError
from roomsplat.pipeline.config import PipelineConfig, config_from_json, config_to_json
from roomsplat.pipeline.known_length import KnownLength
from roomsplat.pipeline.scale import to_scale
from roomsplat.pipeline.training_files import Trained
from roomsplat.render.base import RenderSettings
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.render.view import render_view

TRUE_HEIGHT = 1.6
UNITS_PER_METRE = 2.5
"""Of the world before it is scaled."""


def a_run(*, floor: bool = True) -> tuple[Trained, SparseModel]:
    """Cameras on a path of 3 m at 1.6 m above the floor, points and Gaussians before them, in units of 40 cm."""
    poses = np.tile(np.eye(4), (7, 1, 1))
    poses[:, :3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    centers = np.stack([np.linspace(-1.5, 1.5, 7), np.zeros(7), np.full(7, TRUE_HEIGHT)], axis=1)
    poses[:, :3, 3] = -np.einsum("cij,cj->ci", poses[:, :3, :3], UNITS_PER_METRE * centers)
    cameras = Cameras(
        intrinsics=np.tile(np.float32([60, 60, 32, 24]), (7, 1)),
        cam_from_world=poses.astype(np.float32),
        width=64,
        height=48,
    )
    random = np.random.default_rng(0)
    places = (UNITS_PER_METRE * random.uniform((-2, 2, 0.5), (2, 4, 2.5), (200, 3))).astype(np.float32)
    gaussians = Gaussians(
        means=places,
        quats=random.normal(size=(200, 4)).astype(np.float32),
        log_scales=random.uniform(-2.5, -1, (200, 3)).astype(np.float32),
        opacity_logits=random.normal(1, 1, 200).astype(np.float32),
        sh=random.normal(0, 0.4, (200, 4, 3)).astype(np.float32),
    )
    points = PointCloud(
        positions=places,
        colors=np.zeros((200, 3), np.uint8),
        errors=np.zeros(200, np.float32),
        track_lengths=np.full(200, 3, np.int32),
    )
    images = PosedImages(
        cameras=cameras,
        image_paths=tuple(Path(f"{i}.png") for i in range(7)),
        mask_paths=(None,) * 7,
        is_eval=np.zeros(7, np.bool_),
    )
    stance = Stance(vertical="edges", floor_at_zero=floor)
    model = SparseModel(
        posed_images=images, points=points, scale="arbitrary", num_input_images=7, stance=stance
    )
    trained = Trained(
        gaussians=gaussians,
        splat_model="default",
        num_steps=1,
        train_size=(64, 48),
        psnr=None,
        ssim=None,
        warnings=(),
        cameras=cameras,
        motion=None,
    )
    return trained, model


@pytest.mark.parametrize("scale", ["camera-height=1.6", "path=3", "factor=0.4", " path = 3.0"])
def test_a_known_length_is_that_long_afterwards(scale: str) -> None:
    """Whichever length is known, the scene comes out in metres: cameras, points and Gaussians."""
    trained, model = to_scale(*a_run(), scale)
    assert model.scale == "metric"
    assert trained.warnings == ()
    centers = model.posed_images.cameras.centers
    np.testing.assert_allclose(centers[:, 2], TRUE_HEIGHT, rtol=1e-5)
    np.testing.assert_allclose(centers[-1, 0] - centers[0, 0], 3, rtol=1e-5)
    np.testing.assert_allclose(trained.cameras.centers, centers, rtol=1e-6)
    before, given = a_run()
    np.testing.assert_allclose(model.points.positions, given.points.positions / UNITS_PER_METRE, rtol=1e-5)
    np.testing.assert_allclose(trained.gaussians.means, before.gaussians.means / UNITS_PER_METRE, rtol=1e-5)
    np.testing.assert_allclose(trained.gaussians.scales, before.gaussians.scales / UNITS_PER_METRE, rtol=1e-5)


def test_pictures_stay_the_same() -> None:
    """A larger world seen from cameras further apart looks the same, to rounding."""
    engine, settings = CpuEngine(), RenderSettings(sh_degree=1)
    before, model = a_run()
    after, larger = to_scale(before, model, "camera-height=1.6")
    first = render_view(engine, before.gaussians, model.posed_images.cameras.pinhole(2), settings)
    second = render_view(engine, after.gaussians, larger.posed_images.cameras.pinhole(2), settings)
    assert first.rgb.std() > 0.05
    np.testing.assert_allclose(second.rgb, first.rgb, atol=2e-4)


def test_no_floor_no_height() -> None:
    """Where the floor was not seen the camera's height says nothing: the scene stays as it is, and the user is told."""
    given, model = a_run(floor=False)
    trained, same = to_scale(given, model, "camera-height=1.6")
    assert same is model
    assert trained.gaussians is given.gaussians
    assert [warning.code for warning in trained.warnings] == ["scale_unknown"]


def test_a_camera_that_stands_has_no_path() -> None:
    """A film from one place has no way to measure."""
    given, model = a_run()
    images = model.posed_images
    poses = np.repeat(images.cameras.cam_from_world[:1], 7, axis=0)
    standing = replace(images, cameras=replace(images.cameras, cam_from_world=poses))
    trained, same = to_scale(given, replace(model, posed_images=standing), "path=3")
    assert same.scale == "arbitrary"
    assert [warning.code for warning in trained.warnings] == ["scale_unknown"]


def test_nothing_known_changes_nothing() -> None:
    """Without a length the world keeps its arbitrary scale, and says so."""
    given, model = a_run()
    assert to_scale(given, model, None) == (given, model)
    assert model.scale == "arbitrary"


@pytest.mark.parametrize(
    "text",
    ["", "1.5", "height=2", "camera-height", "camera-height=", "camera-height=tall", "camera-height=-1",
     "camera-height=160", "path=0", "path=inf", "factor=nan", "factor=0", "factor=1e9"],
)  # fmt: skip
def test_what_is_no_length_is_refused(text: str) -> None:
    """Before anything runs, in one sentence that repeats what was given and shows how to say it."""
    with pytest.raises(InvalidSettingError) as caught:
        PipelineConfig(scale=text)
    assert repr(text) in caught.value.message
    assert "camera-height=1.5" in caught.value.hint


def test_the_settings_keep_the_length() -> None:
    """A settings file and a job's JSON carry it, and refuse a wrong one alike."""
    assert config_from_json('{"scale": "path=12.3"}').scale == "path=12.3"
    assert config_from_json(config_to_json(PipelineConfig(scale="factor=2"))).scale == "factor=2"
    assert KnownLength.parse("factor=2") == KnownLength(kind="factor", metres=2.0)
    with pytest.raises(InvalidSettingError, match="tall"):
        config_from_json('{"scale": "path=tall"}')
