"""Pictures inside the report: the film beside the scene with the difference, and frames that were lost."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from roomsplat.core.images import Frame
from roomsplat.media.images import read_reduced, reduced_size, resize_image
from roomsplat.pipeline.compare import ComparedView
from roomsplat.pipeline.film_figures import FilmFigures

RGB8 = NDArray[np.uint8]

PICTURE_SIDE = 640
"""Longer side of the report's pictures in px: six rows of three stay under 1.5 MB."""
LOST_SIDE = 200
MOST_LOST = 8
"""Lost frames that are shown."""
FULL_ERROR = 0.25
"""Difference, of full brightness, that is drawn at its brightest: 12 dB."""
HEAT = np.array([[12, 8, 30], [90, 20, 110], [190, 55, 85], [245, 125, 20], [252, 250, 160]], np.float64)
"""Colours of the difference from none to ``FULL_ERROR``, ever brighter, so that it can be read without colours."""


def pairs_section(views: Sequence[ComparedView]) -> str:
    """Filmed, rebuilt, and where they differ."""
    return "<h2>Filmed and rebuilt</h2>" + _pairs_note(views) + "".join(_pair(view) for view in views)


def _pairs_note(views: Sequence[ComparedView]) -> str:
    if not any(view.label for view in views):
        return "<p class=note>Filmed, rebuilt, and where the two differ (brighter is more).</p>"
    return (
        "<p class=note>Pictures that training never saw, the worst first: filmed, rebuilt, and where the two differ "
        "(brighter is more).</p>"
    )


def _pair(view: ComparedView) -> str:
    size = reduced_size(view.captured.shape[1], view.captured.shape[0], PICTURE_SIDE)
    captured, rendered = resize_image(view.captured, *size), resize_image(view.rendered, *size)
    held = "held out" if view.is_eval else "trained on"
    figures = "" if view.score is None else f", {view.score.psnr:.1f} dB, SSIM {view.score.ssim:.3f}"
    label = f"{view.label}: " if view.label else ""
    return (
        f"<figure class=pair><img alt='filmed' src='{data_url(captured)}'>"
        f"<img alt='rebuilt' src='{data_url(rendered)}'>"
        f"<img alt='difference' src='{data_url(difference(captured, rendered))}'>"
        f"<figcaption>{escape(label)}{escape(view.frame.name)} ({held}{figures})</figcaption></figure>"
    )


def difference(captured: RGB8, rendered: RGB8) -> RGB8:
    """(h, w, 3) the mean difference of the channels as heat."""
    apart = np.abs(captured.astype(np.float32) - rendered.astype(np.float32)).mean(axis=2) / 255
    at = np.clip(apart / FULL_ERROR, 0, 1) * (len(HEAT) - 1)
    low = np.minimum(at.astype(np.int64), len(HEAT) - 2)
    share = (at - low)[..., None]
    return (HEAT[low] * (1 - share) + HEAT[low + 1] * share).astype(np.uint8)


def lost_pictures(film: FilmFigures, frames: Sequence[Frame]) -> str:
    """What was lost and why, some of it as pictures."""
    if not film.lost:
        return ""
    places = sorted(film.lost)
    shown = places[:: max(1, -(-len(places) // MOST_LOST))][:MOST_LOST]
    figures = "".join(
        f"<figure><img alt='' src='{data_url(read_reduced(frames[place].path, LOST_SIDE))}'>"
        f"<figcaption>{escape(film.names[place])}: {escape(film.lost[place])}</figcaption></figure>"
        for place in shown
    )
    return f"<h3>Pictures without a camera</h3><div class=lost>{figures}</div>"


def data_url(rgb: RGB8) -> str:
    """The picture as an address that holds it."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
