"""The public functions. Heavy packages are imported when a function runs, so that ``import roomsplat`` is instant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from roomsplat.core.cameras import Cameras, PinholeCamera
    from roomsplat.core.images import RenderOutput
    from roomsplat.core.scene import SplatScene
    from roomsplat.pipeline.config import PipelineConfig, Quality
    from roomsplat.pipeline.journal import Emit


def reconstruct(
    source: str | Path,
    out: str | Path,
    *,
    quality: Quality = "standard",
    config: PipelineConfig | None = None,
    masks: str | Path | None = None,
    on_event: Emit | None = None,
) -> SplatScene:
    """Turn a film or a folder of images into a splat; the same call after an interrupt continues.

    Args:
        source: a video (mp4, mov, mkv, webm) or a folder of images.
        out: the folder of results (``scene.ply``, ``cameras/``, ``preview.png``, ``tour.mp4``, ``report.html``).
        quality: a preset; ignored when ``config`` is given.
        config: every setting (``roomsplat.pipeline.config``).
        masks: a folder of masks for a folder of images, black is ignored; ``None``: ``masks`` in it or beside it.
        on_event: called with every event of the run (``roomsplat.pipeline.events``).

    Raises:
        RoomsplatError: whatever a user can cause, with a hint.
    """
    from roomsplat.pipeline.config import for_quality
    from roomsplat.pipeline.run import reconstruct as run

    settings = for_quality(quality) if config is None else config
    folder = None if masks is None else Path(masks)
    return run(Path(source), Path(out), settings, emit=on_event or (lambda _event: None), masks=folder).scene


def load(path: str | Path) -> SplatScene:
    """Read a splat; the suffix names the format (.ply, .sog, .spz, .splat, .glb).

    Raises:
        InvalidSettingError: the suffix is none that we know.
        InputNotFoundError: there is no such file.
        InvalidFileError: the file is damaged or of another kind.
    """
    from roomsplat.formats.scene_files import read_scene

    return read_scene(Path(path))


def save(scene: SplatScene, path: str | Path) -> None:
    """Write a splat; the suffix names the format: those of ``load``, .compressed.ply and .html.

    Raises:
        InvalidSettingError: the suffix is none that we know.
        OutputError: the file cannot be written.
    """
    from roomsplat.formats.scene_files import write_scene

    write_scene(Path(path), scene)


@overload
def render(
    scene: SplatScene, cameras: PinholeCamera, *, engine: str = "auto", device: int | None = None
) -> RenderOutput: ...
@overload
def render(
    scene: SplatScene, cameras: Cameras, *, engine: str = "auto", device: int | None = None
) -> tuple[RenderOutput, ...]: ...
def render(
    scene: SplatScene,
    cameras: PinholeCamera | Cameras,
    *,
    engine: str = "auto",
    device: int | None = None,
) -> RenderOutput | tuple[RenderOutput, ...]:
    """Render one view, or one per camera.

    Args:
        scene: what to look at.
        cameras: one ``PinholeCamera`` (one picture comes back) or ``Cameras`` (a tuple comes back).
        engine: ``auto``, ``cpu`` or ``cuda``.
        device: which GPU, counted from 0; ``None`` takes the first.

    Raises:
        EngineError: the engine is not available.
    """
    from roomsplat.core.cameras import PinholeCamera
    from roomsplat.render.engines import select_engine
    from roomsplat.render.view import prepare_scene, render_view

    chosen = select_engine(engine, device=device)
    splats, settings = prepare_scene(chosen, scene)
    if isinstance(cameras, PinholeCamera):
        return render_view(chosen, splats, cameras, settings)
    return tuple(render_view(chosen, splats, cameras.pinhole(i), settings) for i in range(len(cameras)))
