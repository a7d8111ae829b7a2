"""What to do better next time, in plain words, each with the figure that says so.

The limits were set on films that we know (docs/lab-notebook.md, "The report"): what is fine stays silent there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roomsplat.pipeline.blur import SIDE
from roomsplat.pipeline.coverage import Coverage
from roomsplat.pipeline.film_figures import FilmFigures
from roomsplat.pipeline.walls import Wall

Double = NDArray[np.float64]

SOFT_FILM_PX = 1.0
"""Edges this wide in the median are a film that is soft throughout: `can` has 1.05, four sharp films 0.74 to 0.88."""
BLURRED = 1.25
"""Edges wider than so many times the film's median are a blurred picture."""
FAST_DEG = 30.0
"""Degrees a second from which a turn is fast."""
DARK, BRIGHT_SHARE = 0.18, 0.15
"""Mean level below which a picture is dark (real rooms by lamp light: 0.4 and more); share of it that is burnt out."""
EXPOSURE_RANGE = 1.5
"""Brightest over darkest exposure, the outermost twentieths left out. `fox` has 1.2, `bedroom` 1.8."""
ONE_PLACE_DEG = 15.0
"""Cameras within this angle, seen from a wall, stand in one place: depth there is a guess."""
MOSTLY = 0.5
"""Of a wall's length."""
THIN_SHARE = 0.4
"""Of the plan that was seen from one place only."""
BAD_DB = 4.0
"""Held-out pictures so far below the median are bad places."""
MANY_LOST = 0.03
"""Of the pictures."""
FEW_PICTURES = 30
SMALL_PX = 720
"""Shorter side of a film below which detail is lost for good."""
MOST = 8
"""Pieces of advice that anybody reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One thing to do better."""

    code: str
    """A stable slug."""
    message: str
    """What to do, and where."""
    evidence: str
    """The figures behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What advice is drawn from."""

    film: FilmFigures
    coverage: Coverage
    walls: Sequence[Wall]
    shorter_side: int
    """Of the film in px."""


def advise(evidence: Evidence) -> tuple[Advice, ...]:
    """Advice, what costs most first; none where the film leaves nothing to wish for."""
    film = evidence.film
    found = [
        *_lost(film),
        *_blurred(film),
        *_light(film),
        *_exposure(film),
        *_walls(evidence.walls),
        *_thin(evidence.coverage),
        *_bad_places(film),
        *_small(evidence),
    ]
    return tuple(found[:MOST])


def spans(film: FilmFigures, chosen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last place of each run of chosen pictures; one that was not chosen in between does not end a run."""
    runs = list[tuple[int, int]]()
    for place in (int(p) for p in np.flatnonzero(chosen[: len(film)])):
        if runs and place - runs[-1][1] <= 2:
            runs[-1] = runs[-1][0], place
        else:
            runs.append((place, place))
    return runs


def where(film: FilmFigures, chosen: NDArray[np.bool_]) -> str:
    """Such as 'at 12.0 to 14.5 s and at 31.2 s', or names where the input was a folder."""
    words = list[str]()
    for first, last in spans(film, chosen):
        if film.is_film:
            start, end = film.times_s[first], film.times_s[last]
            words.append(f"at {start:.1f} s" if first == last else f"at {start:.1f} to {end:.1f} s")
        else:
            names = film.names[first], film.names[last]
            words.append(f"at {names[0]}" if first == last else f"at {names[0]} to {names[1]}")
    shown, rest = words[:3], len(words) - 3
    if rest > 0:
        return ", ".join(shown) + f" and {rest} more {'place' if rest == 1 else 'places'}"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def blurred_pictures(film: FilmFigures) -> NDArray[np.bool_]:
    """(n,) pictures with edges much wider than the film's."""
    if np.isnan(film.blur).all():
        return np.zeros(len(film), np.bool_)
    return film.blur > BLURRED * max(float(np.nanmedian(film.blur)), 0.5)


def dark_pictures(film: FilmFigures) -> NDArray[np.bool_]:
    """(n,) pictures that show little."""
    return film.brightness < DARK


def _lost(film: FilmFigures) -> Iterator[Advice]:
    lost = ~film.registered
    if lost.sum() <= MANY_LOST * len(film):
        return
    yield Advice(
        code="frames_lost",
        message=f"The camera was lost {where(film, lost)}: film that part more slowly, a step sideways at a time, "
        "and keep something with detail in view: a shelf, a picture, a door frame.",
        evidence=f"{int(lost.sum())} of {len(film)} pictures have no camera and were left out.",
    )


def _blurred(film: FilmFigures) -> Iterator[Advice]:
    known = film.blur[~np.isnan(film.blur)]
    if len(known) == 0:
        return
    usual = float(np.median(known))
    if usual > SOFT_FILM_PX:
        yield Advice(
            code="film_soft",
            message="The whole film is a little out of focus or shaken: wipe the lens, let the phone focus, turn on "
            "more light and walk more slowly.",
            evidence=f"Edges are {usual:.2f} px wide at {SIDE} px; those of a sharp film 0.9 at most.",
        )
    blurred = blurred_pictures(film)
    if not blurred.any():
        return
    turning = film.turning[blurred & ~np.isnan(film.turning)]
    fast = film.is_film and len(turning) > 0 and float(np.median(turning)) > FAST_DEG
    cause = (
        "turn more slowly there" if fast else "hold the phone still for a moment there, or give it more light"
    )
    pace = f" while the camera turned by {np.median(turning):.0f}° a second" if fast else ""
    yield Advice(
        code="frames_blurred",
        message=f"The pictures {where(film, blurred)} are blurred: {cause}.",
        evidence=f"Edges are {np.nanmax(film.blur) / usual:.1f} times as wide there as usual in this film{pace}.",
    )


def _light(film: FilmFigures) -> Iterator[Advice]:
    dark = dark_pictures(film)
    if dark.any():
        yield Advice(
            code="too_dark",
            message=f"It is too dark {where(film, dark)}: turn on the light.",
            evidence=f"The darkest picture has {100 * np.nanmin(film.brightness):.0f} % of full brightness.",
        )
    burnt = film.clipped > BRIGHT_SHARE
    if burnt.any():
        yield Advice(
            code="too_bright",
            message=f"Large parts are burnt out {where(film, burnt)}: film away from windows, or tap on a bright "
            "place so that the phone exposes for it.",
            evidence=f"{100 * np.nanmax(film.clipped):.0f} % of the worst picture is plain white.",
        )


def _exposure(film: FilmFigures) -> Iterator[Advice]:
    gains = film.gains[~np.isnan(film.gains)]
    if len(gains) < 3:
        return
    low, high = np.quantile(gains, [0.05, 0.95])
    if high > EXPOSURE_RANGE * low:
        yield Advice(
            code="exposure_changes",
            message="The phone changed its exposure on the way: lock it before filming (on most phones: keep a finger "
            "on the picture until a lock appears).",
            evidence=f"The same places are {high / low:.1f} times as bright in some pictures as in others.",
        )


def _walls(walls: Sequence[Wall]) -> Iterator[Advice]:
    missing = [wall for wall in walls if wall.seen_share < MOSTLY]
    if missing:
        many = len(missing) > 1
        yield Advice(
            code="wall_missing",
            message=f"{_listed('Side', missing)} of the plan {'are' if many else 'is'} mostly missing: "
            "if there is a wall, walk along and film it.",
            evidence="In the film is "
            + ", ".join(f"{100 * wall.seen_share:.0f} % of the length of {wall.name}" for wall in missing)
            + ".",
        )
    flat = [wall for wall in walls if wall.seen_share >= MOSTLY and wall.spread_deg < ONE_PLACE_DEG]
    if flat:
        many = len(flat) > 1
        yield Advice(
            code="wall_from_one_place",
            message=f"{_listed('Wall', flat)} of the plan {'were' if many else 'was'} seen from one place only: "
            f"film {'each' if many else 'it'} again from two or three steps to the side.",
            evidence="; ".join(
                f"{wall.num_views} cameras saw {wall.name}, all within {wall.spread_deg:.0f}° as the wall sees them"
                for wall in flat
            )
            + "; 30° and more give depth.",
        )


def _listed(noun: str, walls: Sequence[Wall]) -> str:
    """'Wall A', 'Walls A, B and C'."""
    names = [wall.name for wall in walls]
    if len(names) == 1:
        return f"{noun} {names[0]}"
    return f"{noun}s {', '.join(names[:-1])} and {names[-1]}"


def _thin(coverage: Coverage) -> Iterator[Advice]:
    share = coverage.share_below(ONE_PLACE_DEG)
    if share > THIN_SHARE:
        yield Advice(
            code="seen_from_one_place",
            message="Much of the room was seen from one place only (marked in the plan): walk through the room rather "
            "than turn on the spot.",
            evidence=f"{100 * share:.0f} % of the plan was seen under less than {ONE_PLACE_DEG:.0f}°.",
        )


def _bad_places(film: FilmFigures) -> Iterator[Advice]:
    known = film.psnr[~np.isnan(film.psnr)]
    if len(known) < 3:
        return
    bad = film.psnr < np.median(known) - BAD_DB
    if bad.any():
        yield Advice(
            code="bad_places",
            message=f"The room looks worst {where(film, bad)} (see Filmed and rebuilt): film that part again, "
            "more slowly and from more sides; nothing in it should move.",
            evidence=f"{np.nanmin(film.psnr):.1f} dB there, {np.median(known):.1f} dB in the median.",
        )


def _small(evidence: Evidence) -> Iterator[Advice]:
    if 0 < evidence.shorter_side < SMALL_PX:
        yield Advice(
            code="film_small",
            message="Film in full HD (1080p) or more.",
            evidence=f"The film's shorter side has {evidence.shorter_side} px.",
        )
    if len(evidence.film) < FEW_PICTURES:
        yield Advice(
            code="few_pictures",
            message="Give more pictures: film for half a minute, or take more photographs.",
            evidence=f"{len(evidence.film)} pictures were used; a room takes 60 and more.",
        )
