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
from roomsplat.meshing.free_space import without_floaters
from roomsplat.meshing.fuse import fuse
from roomsplat.meshing.paint import with_texture, with_vertex_colors
from roomsplat.meshing.plan import make_plan
from roomsplat.meshing.plan_svg import draw_plan
from roomsplat.meshing.solid import longest_side, solid_of
from roomsplat.meshing.views import DepthViews
from roomsplat.render.base import Engine

FIRST_LOOK = 0.75
"""Share of the resolution with which the first look is fused: it only has to tell what hangs in the air."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshResult:
    """What was made."""

    mesh: TriangleMesh
    """Simplified, coloured by vertex, in world units, +z up."""
    files: tuple[Path, ...]
    """Everything that was written, the .obj first."""
    voxel: float
    """Width of a voxel in world units: about what the mesh can show."""
    num_floaters: int
    """Gaussians that were left out because they hang in the air."""


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
    cleared, views = clear_views(engine, scene, model, config, _part(report, 0.0, 0.6))
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
        num_floaters=len(scene.gaussians) - len(cleared.gaussians),
    )


def clear_views(
    engine: Engine, scene: SplatScene, model: SparseModel, config: MeshConfig, report: ReportProgress
) -> tuple[SplatScene, DepthViews]:
    """The scene without what hangs in the air, and what it looks like.

    A first look at half the size tells what floats: a fifth of the Gaussians of rooms that were trained at preview
    quality. Without them the F-score at 5 cm rose from 0.765 to 0.810 (three rooms, docs/lab-notebook.md, "Mesh").
    """
    cameras = model.posed_images.cameras
    quick = replace(config, max_side=max(config.max_side // 2, 32))
    views = draw_views(engine, scene, cameras, quick, _part(report, 0.0, 0.3))
    volume = fuse(views, longest_side(views) / (FIRST_LOOK * config.resolution), config.max_blocks)
    if len(volume.keys):
        scene = replace(scene, gaussians=without_floaters(scene.gaussians, volume))
    return scene, draw_views(engine, scene, cameras, config, _part(report, 0.3, 1.0))


def _part(report: ReportProgress, start: float, end: float) -> ReportProgress:
    """A listener for a part of the work that goes from ``start`` to ``end`` of the whole."""

    def told(progress: Progress) -> None:
        report(replace(progress, fraction=start + (end - start) * progress.fraction))

    return told
