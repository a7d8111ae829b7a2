"""``report.html``: what was filmed, what was used, how good it is, what to do better. One file, no outside requests."""

import base64
from html import escape
from pathlib import Path

from roomsplat.capture.probe import MediaInfo
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

PLAN = "plan.svg"
STAGES = {"capture": "choosing pictures", "sfm": "finding cameras", "train": "fitting", "export": "writing"}
PARTS = {"formats": "files of the scene", "pictures": "pictures and tour", "report": "looking at the film"}
ABOUT = {
    "scene.ply": "the splat, everything in it, for any splat viewer",
    "scene.spz": "the splat, small",
    "scene.sog": "the splat, small, for the web",
    "scene.splat": "the splat for simple viewers",
    "scene.compressed.ply": "the splat, compressed",
    "scene.glb": "the splat as glTF",
    "scene.html": "the splat with its viewer in one page",
    "mesh.glb": "the mesh with its texture in one file",
    "mesh.obj": "the mesh for 3D programs, with mesh.mtl and its texture",
    "mesh.ply": "the mesh with a colour at each corner",
    PLAN: "the floor plan",
    "thumbnail.jpg": "the sharpest picture of the film, small",
    "preview.png": "the splat from where the film was shot",
    "cameras": "a COLMAP model, a nerfstudio transforms.json and the pictures",
    "tour.mp4": "a flight along the path",
}
"""What files are for."""


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
        _floor_plan(fitted.out, summary),
        film_section(findings, summary, fitted.capture),
        _tour(summary),
        "<h2>Cameras, scale, cost</h2>"
        + _cameras_note(summary)
        + _standing_note(summary)
        + _floaters_note(summary),
        f"<div class=columns><div>{_seconds_table(summary)}</div><div>{_memory_table(summary)}</div></div>",
        _files_table(fitted.out, summary),
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
    if summary.eval_corrected_psnr is not None:
        shown.append((f"{summary.eval_corrected_psnr:.2f} dB", "PSNR, colours corrected"))
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


VERTICAL = {
    "edges": "Straight edges in the pictures tell which way is up, to a fraction of a degree.",
    "gravity": "The film's metadata (its accelerometer) tells which way is up, to about a degree.",
    "floor": "The floor tells which way is up, to a fraction of a degree.",
    "cameras": "Which way is up was told by how the camera was held: the room may lean by a few degrees.",
}
"""What told the vertical, in words; cameras that were given need none."""


def _standing_note(summary: RunSummary) -> str:
    """How the scene stands, and what its unit is."""
    words = [VERTICAL.get(str(summary.upright.get("vertical")), "")]
    if summary.upright.get("walls_along_axes"):
        words.append("The walls run along x and y.")
    if summary.upright.get("floor_at_zero"):
        words.append("The floor lies at z = 0.")
    if summary.scale == "metric":
        words.append("One unit of the scene is one metre.")
    else:
        words.append(
            "The scale is arbitrary: a film alone does not tell how large a room is. Lengths are right relative to "
            "each other; a known one makes them metres (--scale camera-height=1.5, path=12.3 or factor=0.8)."
        )
    return f"<p class=note>{escape(' '.join(word for word in words if word))}</p>"


def _floor_plan(out: Path, summary: RunSummary) -> str:
    """The plan that was drawn from the mesh, as a picture: nothing in it runs."""
    if PLAN not in summary.files:
        return ""
    content = base64.b64encode((out / PLAN).read_bytes()).decode()
    return f"<h2>Floor plan</h2><img class=floor alt='Floor plan' src='data:image/svg+xml;base64,{content}'>"


def _seconds_table(summary: RunSummary) -> str:
    rows = [(STAGES.get(stage, stage), seconds) for stage, seconds in summary.stage_seconds.items()]
    rows += [
        (f"… of it {PARTS.get(part, part)}", seconds) for part, seconds in summary.export_seconds.items()
    ]
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


def _floaters_note(summary: RunSummary) -> str:
    floaters = summary.floaters
    removed = 0 if floaters is None else floaters.get("removed") or 0
    if not removed:
        return ""
    return (
        f"<p class=note>{removed:,} Gaussians that hung in the air, seen by no picture, were taken away.</p>"
    )


def _files_table(out: Path, summary: RunSummary) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(ABOUT.get(name, ''))}</td>"
        f"<td class=n>{_size(out / name)}</td></tr>"
        for name in summary.files
    )
    return f"<h2>Files</h2><div class=wide><table>{rows}</table></div><p class=note>roomsplat {summary.version}</p>"


def _size(path: Path) -> str:
    """Of a file; empty for folders and for what is being written."""
    if not path.is_file():
        return ""
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(size // 1000, 1)} kB"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{int(seconds // 60)} min {seconds % 60:.0f} s"
