"""Laws of surfaces, trees and rays."""

import numpy as np
import pytest

from roomsplat.core.transforms import Similarity
from roomsplat.synth.bvh import FAR, STACK_SIZE, build_tree, closest_hit, is_blocked
from roomsplat.synth.packing import pack_geometry, pack_mesh
from roomsplat.synth.patches import Material, Patch, box, color, cushion, lathe, place, quad, tube
from roomsplat.synth.trace import render_depth
from tests.reference.ray_triangles import first_hit
from tests.synth.rooms import baked, cameras, rays, room

GREY = Material(kind=13, a=(0.5, 0.5, 0.5))
SOLIDS = {
    "box": box((1, 2, 3), (0.4, 0.6, 0.8), GREY),
    "cushion": cushion((1, 2, 3), (0.4, 0.6, 0.2), 0.05, GREY, bulge=0.02),
    "lathe": [lathe((1, 2, 3), [(0.0, -0.2), (0.2, -0.1), (0.2, 0.1), (0.0, 0.2)], GREY)],
    "tube": [tube([(1, 2, 2.5), (1, 2, 3.0), (1.1, 2, 3.5)], [0.1, 0.1, 0.1], GREY)],
}


@pytest.mark.parametrize("name", SOLIDS)
def test_solids_face_outwards(name: str) -> None:
    """Normals and the winding of triangles both point away from the middle of a convex solid."""
    patches = SOLIDS[name]
    middle = np.concatenate([p.vertices.reshape(-1, 3) for p in patches]).mean(axis=0)
    if name == "tube":
        middle = None  # its axis bends: away from the axis is tested through the winding only
    for patch in patches:
        mesh = pack_mesh([patch], shadow=False)
        normal = np.cross(mesh.triangles[:, 3:6], mesh.triangles[:, 6:])
        if middle is not None:
            out = mesh.triangles[:, :3] + (mesh.triangles[:, 3:6] + mesh.triangles[:, 6:]) / 3 - middle
            assert (np.einsum("ij,ij->i", normal, out) > 0).all()
            assert (np.einsum("ijk,ijk->ij", patch.normals, patch.vertices - middle) > 0).all()
        else:
            assert (normal[:, :2] * (mesh.triangles[:, :2] - [1.05, 2])).sum() > 0


def test_normals_have_length_one() -> None:
    """Every vertex of a furnished room has a finite position and a unit normal."""
    for patch in room().patches:
        assert np.isfinite(patch.vertices).all()
        np.testing.assert_allclose(np.linalg.norm(patch.normals, axis=2), 1, atol=1e-6)


def test_place_moves_rigidly() -> None:
    """Placing turns about +z and shifts, as the same rigid transform does."""
    [patch] = place([quad((0.3, 0.1, 0.2), (1, 0, 0), (0, 0, 1), GREY)], 2.0, 3.0, 0.7, 0.5)
    turn = Similarity(
        quat=np.array([np.cos(0.35), 0, 0, np.sin(0.35)]), translation=np.array([2.0, 3.0, 0.5])
    )
    expected = turn.apply(quad((0.3, 0.1, 0.2), (1, 0, 0), (0, 0, 1), GREY).vertices)
    np.testing.assert_allclose(patch.vertices, expected, atol=1e-7)


def test_color_is_linear() -> None:
    """Mid grey in sRGB is about a fifth of white in light."""
    assert color("#ffffff") == pytest.approx((1, 1, 1))
    assert color("#808080") == pytest.approx((0.2158605,) * 3, abs=1e-6)


def _random_triangles(count: int) -> np.ndarray:
    random = np.random.default_rng(3)
    corners = random.uniform(-1, 1, (count, 3))
    return np.concatenate([corners, random.normal(0, 0.15, (count, 6))], axis=1).astype(np.float32)


def test_tree_finds_what_brute_force_finds() -> None:
    """The first hit, and whether anything blocks, agree with trying every triangle."""
    triangles, random = _random_triangles(700), np.random.default_rng(4)
    boxes, links, order = build_tree(triangles)
    assert sorted(order) == list(range(700))
    stack = np.empty(STACK_SIZE, np.int32)
    hits = 0
    for _ in range(200):
        origin, direction = random.uniform(-1.5, 1.5, 3), random.normal(size=3)
        ray = [np.float32(v) for v in (*origin, *direction)]
        found, distance, _, _ = closest_hit(boxes, links, triangles[order], stack, *ray, FAR, -1)
        expected, reference = first_hit(triangles, *(np.array(ray, np.float64).reshape(2, 3)))
        assert (order[found] if found >= 0 else -1) == expected
        if found >= 0:
            hits += 1
            assert distance == pytest.approx(reference, rel=1e-3)
            assert is_blocked(boxes, links, triangles[order], stack, *ray, np.float32(reference * 1.01))
            assert not is_blocked(boxes, links, triangles[order], stack, *ray, np.float32(reference * 0.99))
    assert 50 < hits < 200


def test_hint_changes_nothing() -> None:
    """Any hinted triangle leads to the same first hit."""
    triangles = _random_triangles(100)
    boxes, links, order = build_tree(triangles)
    stack, ray = np.empty(STACK_SIZE, np.int32), [np.float32(v) for v in (-2, 0.1, 0, 1, 0, 0.02)]
    answers = {
        closest_hit(boxes, links, triangles[order], stack, *ray, FAR, hint)[0] for hint in range(-1, 100)
    }
    assert len(answers) == 1


def test_shadow_geometry_leaves_out_what_casts_none() -> None:
    """Lamp shades and the view outside let light through."""
    everything = pack_geometry(pack_mesh(room().patches, shadow=False))
    casting = pack_geometry(pack_mesh(room().patches, shadow=True))
    silent = {i for i, p in enumerate(room().patches) if not p.casts_shadow}
    assert len(silent) == 2
    assert set(everything.patch) - set(casting.patch) == silent


def test_depth_is_exact() -> None:
    """At random pixels the depth equals the first hit over all triangles, to 0.1 mm, but for pixels on an edge."""
    baked_room, cams = baked(), cameras(3)
    facing = _facing_only(room().patches)
    pixels = np.random.default_rng(5).integers(0, (cams.width, cams.height), (20, 2))
    for index in (0, 2):
        depth = render_depth(baked_room, cams.pinhole(index))
        origin, directions = rays(cams, index, pixels)
        triangles = facing(baked_room.mesh, origin)
        expected = np.array([first_hit(triangles, origin, d)[1] for d in directions])
        got = depth[pixels[:, 1], pixels[:, 0]]
        assert (np.abs(got - expected) < 1e-4 * expected).mean() > 0.98


def _facing_only(patches: tuple[Patch, ...]):
    two_sided = np.array([p.two_sided for p in patches])

    def keep(mesh, origin):
        normal = np.cross(mesh.triangles[:, 3:6], mesh.triangles[:, 6:])
        facing = np.einsum("ij,ij->i", normal, origin - mesh.triangles[:, :3]) > 0
        return mesh.triangles[facing | two_sided[mesh.patch]]

    return keep
