"""The report's sections about the film: advice, what became of each picture, curves, the room from above."""

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from roomsplat.capture.extract import Capture
from roomsplat.core.cameras import Cameras
from roomsplat.core.images import Frame
from roomsplat.pipeline.advice import BLURRED, DARK, FAST_DEG, blurred_pictures, dark_pictures
from roomsplat.pipeline.blur import SIDE
from roomsplat.pipeline.charts import Lane, fate_strip, lanes_html
from roomsplat.pipeline.film_figures import FilmFigures
from roomsplat.pipeline.findings import Findings
from roomsplat.pipeline.plan_view import LEGEND, plan_svg
from roomsplat.pipeline.report_pictures import lost_pictures
from roomsplat.pipeline.summary import RunSummary
from roomsplat.pipeline.walls import Wall

Double = NDArray[np.float64]

REASONS = {
    "black": "black",
    "frozen": "repeats the frame before",
    "duplicate": "shows nothing new",
    "less_sharp": "a sharper one is near",
}
"""Why capture leaves frames out, in words."""
LABELS = 5
"""Times below the curves."""


def advice_section(findings: Findings) -> str:
    """What to do better next time."""
    if not findings.advice:
        text = "<li class=fine>Nothing: light, speed, sharpness and viewpoints of this film are fine.</li>"
    else:
        text = "".join(
            f"<li><b>{escape(one.message)}</b><span class=evidence>{escape(one.evidence)}</span></li>"
            for one in findings.advice
        )
    return f"<h2>What would make it better</h2><ul class=advice>{text}</ul>"


def plan_section(findings: Findings, cameras: Cameras, frames: Sequence[Frame], *, is_metric: bool) -> str:
    """The room from above, with a table of its sides."""
    drawing = plan_svg(findings.coverage, findings.walls, cameras, frames, "m" if is_metric else "")
    seen = 100 * (1 - findings.coverage.share_below(15))
    note = (
        f"<p class=note>{seen:.0f} % of the plan was seen from more than one place. It is drawn from the depth that "
        f"{findings.coverage.num_views} of the cameras see; a dot is a picture, its stroke points where it looked.</p>"
    )
    return (
        f"<h2>The room from above</h2><div class=columns><div class=plan>{drawing}{LEGEND}</div>"
        f"<div>{_walls_table(findings.walls)}{note}</div></div>"
    )


def _walls_table(walls: Sequence[Wall]) -> str:
    if not walls:
        return ""
    rows = "".join(
        f"<tr><td>{escape(wall.name)}</td><td class=n>{100 * wall.seen_share:.0f} %</td>"
        f"<td class=n>{wall.num_views}</td><td class=n>{_degrees(wall.spread_deg)}</td></tr>"
        for wall in walls
    )
    return (
        "<div class=wide><table><tr><th>side<th class=n>in the film<th class=n>cameras<th class=n>seen within</tr>"
        f"{rows}</table></div>"
    )


def _degrees(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.0f}°"


def film_section(findings: Findings, summary: RunSummary, capture: Capture) -> str:
    """What became of each picture, and what it was like."""
    film = findings.film
    placed = np.isin(np.arange(len(film)), list(findings.placed))
    held, lost = ~np.isnan(film.psnr), ~film.registered
    groups = [
        ("kept", film.registered & ~held & ~placed),
        ("held", held),
        ("placed", placed & ~held),
        ("lost", lost),
    ]
    words = {"kept": "trained on", "held": "held out", "placed": "placed late", "lost": "lost"}
    legend = " ".join(
        f"<span class='key {'bad' if name == 'lost' else name}'></span> {words[name]} ({int(chosen.sum())})"
        for name, chosen in groups
        if chosen.any()
    )
    return (
        f"<h2>The film, picture by picture</h2>{fate_strip(film.times_s, groups)}<p class=legend>{legend}</p>"
        f"{lanes_html(_lanes(film), film.times_s, _labels(film))}"
        f"<div class=columns><div><h3>Pictures</h3>{_frames_table(summary, capture)}</div>"
        f"<div>{_scores_table(summary)}</div></div>{lost_pictures(film, capture.frames)}"
    )


def _lanes(film: FilmFigures) -> list[Lane]:
    usual = _median(film.blur)
    return [
        Lane(
            title="Held-out PSNR",
            note=f"{_range(film.psnr, '.1f')} dB, median {_median(film.psnr):.1f}",
            values=film.psnr,
            kind="bars",
            low=_least(film.psnr) - 3,
        ),
        Lane(
            title="Exposure",
            note=f"how bright the phone made the same places: {_range(film.gains, '.2f')} of the film's mean",
            values=film.gains,
            rule=1.0,
            low=0.75,
            high=1.25,
        ),
        Lane(
            title="Blur",
            note=f"edges are {_range(film.blur, '.2f')} px wide at {SIDE} px; marked above {BLURRED:g} medians",
            values=film.blur,
            rule=BLURRED * usual,
            marked=blurred_pictures(film),
            low=0.0,
        ),
        Lane(
            title="Turning",
            note=f"up to {_most(film.turning):.0f}° {'a second' if film.is_film else 'from picture to picture'}",
            values=film.turning,
            rule=FAST_DEG if film.is_film else None,
            low=0.0,
        ),
        Lane(
            title="Brightness",
            note=f"{_range(100 * film.brightness, '.0f')} % of white; dark below {100 * DARK:.0f} %",
            values=film.brightness,
            rule=DARK,
            marked=dark_pictures(film),
            low=0.0,
        ),
    ]


def _labels(film: FilmFigures) -> list[str]:
    if not film.is_film:
        places = np.linspace(0, len(film) - 1, min(LABELS, len(film))).round().astype(np.int64)
        return [film.names[int(place)] for place in places[[0, -1]]]
    first, last = float(film.times_s[0]), float(film.times_s[-1])
    return [f"{first + (last - first) * step / (LABELS - 1):.0f} s" for step in range(LABELS)]


def _frames_table(summary: RunSummary, capture: Capture) -> str:
    rows = [("in the input", capture.media.num_frames)]
    rows += [
        (f"left out: {REASONS.get(reason, reason.replace('_', ' '))}", count)
        for reason, count in capture.dropped.items()
        if count
    ]
    rows += [("kept", len(capture.frames)), ("cameras found", summary.frames_registered)]
    if summary.frames_placed:
        rows.append(("of these, lost at first and placed against the scene", summary.frames_placed))
    lost = len(capture.frames) - summary.frames_registered
    if lost:
        rows.append(("lost", lost))
    cells = "".join(f"<tr><td>{escape(name)}</td><td class=n>{count:,}</td></tr>" for name, count in rows)
    return f"<table>{cells}</table>"


def _scores_table(summary: RunSummary) -> str:
    if not summary.held_out:
        return ""
    rows = "".join(
        f"<tr><td>{escape(str(one['name']))}</td><td class=n>{one['psnr']:.2f}</td>"
        f"<td class=n>{one['ssim']:.3f}</td><td class=n>{one['corrected_psnr']:.2f}</td></tr>"
        for one in summary.held_out
    )
    return (
        f"<details><summary>Each of the {len(summary.held_out)} held-out pictures</summary><div class=wide><table>"
        "<tr><th>picture<th class=n>PSNR, dB<th class=n>SSIM<th class=n>PSNR with colours corrected</tr>"
        f"{rows}</table></div></details>"
    )


def _known(values: Double) -> Double:
    return values[~np.isnan(values)]


def _range(values: Double, form: str) -> str:
    known = _known(values)
    return f"{known.min():{form}} to {known.max():{form}}" if len(known) else ""


def _median(values: Double) -> float:
    known = _known(values)
    return float(np.median(known)) if len(known) else 0.0


def _least(values: Double) -> float:
    known = _known(values)
    return float(known.min()) if len(known) else 0.0


def _most(values: Double) -> float:
    known = _known(values)
    return float(known.max()) if len(known) else 0.0
