"""The value types check their shapes once, hold float32, and convert stored values to real ones."""

from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.cameras import Cameras
from roomsplat.core.checks import fits_float32, float_array
from roomsplat.core.gaussians import Gaussians
from roomsplat.core.images import DepthMap, PosedImages, RenderOutput
from roomsplat.core.point_cloud import PointCloud
from roomsplat.core.progress import Progress, silent


def gaussians(count: int = 5, degree: int = 2) -> Gaussians:
    """Gaussians of any shape."""
    rng = np.random.default_rng(count)
    return Gaussians(
        means=rng.normal(size=(count, 3)),
        quats=rng.normal(size=(count, 4)),
        log_scales=rng.normal(size=(count, 3)),
        opacity_logits=rng.normal(size=count),
        sh=rng.normal(size=(count, (degree + 1) ** 2, 3)),
    )


def test_arrays_are_float32_and_contiguous() -> None:
    """Whatever float type or memory order goes in, C-contiguous float32 comes out."""
    array = float_array("x", np.asfortranarray(np.ones((3, 2))), (None, 2))
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    ready = np.ones((3, 2), np.float32)
    assert float_array("x", ready, (3, 2)) is ready, "what is right is not copied"


def test_a_wrong_shape_is_named() -> None:
    """The sentence names the field, the shape found and the shape expected."""
    with pytest.raises(ValueError, match=r"means has shape \(2, 2\), expected \(2, 3\)"):
        float_array("means", np.ones((2, 2)), (2, 3))


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_gaussians_know_their_degree(degree: int) -> None:
    """The degree follows from the number of coefficients."""
    assert gaussians(degree=degree).sh_degree == degree


def test_real_values_of_stored_ones() -> None:
    """Scales are exponentials, opacities logistic, rotations orthonormal, and nothing overflows on the way."""
    made = gaussians(2)
    extreme = Gaussians(
        means=made.means,
        quats=made.quats,
        log_scales=made.log_scales,
        opacity_logits=np.array([-200.0, 200.0]),
        sh=made.sh,
    )
    assert extreme.opacities.tolist() == [0, 1]
    assert np.allclose(np.log(made.scales), made.log_scales, rtol=0, atol=1e-6)
    assert np.allclose(np.log(made.opacities / (1 - made.opacities)), made.opacity_logits, rtol=0, atol=1e-5)
    assert np.allclose(made.rotations @ np.swapaxes(made.rotations, 1, 2), np.eye(3), rtol=0, atol=1e-6)


def test_subset_of_gaussians() -> None:
    """A mask and indices choose the same rows of every field."""
    made = gaussians()
    part, same = made[np.array([False, True, False, True, True])], made[np.array([1, 3, 4])]
    for name in ("means", "quats", "log_scales", "opacity_logits", "sh"):
        assert np.array_equal(getattr(part, name), getattr(made, name)[[1, 3, 4]])
        assert np.array_equal(getattr(part, name), getattr(same, name))


def test_gaussians_of_odd_harmonics_are_refused() -> None:
    """A number of coefficients that is no square of a degree's is refused."""
    made = gaussians()
    with pytest.raises(ValueError, match="expected 1, 4, 9 or 16"):
        Gaussians(
            means=made.means,
            quats=made.quats,
            log_scales=made.log_scales,
            opacity_logits=made.opacity_logits,
            sh=made.sh[:, :3],
        )


def test_points_must_belong_together() -> None:
    """Colours of another number of points are refused."""
    with pytest.raises(ValueError, match="2 positions"):
        PointCloud(
            positions=np.zeros((2, 3)),
            colors=np.zeros((3, 3), np.uint8),
            errors=np.zeros(2),
            track_lengths=np.zeros(2, np.int32),
        )


@pytest.mark.parametrize(
    ("images", "masks", "marks"), [(1, 2, 2), (2, 1, 2), (2, 2, 3)], ids=["images", "masks", "marks"]
)
def test_images_must_belong_together(images: int, masks: int, marks: int) -> None:
    """One path, mask or mark too few or too many is noticed where the value is made."""
    two = Cameras(intrinsics=np.ones((2, 4)), cam_from_world=np.zeros((2, 4, 4)), width=2, height=2)
    with pytest.raises(ValueError, match=f"2 cameras, {images} images, {masks} masks, {marks} marks"):
        PosedImages(
            cameras=two,
            image_paths=(Path("a.png"),) * images,
            mask_paths=(None,) * masks,
            is_eval=np.zeros(marks, np.bool_),
        )


def test_pictures_have_one_size() -> None:
    """What belongs together is taken, as float32; confidence, alpha and depth of another size are refused."""
    view = RenderOutput(rgb=np.ones((4, 5, 3)), alpha=np.ones((4, 5)), depth=np.ones((4, 5)))
    assert {view.rgb.dtype, view.alpha.dtype, view.depth.dtype} == {np.dtype(np.float32)}
    with pytest.raises(ValueError, match="confidence"):
        DepthMap(depth=np.zeros((4, 5)), confidence=np.zeros((5, 4)))
    with pytest.raises(ValueError, match="alpha"):
        RenderOutput(rgb=np.zeros((4, 5, 3)), alpha=np.zeros((4, 4)), depth=np.zeros((4, 5)))
    with pytest.raises(ValueError, match="depth"):
        RenderOutput(rgb=np.zeros((4, 5, 3)), alpha=np.zeros((4, 5)), depth=np.zeros((4, 4)))


def test_silence() -> None:
    """The silent listener takes any report."""
    assert silent(Progress(fraction=0.5, message="halfway")) is None  # pyright: ignore[reportCallIssue] - that it is silent is the law


def test_what_float32_can_hold() -> None:
    """Numbers up to float32's largest are held; larger ones, infinities and NaN are not."""
    largest = float(np.finfo(np.float32).max)
    assert fits_float32([0.0, -largest, largest])
    assert fits_float32([])
    for wrong in (largest * 1.001, -largest * 1.001, np.inf, -np.inf, np.nan):
        assert not fits_float32([0.0, wrong])
