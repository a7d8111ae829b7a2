"""The mesh as a step of the line: made once, taken over by later runs, and never a reason to lose the scene."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.progress import ReportProgress, RunWarning
from roomsplat.core.scene import SplatScene
from roomsplat.errors import RoomsplatError
from roomsplat.meshing.config import MeshConfig
from roomsplat.meshing.scene import mesh_scene
from roomsplat.pipeline.workspace import Workspace, stage_key
from roomsplat.render.base import Engine

LEFT_OUT = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshStep:
    """What the step leaves."""

    files: tuple[str, ...]
    """Names in the folder of results; none without a mesh."""
    warnings: tuple[RunWarning, ...]
    """Why there is none, if one was asked for."""


def make_mesh(
    workspace: Workspace,
    engine: Engine,
    scene: SplatScene,
    model: SparseModel,
    config: MeshConfig,
    key: str,
    report: ReportProgress,
) -> MeshStep:
    """Make the mesh in ``work/mesh``, or take it from there, and copy it into the folder of results.

    Whatever goes wrong is a warning: what a user waited for is the scene, and that is written already.

    Args:
        workspace: the folder of results.
        engine: draws the depth.
        scene: the finished scene.
        model: its cameras.
        config: how fine, and whether at all.
        key: of what the scene depends on.
        report: told what is being done.
    """
    if not config.enabled:
        return MeshStep(files=(), warnings=())
    own_key = stage_key(config, key, engine.name)
    try:
        if not workspace.is_done("mesh", own_key):
            with workspace.produce("mesh", own_key) as folder:
                mesh_scene(engine, scene, model, folder, config, report)
        return MeshStep(files=_put_out(workspace.folder("mesh"), workspace.out), warnings=())
    except Exception as error:  # noqa: BLE001 - the scene is whole, and a mesh that fails must not take it away
        told = f"{error.message} {error.hint}" if isinstance(error, RoomsplatError) else f"{error!r:.200}."
        shutil.rmtree(workspace.work / ".mesh.part", ignore_errors=True)
        warning = RunWarning(
            code="mesh_failed", message=f"The mesh could not be made; the scene is whole without it. {told}"
        )
        return MeshStep(files=(), warnings=(warning,))


def _put_out(folder: Path, out: Path) -> tuple[str, ...]:
    """The folder's files in ``out``: names, in order.

    Copies, not links: who edits a mesh in place would edit what the next run takes over.
    """
    names: Sequence[str] = sorted(path.name for path in folder.iterdir() if path.name != LEFT_OUT)
    for name in names:
        part = out / f".{name}.part"
        shutil.copy2(folder / name, part)
        part.replace(out / name)
    return tuple(names)
