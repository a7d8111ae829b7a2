"""Pictures of the film beside the finished scene from the same place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.core.images import Frame, PosedImages
from roomsplat.core.scene import SplatScene
from roomsplat.media.images import read_image
from roomsplat.render.base import Engine
from roomsplat.render.view import prepare_scene, render_8bit
from roomsplat.train.colour_fit import recoloured
from roomsplat.train.evaluate import ImageScore

REPORT_VIEWS = 6
"""Captured pictures beside their rendering in the report: enough to judge, small enough to mail."""
WORST = 3
"""Of these the worst, where pictures were held out; the others are the median, a good one and the best."""
APART = 2
"""Held-out pictures between two of the worst, at least, so that one bad place does not fill the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedView:
    """One picture as it was filmed and as the splat shows it."""

    frame: Frame
    """The captured frame."""
    is_eval: bool
    """Whether training never saw it."""
    captured: NDArray[np.uint8]
    """(h, w, 3)."""
    rendered: NDArray[np.uint8]
    """(h, w, 3), with the exposure that the film has there if exposures were learned."""
    score: ImageScore | None = None
    """Of a held-out picture, at training size."""
    label: str = ""
    """Why it is shown: ``worst``, ``median`` …"""


def compare_views(
    engine: Engine,
    scene: SplatScene,
    images: PosedImages,
    frames: Sequence[Frame],
    scores: Sequence[ImageScore] = (),
    exposures: NDArray[np.float64] | None = None,
) -> tuple[ComparedView, ...]:
    """Render up to ``REPORT_VIEWS`` captured pictures: of held-out ones from the worst to the best, else evenly spread.

    ``exposures``: (c, 3, 5) colour transforms by place in ``images``.
    """
    splats, settings = prepare_scene(engine, scene)
    by_row = {score.index: score for score in scores}
    views = list[ComparedView]()
    for row, label in chosen_views(images, scores):
        rendered = render_8bit(engine, splats, images.cameras.pinhole(row), settings)
        if exposures is not None:
            changed = recoloured(np, rendered / 255.0, exposures[row])
            rendered = (np.clip(changed, 0, 1) * 255 + 0.5).astype(np.uint8)
        views.append(
            ComparedView(
                frame=frames[row],
                is_eval=bool(images.is_eval[row]),
                captured=read_image(images.image_paths[row]),
                rendered=rendered,
                score=by_row.get(row),
                label=label,
            )
        )
    return tuple(views)


def chosen_views(images: PosedImages, scores: Sequence[ImageScore]) -> list[tuple[int, str]]:
    """Rows of ``images`` and why; the one in the middle is the most ordinary."""
    if len(scores) < REPORT_VIEWS:
        candidates = (
            np.flatnonzero(images.is_eval) if images.is_eval.any() else np.arange(len(images.cameras))
        )
        spread = np.linspace(0, len(candidates) - 1, min(REPORT_VIEWS, len(candidates)))
        return [(int(candidates[place]), "") for place in spread.round().astype(np.int64)]
    order = sorted(range(len(scores)), key=lambda place: scores[place].psnr)
    worst = list[int]()
    for place in order[: len(order) // 2]:
        if len(worst) < WORST and all(abs(place - other) >= APART for other in worst):
            worst.append(place)
    rest = [order[len(order) // 2], order[(len(order) * 4) // 5], order[-1]]
    names = ["worst", *["bad"] * (len(worst) - 1), "median", "good", "best"]
    return [(scores[place].index, name) for place, name in zip([*worst, *rest], names, strict=True)]
