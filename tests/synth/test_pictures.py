"""Laws of pictures: the same everywhere, true to the geometry, and like a room."""

from dataclasses import replace

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from roomsplat.synth.bake import BakedRoom
from roomsplat.synth.camera_path import camera_poses
from roomsplat.synth.develop import develop
from roomsplat.synth.texture import TOP, decode_texel, encode_texel, lod_of_squared, look_up
from roomsplat.synth.trace import encode_srgb, render_depth, render_light, render_view
from tests.synth.rooms import bake, baked, cameras, room


def test_same_seed_same_pixels_whatever_the_threads() -> None:
    """Baking and rendering anew, on one thread instead of all, gives the same bits."""
    camera = cameras(2).pinhole(1)
    expected = render_light(baked(), camera)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        again = bake(room())
        np.testing.assert_array_equal(again.atlas, baked().atlas)
        np.testing.assert_array_equal(render_light(again, camera), expected)
    finally:
        numba.set_num_threads(threads)


def test_other_seed_other_room() -> None:
    """Another seed differs in layout and in looks."""
    assert room(1).size != room(0).size
    first, second = (encode_srgb(render_light(baked(s), cameras(2, s).pinhole(0))) for s in (0, 1))
    assert np.abs(first - second).mean() > 0.08


def test_depth_carries_colours_from_view_to_view() -> None:
    """A pixel moved by its exact depth into the next view lands on its own colour where nothing hides it."""
    cams = cameras(14, width=256, height=192)
    views = [render_view(baked(), cams.pinhole(i)) for i in (3, 4)]
    y, x = np.mgrid[0:192, 0:256]
    fx, fy, cx, cy = cams.intrinsics[0]
    local = (
        np.stack([(x + 0.5 - cx) / fx, (y + 0.5 - cy) / fy, np.ones_like(x, np.float64)], -1)
        * views[0].depth[..., None]
    )
    first, second = (cams.cam_from_world[i].astype(np.float64) for i in (3, 4))
    moved = ((local - first[:3, 3]) @ first[:3, :3]) @ second[:3, :3].T + second[:3, 3]
    u, v = moved[..., 0] / moved[..., 2] * fx + cx - 0.5, moved[..., 1] / moved[..., 2] * fy + cy - 0.5
    inside = (moved[..., 2] > 0.1) & (u > 1) & (u < 254) & (v > 1) & (v < 190)
    assert inside.mean() > 0.4
    i, j = np.round(u[inside]).astype(int), np.round(v[inside]).astype(int)
    seen = np.abs(views[1].depth[j, i] - moved[..., 2][inside]) < 0.02 * moved[..., 2][inside]
    assert seen.mean() > 0.85
    difference = np.abs(views[0].rgb[inside][seen] - views[1].rgb[j[seen], i[seen]]).mean(axis=1)
    assert np.median(difference) < 0.012
    assert np.percentile(difference, 90) < 0.08


def test_alpha_is_one_and_depth_is_positive() -> None:
    """A closed room is seen at every pixel of every view."""
    for index in range(6):
        view = render_view(baked(), cameras(6).pinhole(index))
        assert (view.alpha == 1).all()
        assert (view.depth > 0.1).all()
        assert view.rgb.min() >= 0
        assert view.rgb.max() <= 1


def test_edges_are_smooth() -> None:
    """A camera that turns by a tenth of a pixel changes the picture by little everywhere: no silhouette jumps."""
    camera = cameras(4).pinhole(2)
    angle = 0.1 / camera.fx
    turn = np.array(
        [
            [np.cos(angle), 0, np.sin(angle), 0],
            [0, 1, 0, 0],
            [-np.sin(angle), 0, np.cos(angle), 0],
            [0, 0, 0, 1],
        ]
    )
    turned = replace(camera, cam_from_world=(turn @ camera.cam_from_world).astype(np.float32))
    before, after = (encode_srgb(render_light(baked(), c)) for c in (camera, turned))
    assert np.percentile(np.abs(after - before), 99.9) < 0.2
    assert np.abs(after - before).mean() < 0.01


def test_rolling_shutter_of_a_still_camera_is_no_shutter() -> None:
    """Rows that share one pose give the ordinary picture; rows of two poses give the rows of both."""
    cams = cameras(30)
    first, second = (render_light(baked(), cams.pinhole(i)) for i in (3, 4))
    half = cams.height // 2
    poses = np.repeat(cams.cam_from_world[[3, 4]], [half, cams.height - half], axis=0)
    rolled = render_light(baked(), cams.pinhole(3), poses=poses)
    np.testing.assert_allclose(rolled[:half], first[:half], atol=2e-3)
    np.testing.assert_allclose(rolled[half:], second[half:], atol=2e-3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_camera_stays_out_of_furniture(seed: int) -> None:
    """No surface comes nearer than 15 cm to the camera, and it stays between floor and ceiling, inside the walls."""
    poses = camera_poses(room(seed), np.linspace(0, 1, 120), 30.0, seed)
    centers = -np.einsum("nji,nj->ni", poses[:, :3, :3], poses[:, :3, 3])
    assert (centers > 0.8).all()
    assert (centers < np.array(room(seed).size) - 0.8).all()
    vertices = np.concatenate([_dense(p.vertices) for p in room(seed).patches])
    near = vertices[(np.abs(vertices - centers.mean(axis=0)) < 2.5).all(axis=1)]
    nearest = min(float(np.linalg.norm(near - c, axis=1).min()) for c in centers[::3])
    assert nearest > 0.15


def _dense(vertices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points on a patch at most about 10 cm apart."""
    points = vertices
    for axis in (0, 1):
        steps = np.linalg.norm(np.diff(points, axis=axis), axis=2)
        count = int(np.clip(np.ceil(steps.max() / 0.1), 1, 60))
        k = np.arange(count)[:, None, None, None] / count
        low, high = (
            np.take(points, range(points.shape[axis] - 1), axis),
            np.take(points, range(1, points.shape[axis]), axis),
        )
        between = (1 - k) * low + k * high
        points = np.concatenate([*between, points], axis=axis)
    return points.reshape(-1, 3)


def test_walk_is_continuous_and_revisits_its_start() -> None:
    """At 120 frames a second nothing jumps, speed is a person's, and the end sees what the start saw."""
    poses = camera_poses(room(), np.linspace(0, 1, 3600), 30.0, 0)
    np.testing.assert_allclose(
        poses[:, :3, :3] @ poses[:, :3, :3].transpose(0, 2, 1), np.tile(np.eye(3), (3600, 1, 1)), atol=1e-12
    )
    centers = -np.einsum("nji,nj->ni", poses[:, :3, :3], poses[:, :3, 3])
    speed = np.linalg.norm(np.diff(centers, axis=0), axis=1) * 120
    assert speed.max() < 0.9
    assert 0.15 < speed.mean() < 0.6
    turning = (
        np.arccos(np.clip((np.einsum("nij,nij->n", poses[1:, :3, :3], poses[:-1, :3, :3]) - 1) / 2, -1, 1))
        * 120
    )
    assert turning.max() < 1.4
    assert np.linalg.norm(centers[-400:] - centers[0], axis=1).min() < 0.25
    assert (np.abs(centers[:, 2].mean() - 1.48) < 0.1).all()


def test_pictures_have_the_statistics_of_a_room() -> None:
    """Well exposed, with shadow and light, colour in measure, and amplitudes that fall as in natural pictures."""
    cams = cameras(5, width=256, height=192)
    rgb = np.stack([encode_srgb(render_light(baked(), cams.pinhole(i))) for i in range(5)])
    grey = rgb.mean(axis=3)
    assert 0.35 < grey.mean() < 0.65
    assert grey.std() > 0.15
    assert (grey > 0.98).mean() < 0.06
    assert (grey < 0.02).mean() < 0.02
    saturation = (rgb.max(axis=3) - rgb.min(axis=3)).mean()
    assert 0.08 < saturation < 0.4
    # Amplitude of natural scenes falls as 1 / frequency (Field 1987); white noise would give 0.
    window = np.hanning(192)[:, None] * np.hanning(256)
    power = np.mean([np.abs(np.fft.fft2((g - g.mean()) * window)) ** 2 for g in grey], axis=0)
    frequency = np.hypot(np.fft.fftfreq(192)[:, None], np.fft.fftfreq(256))
    use = (frequency > 0.03) & (frequency < 0.35)
    slope = np.polyfit(np.log(frequency[use]), 0.5 * np.log(power[use]), 1)[0]
    assert -2.0 < slope < -0.8


def test_texels_survive_packing() -> None:
    """Display light is kept to half a grey level, and weights that sum to 2048 never spill into the next lane."""
    for value in np.linspace(0, 1, 57):
        back = decode_texel(encode_texel(value, 0.3, 1 - value), 1)
        assert encode_srgb(np.array(back)) == pytest.approx(
            encode_srgb(np.array([value, 0.3, 1 - value])), abs=0.5 / 255
        )
    white = np.uint64(encode_texel(1.0, 1.0, 1.0))
    assert decode_texel(np.uint64(white * np.uint64(2048)), 2048) == pytest.approx((1, 1, 1))
    assert TOP * 2048 < 2**21


def test_an_even_texture_is_even_at_every_level() -> None:
    """Filtering keeps a constant, wherever and however coarsely it is looked up."""
    scene: BakedRoom = baked()
    atlas = np.full(len(scene.atlas), encode_texel(0.2, 0.5, 0.8), np.uint64)
    expected = decode_texel(atlas[0], 1)
    for lod8 in range(-5, 90, 7):
        for u in (-0.1, 0.0, 0.33, 1.0):
            got = look_up(scene.surfaces.texture, atlas, 5, np.float32(u), np.float32(0.7), lod8)
            assert got == pytest.approx(expected, abs=1e-6)


def test_level_follows_the_footprint() -> None:
    """A footprint of 2^k texels is looked up at level k."""
    for level in range(8):
        assert lod_of_squared(np.float32(4.0**level)) == 8 * level
    assert lod_of_squared(np.float32(0.0)) < 0


def test_developing_adds_what_it_says() -> None:
    """Noise has the stated strength and no bias; gain brightens without clipping white; each frame differs."""
    light = np.full((120, 160, 3), 0.2158605, np.float32)  # sRGB mid grey
    noisy = develop(light, gain=1.0, noise=0.02, seed=1).astype(np.float64) / 255
    assert noisy.std() == pytest.approx(0.02, rel=0.1)
    assert noisy.mean() == pytest.approx(128 / 255, abs=0.002)
    assert (
        develop(light, gain=1.0, noise=0.02, seed=2) != develop(light, gain=1.0, noise=0.02, seed=1)
    ).mean() > 0.8
    clean = develop(light, gain=1.0, noise=0.0, seed=1)
    assert (clean == 128).all()
    assert develop(light, gain=1.2, noise=0.0, seed=1)[0, 0, 0] > 134
    ramp = np.linspace(0, 1, 480, dtype=np.float32).reshape(1, 160, 3)
    brighter = develop(ramp, gain=1.3, noise=0.0, seed=1).reshape(-1)
    assert (np.diff(brighter.astype(int)) >= 0).all()
    assert brighter[-1] == 255


def test_depth_agrees_with_light() -> None:
    """Where depth jumps, the picture has an edge more often than elsewhere."""
    camera = cameras(4).pinhole(1)
    depth, grey = render_depth(baked(), camera), encode_srgb(render_light(baked(), camera)).mean(axis=2)
    jump = np.abs(np.diff(np.log(depth), axis=1)) > 0.1
    step = np.abs(np.diff(grey, axis=1))
    assert jump.mean() > 0.005
    assert step[jump].mean() > 3 * step[~jump].mean()
