"""A floor plan as a drawing: one SVG file that reads in light and dark, on a screen and on paper."""

from html import escape

import numpy as np
from numpy.typing import NDArray

from roomsplat.meshing.plan import FloorPlan
from roomsplat.meshing.plan_walls import Opening, Wall

SIZE = 900.0
"""Longer side of the plan in px, margins not counted."""
MARGIN = 56.0
FOOT = 64.0
"""Room below the plan for the scale bar."""
CUT_EDGE = 1.0
"""Percent of the furniture's ends on every side that may lie off the page: specks far outside."""
MAX_CUTS = 6_000
"""Line segments of the cut: more make the file larger and the picture no clearer."""

_STYLE = (
    "svg{background:#fbfaf8;color:#1d1f21;font:15px system-ui,sans-serif}"
    ".cut{stroke:#b9b4aa}.path{stroke:#2f6fc4}.mark{fill:#2f6fc4}.start{fill:#2a8a4b}.glass{stroke:#2f9ab8}"
    "@media(prefers-color-scheme:dark){svg{background:#17191c;color:#e8e6e1}.cut{stroke:#5d5a54}"
    ".path{stroke:#7db0f2}.mark{fill:#7db0f2}.start{fill:#63c987}.glass{stroke:#6fd0ea}}"
    "path,line{fill:none;stroke-linecap:round;stroke-linejoin:round}"
)


def draw_plan(plan: FloorPlan, title: str) -> str:
    """The drawing: walls thick, windows blue, other openings dashed, furniture grey, the camera's path, a scale bar.

    ``title`` is shown as it is, whatever it holds.
    """
    page = _Page(plan)
    walls = "".join(page.line(wall) for wall in plan.walls)
    glass = "".join(page.line(o) for o in plan.openings if o.kind == "window")
    gaps = "".join(page.line(o) for o in plan.openings if o.kind != "window")
    start = page.at(plan.path[:1])[0]
    words = _room_size(plan)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {page.width:.0f} {page.height:.0f}" role="img" '
        f'aria-label="Floor plan: {escape(title, quote=True)}, {words}"><style>{_STYLE}</style>'
        f"<title>{escape(title)}</title>"
        f'<text x="{MARGIN:.0f}" y="34" font-weight="600" fill="currentColor">{escape(title)}</text>'
        f'<text x="{page.width - MARGIN:.0f}" y="34" text-anchor="end" fill="currentColor">{words}</text>'
        f'<path class="cut" stroke-width="1.6" d="{page.cuts(plan.slice)}"/>'
        f'<path stroke="currentColor" stroke-width="9" d="{walls}"/>'
        f'<path class="glass" stroke-width="4" d="{glass}"/>'
        f'<path stroke="currentColor" stroke-width="2" stroke-dasharray="3 8" d="{gaps}"/>'
        f'<path class="path" stroke-width="2" d="{page.trace(plan.path)}"/>'
        f'<circle class="start" cx="{start[0]:.1f}" cy="{start[1]:.1f}" r="6"><title>start</title></circle>'
        f"{_foot(page, plan)}</svg>\n"
    )


class _Page:
    """Where things lie on the drawing: x to the right, y up the page."""

    def __init__(self, plan: FloorPlan) -> None:
        cut = plan.slice.reshape(-1, 2)
        edges = np.percentile(cut, [CUT_EDGE, 100 - CUT_EDGE], axis=0) if len(cut) else cut
        points = np.concatenate([plan.path, edges, *(w.ends() for w in (*plan.walls, *plan.openings))])
        self.low, high = points.min(axis=0), points.max(axis=0)
        span = np.maximum(high - self.low, plan.unit)
        self.scale = SIZE / float(span.max())
        self.width = max(float(span[0]) * self.scale, 320.0) + 2 * MARGIN
        self.plan_height = float(span[1]) * self.scale + 2 * MARGIN
        self.height = self.plan_height + FOOT
        self.high = high

    def at(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """(…, 2) px."""
        flat = (places - self.low) * self.scale + MARGIN
        return np.stack([flat[..., 0], self.plan_height - flat[..., 1]], axis=-1)

    def line(self, wall: Wall | Opening) -> str:
        """One wall as a piece of a path."""
        return self.cuts(wall.ends()[None])

    def trace(self, places: NDArray[np.float64]) -> str:
        """A line through all places."""
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in self.at(places))

    def cuts(self, segments: NDArray[np.float64]) -> str:
        """(s, 2, 2) segments as a path; those outside the page are left out, and of too many an even share."""
        margin = 0.5 * MARGIN / self.scale
        inside = np.all((segments > self.low - margin) & (segments < self.high + margin), axis=(1, 2))
        kept = self.at(segments[inside])
        kept = kept[:: len(kept) // MAX_CUTS + 1]
        return "".join(f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for (a, b), (c, d) in kept)


def _foot(page: _Page, plan: FloorPlan) -> str:
    """The scale bar, a round length of about a quarter of the page, and what the marks mean."""
    unit = plan.unit if plan.scale == "metric" else 1.0
    wanted = 0.25 * (page.width - 2 * MARGIN) / page.scale / unit
    power = 10.0 ** np.floor(np.log10(wanted))
    length = float(power * max(step for step in (1, 2, 5) if step * power <= wanted))
    y, end = page.plan_height + 8, MARGIN + length * unit * page.scale
    return (
        f'<path stroke="currentColor" stroke-width="2" d="M{MARGIN:.1f} {y - 6:.1f}V{y + 6:.1f}M{MARGIN:.1f} {y:.1f}'
        f'H{end:.1f}M{end:.1f} {y - 6:.1f}V{y + 6:.1f}"/>'
        f'<text x="{MARGIN:.0f}" y="{y + 28:.0f}" fill="currentColor">{_length(length * unit, plan)}</text>'
        f'<text x="{page.width - MARGIN:.0f}" y="{y + 28:.0f}" text-anchor="end" fill="currentColor">'
        "▬ wall  "
        '<tspan class="mark">▬ camera path</tspan>  <tspan class="start">● start</tspan></text>'
    )


def _room_size(plan: FloorPlan) -> str:
    """In words; walls on one axis alone do not say how large a room is."""
    if not plan.walls:
        return "no straight wall found, size not known"
    if not all(side > 0 for side in plan.size):
        return "size not known"
    return f"{_length(plan.size[0], plan)} × {_length(plan.size[1], plan)}"


def _length(length: float, plan: FloorPlan) -> str:
    """In words; of a scene without a scale the unit is only its own."""
    number = f"{length:.3g}"
    return f"{number} {'m' if plan.scale == 'metric' else 'unit' if number == '1' else 'units'}"
