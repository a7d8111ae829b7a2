"""Laws of the floor plan and of the way walls run."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from roomsplat.core.mesh import TriangleMesh
from roomsplat.core.transforms import Similarity
from roomsplat.meshing.heading import turn_about_z, wall_heading
from roomsplat.meshing.plan import FloorPlan, make_plan
from roomsplat.meshing.plan_svg import draw_plan
from tests.meshing.scenes import cameras_inside

WINDOW = ((1.2, 0.9), (2.4, 2.1))
DOOR = ((0.8, 0.0), (1.7, 2.1))


def wall(
    corner: list[float], along: list[float], hole: tuple[tuple[float, float], tuple[float, float]] | None
) -> np.ndarray:
    """(f, 3, 3) triangles of a wall 2.5 m high in cells of 10 cm, without those inside ``hole``."""
    length = float(np.linalg.norm(along))
    cells = list[np.ndarray]()
    for x in np.arange(0, length - 0.05, 0.1):
        for z in np.arange(0, 2.45, 0.1):
            inside = hole and hole[0][0] <= x + 0.05 <= hole[1][0] and hole[0][1] <= z + 0.05 <= hole[1][1]
            if not inside:
                a, b = (np.array(corner) + np.array(along) * s / length for s in (x, x + 0.1))
                low, high = np.array([0, 0, z]), np.array([0, 0, z + 0.1])
                cells += [np.array([a + low, b + low, b + high]), np.array([a + low, b + high, a + high])]
    return np.array(cells)


def room() -> TriangleMesh:
    """4 × 3 m with a floor, a window in the wall at y = 3, a door at x = 0, a cupboard before the wall at x = 4."""
    floor = np.array([[[0, 0, 0], [4, 0, 0], [4, 3, 0]], [[0, 0, 0], [4, 3, 0], [0, 3, 0]]], np.float64)
    parts = [
        floor,
        wall([4, 3, 0], [-4, 0, 0], WINDOW)[:, ::-1],
        wall([0, 3, 0], [0, -3, 0], DOOR)[:, ::-1],
        wall([0, 0, 0], [4, 0, 0], None)[:, ::-1],
        wall([4, 0, 0], [0, 3, 0], None)[:, ::-1],
        wall([3.5, 1.0, 0], [0, 1, 0], None)[:, ::-1],
    ]
    corners = np.concatenate(parts).reshape(-1, 3)
    return TriangleMesh(vertices=corners.astype(np.float32), faces=np.arange(len(corners)).reshape(-1, 3))


def turned(angle: float, scale: float = 1.0) -> FloorPlan:
    """The plan of the room turned by ``angle`` (rad) and enlarged."""
    mesh, cameras = room(), cameras_inside()
    half = angle / 2
    moved = Similarity(
        quat=np.array([np.cos(half), 0, 0, np.sin(half)]), translation=np.array([5.0, -2.0, 0.3]), scale=scale
    )
    vertices = moved.apply(mesh.vertices.astype(np.float64)).astype(np.float32)
    return make_plan(
        replace(mesh, vertices=vertices), cameras.moved(moved), "metric" if scale == 1 else "arbitrary"
    )


@pytest.mark.parametrize("degrees", [0.0, 17.0, 61.5])
def test_the_way_of_the_walls_is_found(degrees: float) -> None:
    """However a room stands, the direction of its walls is found within half a degree."""
    mesh = room()
    vertices = mesh.vertices @ turn_about_z(np.radians(degrees)).T
    off = np.degrees(wall_heading(replace(mesh, vertices=vertices.astype(np.float32)))) - degrees
    assert abs((off + 45) % 90 - 45) < 0.5


@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_walls_window_and_door_are_drawn_where_they_are(angle: float) -> None:
    """The plan is 4 × 3 m, has a window of 1.2 m and another opening of 0.9 m, and no wall for the cupboard."""
    plan = turned(angle)
    assert sorted(plan.size) == pytest.approx([3, 4], abs=0.06)
    assert plan.floor == pytest.approx(0.3, abs=0.03)
    found = {o.kind: o.end - o.start for o in plan.openings}
    assert len(plan.openings) == 2
    assert found["window"] == pytest.approx(1.2, abs=0.16)
    assert found["opening"] == pytest.approx(0.9, abs=0.16)
    ends = np.array([[w.start, w.end] for w in plan.walls])
    assert (ends[:, 1] - ends[:, 0]).sum() == pytest.approx(14 - 1.2 - 0.9, abs=0.5)


def test_a_scene_without_a_scale_gets_one_from_how_the_camera_is_held() -> None:
    """Enlarged three times and without a scale, the same walls and openings are found, in units."""
    plan = turned(0.0, 3.0)
    assert sorted(plan.size) == pytest.approx([9, 12], abs=0.2)
    assert {o.kind for o in plan.openings} == {"window", "opening"}
    drawing = draw_plan(plan, "room")
    assert " units<" in drawing
    assert " m<" not in drawing


def test_the_drawing_is_xml_whatever_the_title_holds() -> None:
    """A hostile title is shown as text; a bar says how long it is, and is as long as it says."""
    plan = turned(0.0)
    title = "\"><script>alert(1)</script>&'<!--"
    drawing = draw_plan(plan, title)
    tree = ET.fromstring(drawing)  # noqa: S314 - our own drawing, and what is tested
    texts = [node.text for node in tree.iter() if node.tag.endswith(("}text", "}title"))]
    assert title in texts
    assert not [node for node in tree.iter() if node.tag.endswith("}script")]
    assert "1 m" in texts
    box = [float(v) for v in tree.attrib["viewBox"].split()]
    assert box[2] > 300
    assert "prefers-color-scheme:dark" in drawing


def test_a_room_without_walls_still_has_a_plan() -> None:
    """Of a floor alone the plan shows the camera's path and the scale bar, and calls no size the room's."""
    floor = TriangleMesh(
        vertices=np.array([[0, 0, 0], [4, 0, 0], [4, 3, 0]], np.float32),
        faces=np.array([[0, 1, 2]], np.int32),
    )
    plan = make_plan(floor, cameras_inside(), "metric")
    assert plan.walls == ()
    assert plan.size == (0, 0)
    drawing = draw_plan(plan, "floor")
    assert "NaN" not in drawing
    tree = ET.fromstring(drawing)  # noqa: S314 - our own drawing
    texts = [node.text for node in tree.iter() if node.tag.endswith("}text")]
    assert "no straight wall found, size not known" in texts
    assert not any("×" in (text or "") for text in texts)
