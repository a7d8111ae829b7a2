"""The stage: a trained scene to a mesh, its files and a floor plan."""

from dataclasses import dataclass, replace
from pathlib import Path

from roomsplat.core.mesh import TriangleMesh
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import Progress, ReportProgress, silent
from roomsplat.core.scene import SplatScene
from roomsplat.formats.files import open_output
from roomsplat.formats.meshes import write_glb, write_mesh_ply, write_obj
from roomsplat.meshing.config import MeshConfig
from roomsplat.meshing.draw import draw_views
from roomsplat.meshing.paint import with_texture, with_vertex_colors
from roomsplat.meshing.plan import make_plan
from roomsplat.meshing.plan_svg import draw_plan
from roomsplat.meshing.solid import longest_side, solid_of
from roomsplat.render.base import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshResult:
    """What was made."""

    mesh: TriangleMesh
    """Simplified, coloured by vertex, in world units, +z up."""
    files: tuple[Path, ...]
    """Everything that was written, the .obj first."""
    voxel: float
    """Width of a voxel in world units: about what the mesh can show."""


def mesh_scene(
    engine: Engine,
    scene: SplatScene,
    model: SparseModel,
    out_dir: Path,
    config: MeshConfig,
    report: ReportProgress = silent,
) -> MeshResult:
    """Write ``mesh.obj`` (with ``.mtl`` and ``.jpg``), ``mesh.glb``, ``mesh.ply`` and ``plan.svg`` into ``out_dir``.

    Args:
        engine: who draws the depth.
        scene: the trained scene, +z up.
        model: its cameras are where depth is drawn from.
        out_dir: an existing folder.
        config: how fine.
        report: told what is being done.

    Raises:
        MeshError: the scene shows no surface.
        EngineError: the device failed or its memory is full.
        OutputError: a file cannot be written.
    """
    views = draw_views(engine, scene, model.posed_images.cameras, config, _part(report, 0.0, 0.6))
    report(Progress(fraction=0.6, message="making the surface"))
    solid = solid_of(views, config)
    report(Progress(fraction=0.75, message="painting the mesh"))
    coloured = with_vertex_colors(solid, views)
    textured = with_texture(solid, views, config.texture_side)
    report(Progress(fraction=0.95, message="writing the mesh"))
    files = write_obj(out_dir / "mesh.obj", textured, scene.scale)
    write_glb(out_dir / "mesh.glb", textured, scene.scale)
    write_mesh_ply(out_dir / "mesh.ply", coloured, scene.scale)
    plan = make_plan(solid, model.posed_images.cameras, scene.scale)
    with open_output(out_dir / "plan.svg") as file:
        file.write(draw_plan(plan, scene.provenance.get("source", "Floor plan")).encode("utf-8"))
    return MeshResult(
        mesh=coloured,
        files=(*files, out_dir / "mesh.glb", out_dir / "mesh.ply", out_dir / "plan.svg"),
        voxel=longest_side(views) / config.resolution,
    )


def _part(report: ReportProgress, start: float, end: float) -> ReportProgress:
    """A listener for a part of the work that goes from ``start`` to ``end`` of the whole."""

    def told(progress: Progress) -> None:
        report(replace(progress, fraction=start + (end - start) * progress.fraction))

    return told
