"""``report.html``: what was filmed, what was used, how good it is, what to do better. One file, no outside requests."""

from html import escape
from pathlib import Path

from roomsplat.capture.probe import MediaInfo
from roomsplat.core.scene import SplatScene
from roomsplat.media.images import reduced_size, resize_image
from roomsplat.page.site import light_viewer
from roomsplat.pipeline.report_film import advice_section, film_section, plan_section
from roomsplat.pipeline.report_pictures import PICTURE_SIDE, data_url, pairs_section
from roomsplat.pipeline.report_style import STYLE
from roomsplat.pipeline.report_viewer import STYLE as ROOM_STYLE
from roomsplat.pipeline.report_viewer import room_section
from roomsplat.pipeline.results import Fitted, Results
from roomsplat.pipeline.summary import RunSummary
from roomsplat.pipeline.workspace import write_text_whole


def write_report(path: Path, fitted: Fitted, results: Results, summary: RunSummary) -> None:
    """Write the report."""
    findings, cameras = results.findings, fitted.model.posed_images.cameras
    title = f"roomsplat: {escape(Path(summary.source).name)}"
    sections = [
        f"<h1>{title}</h1><p class=note>{_filmed(fitted.capture.media)} {_sentence(summary)}</p>",
        _figures(summary),
        "".join(f"<p class=warning>{escape(w.message)}</p>" for w in summary.warnings),
        _room(fitted, results),
        advice_section(findings),
        pairs_section(results.views),
        plan_section(findings, cameras, fitted.frames, is_metric=results.scene.scale == "metric"),
        film_section(findings, summary, fitted.capture),
        _tour(summary),
        "<h2>Cameras, scale, cost</h2>" + _cameras_note(summary) + _scale_note(results.scene),
        f"<div class=columns><div>{_seconds_table(summary)}</div><div>{_memory_table(summary)}</div></div>",
        _files_note(summary),
    ]
    body = "\n".join(sections)
    write_text_whole(
        path,
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}{ROOM_STYLE}</style>'
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


def _room(fitted: Fitted, results: Results) -> str:
    picture = results.views[len(results.views) // 2].rendered
    size = reduced_size(picture.shape[1], picture.shape[0], PICTURE_SIDE)
    poster = data_url(resize_image(picture, *size))
    return room_section(results.scene, fitted.model.posed_images, poster=poster, viewer=light_viewer())


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


def _cameras_note(summary: RunSummary) -> str:
    moved = summary.cameras_moved
    if moved is None:
        return "<p class=note>Fitting left the cameras where they were found.</p>"
    return (
        f"<p class=note>Fitting corrected the cameras: they turned by {moved['degrees']:.2f}° and moved by "
        f"{moved['percent']:.2f} % of the scene's depth on average, and the focal length changed by "
        f"{moved['focal_percent']:+.2f} %.</p>"
    )


def _scale_note(scene: SplatScene) -> str:
    if scene.scale == "metric":
        return "<p class=note>One unit of the scene is one metre.</p>"
    return (
        "<p class=note>The scale is arbitrary: a film alone does not tell how large a room is. Lengths in the scene "
        "are right relative to each other.</p>"
    )


def _seconds_table(summary: RunSummary) -> str:
    words = {
        "capture": "choosing pictures",
        "sfm": "finding cameras",
        "train": "fitting",
        "export": "writing",
    }
    rows = [(words.get(stage, stage), seconds) for stage, seconds in summary.stage_seconds.items()]
    rows.append(("together", sum(summary.stage_seconds.values())))
    cells = "".join(
        f"<tr><td>{escape(name)}</td><td class=n>{seconds:.1f} s</td></tr>" for name, seconds in rows
    )
    return f"<h3>Time</h3><table>{cells}</table>"


def _memory_table(summary: RunSummary) -> str:
    """The most that was held at once; a run that took stages over from an earlier one knows nothing of theirs."""
    memory = summary.memory_mb
    words = {
        "process": "this process",
        "largest_child": "the process that found the cameras",
        "device": "on the GPU at the end, whoever holds it",
        "device_total": "the GPU's own",
    }
    cells = "".join(
        f"<tr><td>{name}</td><td class=n>{memory[key]:,.0f} MB</td></tr>"
        for key, name in words.items()
        if key in memory
    )
    return f"<h3>Memory, at most</h3><table>{cells}</table>" if cells else ""


def _files_note(summary: RunSummary) -> str:
    names = ", ".join(f"<code>{escape(name)}</code>" for name in summary.files)
    return (
        f"<h2>Files</h2><p>{names}. Open <code>scene.ply</code> in any splat viewer; <code>cameras/</code> holds "
        f"a COLMAP model and a nerfstudio <code>transforms.json</code>. "
        f"Made by roomsplat {escape(summary.version)}.</p>"
    )


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{int(seconds // 60)} min {seconds % 60:.0f} s"
