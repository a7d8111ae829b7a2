"""``report.html``: what was filmed, what was used, how good it is. One file, no outside requests."""

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from roomsplat.capture.extract import Capture
from roomsplat.capture.probe import MediaInfo
from roomsplat.core.point_cloud import SparseModel
from roomsplat.core.scene import SplatScene
from roomsplat.page.site import light_viewer
from roomsplat.pipeline.export import ComparedView
from roomsplat.pipeline.plan_view import plan_svg
from roomsplat.pipeline.report_viewer import STYLE as ROOM_STYLE
from roomsplat.pipeline.report_viewer import room_section
from roomsplat.pipeline.summary import RunSummary
from roomsplat.pipeline.workspace import write_text_whole
from roomsplat.sfm.solve import SfmResult

PICTURE_SIDE = 640
"""Longer side of the report's pictures in px: six pairs stay under 1.5 MB."""

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8883; --accent: #2f7ed8; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
.figures { display: flex; flex-wrap: wrap; gap: .8rem; padding: 0; list-style: none }
.figures li { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .9rem; min-width: 7rem }
.figures b { display: block; font-size: 1.35rem } .figures span, .note, figcaption { opacity: .75; font-size: .9rem }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .3rem; margin: 1rem 0 0 }
.pair img, .plan svg { width: 100%; height: auto; border-radius: .3rem; background: var(--soft) }
.plan { max-width: 40rem }
.tour { width: 100%; max-width: 40rem; border-radius: .3rem; background: var(--soft) }
figure { margin: 0 } figcaption { grid-column: 1 / 3 }
table { border-collapse: collapse }
td, th { text-align: left; padding: .25rem 1.2rem .25rem 0; border-bottom: 1px solid var(--line) }
td.n { text-align: right; font-variant-numeric: tabular-nums }
.warning { border-left: .3rem solid #e0a000; padding: .3rem .8rem; background: var(--soft); margin: .5rem 0 }
"""


def write_report(
    path: Path,
    summary: RunSummary,
    capture: Capture,
    sfm: SfmResult,
    model: SparseModel,
    views: Sequence[ComparedView],
    scene: SplatScene,
) -> None:
    """Write the report."""
    title = f"roomsplat: {escape(Path(summary.source).name)}"
    sections = [
        f"<h1>{title}</h1><p class=note>{_filmed(capture.media)} {_sentence(summary)}</p>",
        _figures(summary),
        "".join(f"<p class=warning>{escape(w.message)}</p>" for w in summary.warnings),
        _room(scene, model, views),
        _tour(summary),
        "<h2>Filmed and rebuilt</h2>" + "".join(_pair(view) for view in views),
        f"<h2>The path from above</h2><div class=plan>{plan_svg(model, sfm.frames)}</div>",
        _frames_table(summary, capture),
        _seconds_table(summary),
        _files_note(summary),
    ]
    body = "\n".join(sections)
    write_text_whole(
        path,
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}{ROOM_STYLE}</style>'
        f"<body>{body}</body></html>\n",
    )


def _filmed(media: MediaInfo) -> str:
    size = f"{media.width} × {media.height} px"
    if media.kind == "pictures":
        return f"A folder of {media.num_frames} pictures ({escape(media.codec)}), {size}."
    hdr = "" if media.transfer == "sdr" else f", {media.transfer.upper()} brought to standard range"
    turned = "" if media.orientation == "upright" else f", stored {escape(media.orientation)}"
    return (
        f"A film of {_minutes(media.duration_s)}, {size} at {media.fps:.4g} frames a second "
        f"({escape(media.codec)}{hdr}{turned})."
    )


def _room(scene: SplatScene, model: SparseModel, views: Sequence[ComparedView]) -> str:
    poster = _data_url(views[len(views) // 2].rendered)
    return room_section(scene, model.posed_images, poster=poster, viewer=light_viewer())


def _tour(summary: RunSummary) -> str:
    if "tour.mp4" not in summary.files:
        return ""
    return (
        "<h2>A flight along the path</h2>"
        "<video class=tour src='tour.mp4' controls loop muted playsinline preload=metadata></video>"
    )


def _sentence(summary: RunSummary) -> str:
    width, height = summary.train_size
    held = "" if summary.eval_psnr is None else " Quality is measured on pictures that training never saw."
    return (
        f"{summary.frames_extracted} pictures were taken from the input, the cameras of "
        f"{summary.frames_registered} were found, and {summary.num_gaussians:,} Gaussians were fitted "
        f"at {width} × {height} px in {summary.num_steps:,} "
        f"steps ({escape(summary.quality)}, {escape(summary.engine)} engine).{held}"
    )


def _figures(summary: RunSummary) -> str:
    shown: list[tuple[str, str]] = []
    if summary.eval_psnr is not None and summary.eval_ssim is not None:
        shown += [
            (f"{summary.eval_psnr:.2f} dB", "PSNR, held out"),
            (f"{summary.eval_ssim:.3f}", "SSIM, held out"),
        ]
    share = 100 * summary.frames_registered / max(summary.frames_extracted, 1)
    shown += [(f"{share:.0f} %", "cameras found"), (f"{summary.num_gaussians:,}", "Gaussians")]
    if summary.ate_percent is not None:
        shown.append((f"{summary.ate_percent:.3f} %", "path error, of its length"))
    shown.append((_minutes(sum(summary.stage_seconds.values())), "whole run"))
    return "<ul class=figures>" + "".join(f"<li><b>{v}</b><span>{k}</span></li>" for v, k in shown) + "</ul>"


def _pair(view: ComparedView) -> str:
    error = np.mean((view.captured.astype(np.float64) - view.rendered) ** 2)
    psnr = 10 * np.log10(255.0**2 / max(error, 1e-9))
    held = "held out" if view.is_eval else "trained on"
    return (
        f"<figure class=pair><img alt='filmed' src='{_data_url(view.captured)}'>"
        f"<img alt='rebuilt' src='{_data_url(view.rendered)}'>"
        f"<figcaption>{escape(view.frame.name)}: filmed, and the splat from the same place ({held}, {psnr:.1f} dB)"
        f"</figcaption></figure>"
    )


def _data_url(rgb: NDArray[np.uint8]) -> str:
    image = Image.fromarray(rgb)
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _frames_table(summary: RunSummary, capture: Capture) -> str:
    rows = [("kept", len(capture.frames))]
    rows += [
        (f"left out: {reason.replace('_', ' ')}", count) for reason, count in capture.dropped.items() if count
    ]
    rows.append(("cameras found", summary.frames_registered))
    if summary.frames_placed:
        rows.append(("of these, lost at first and placed against the scene", summary.frames_placed))
    cells = "".join(f"<tr><td>{escape(name)}</td><td class=n>{count}</td></tr>" for name, count in rows)
    return f"<h2>Pictures</h2><table>{cells}</table>{_cameras_note(summary)}"


def _cameras_note(summary: RunSummary) -> str:
    moved = summary.cameras_moved
    if moved is None:
        return "<p class=note>Fitting left the cameras where they were found.</p>"
    return (
        f"<p class=note>Fitting corrected the cameras: they turned by {moved['degrees']:.2f}° and moved by "
        f"{moved['percent']:.2f} % of the scene's depth on average, and the focal length changed by "
        f"{moved['focal_percent']:+.2f} %.</p>"
    )


def _seconds_table(summary: RunSummary) -> str:
    words = {"capture": "choosing frames", "sfm": "finding cameras", "train": "fitting", "export": "writing"}
    cells = "".join(
        f"<tr><td>{words.get(stage, stage)}</td><td class=n>{seconds:.1f} s</td></tr>"
        for stage, seconds in summary.stage_seconds.items()
    )
    return f"<h2>Time</h2><table>{cells}</table>"


def _files_note(summary: RunSummary) -> str:
    names = ", ".join(f"<code>{escape(name)}</code>" for name in summary.files)
    return (
        f"<h2>Files</h2><p>{names}. Open <code>scene.ply</code> in any splat viewer; <code>cameras/</code> holds "
        f"a COLMAP model and a nerfstudio <code>transforms.json</code>. "
        f"Made by roomsplat {escape(summary.version)}.</p>"
    )


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{int(seconds // 60)} min {seconds % 60:.0f} s"
