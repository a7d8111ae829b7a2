"""Curves over the film as small SVGs: no text inside, so that they may be stretched to any width."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]

WIDTH, HEIGHT = 1000.0, 60.0
PAD = 4.0
"""Above and below, so that a line at the edge is not cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One curve."""

    title: str
    """What is drawn."""
    note: str
    """Its figures in words."""
    values: Double
    """(n,) one per picture; NaN draws nothing."""
    kind: str = "line"
    """``line`` or ``bars``."""
    rule: float | None = None
    """A value that is marked by a dashed line."""
    marked: NDArray[np.bool_] | None = None
    """(n,) pictures that are marked as bad."""
    low: float | None = None
    """Value at the bottom, unless one is smaller; without it the smallest is."""
    high: float | None = None
    """Value at the top, unless one is larger; without it the largest is."""


def shares(times_s: Double) -> Double:
    """(n,) where each picture stands on the time axis, 0 to 1."""
    span = float(times_s[-1] - times_s[0]) if len(times_s) > 1 else 0.0
    return (times_s - times_s[0]) / span if span > 0 else np.full(len(times_s), 0.5)


def lanes_html(lanes: Sequence[Lane], times_s: Double, labels: Sequence[str]) -> str:
    """The curves below each other over one axis of time; ``labels`` stand evenly along it."""
    x = shares(times_s)
    drawn = "".join(_lane(lane, x) for lane in lanes if not np.isnan(lane.values).all())
    axis = "".join(f"<span>{escape(label)}</span>" for label in labels)
    return f"<div class=lanes>{drawn}<div class=axis aria-hidden=true>{axis}</div></div>"


def fate_strip(times_s: Double, groups: Sequence[tuple[str, NDArray[np.bool_]]]) -> str:
    """A stroke per picture in the colour of its group (class name and members)."""
    x = shares(times_s)
    paths = "".join(
        f'<path class="{name}" d="{_strokes(x[chosen])}"/>' for name, chosen in groups if chosen.any()
    )
    return (
        f'<svg class="strip" viewBox="0 0 {WIDTH:.0f} 30" preserveAspectRatio="none" role="img" '
        f'aria-label="What became of each picture">{paths}</svg>'
    )


def _strokes(x: Double) -> str:
    return "".join(f"M{PAD + value * (WIDTH - 2 * PAD):.1f} 2V28" for value in x)


def _lane(lane: Lane, x: Double) -> str:
    known = ~np.isnan(lane.values)
    values = lane.values[known] if lane.rule is None else np.append(lane.values[known], lane.rule)
    low = float(np.min(values if lane.low is None else np.append(values, lane.low)))
    span = max(float(np.max(values if lane.high is None else np.append(values, lane.high))) - low, 1e-9)
    across = PAD + x * (WIDTH - 2 * PAD)
    up = HEIGHT - PAD - np.clip((lane.values - low) / span, 0, 1) * (HEIGHT - 2 * PAD)
    parts = list[str]()
    if lane.marked is not None and lane.marked.any():
        bands = "".join(f"M{a:.1f} 0V{HEIGHT:.0f}" for a in across[lane.marked])
        parts.append(f'<path class="bad" d="{bands}"/>')
    if lane.rule is not None:
        at = HEIGHT - PAD - (lane.rule - low) / span * (HEIGHT - 2 * PAD)
        parts.append(f'<path class="rule" d="M0 {at:.1f}H{WIDTH:.0f}"/>')
    if lane.kind == "bars":
        curve = "".join(
            f"M{a:.1f} {HEIGHT:.0f}V{b:.1f}" for a, b in zip(across[known], up[known], strict=True)
        )
    else:
        curve = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(across[known], up[known], strict=True))
    parts.append(f'<path class="{escape(lane.kind)}" d="{curve}"/>')
    title = escape(lane.title)
    return (
        f"<figure class=lane><figcaption><b>{title}</b> {escape(lane.note)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" preserveAspectRatio="none" role="img" aria-label="{title}">'
        f"{''.join(parts)}</svg></figure>"
    )
