"""Laws of advice: a good film gets none, each fault gets its own, with the place and the figure."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from roomsplat.pipeline.advice import MOST, Advice, Evidence, advise, where
from roomsplat.pipeline.coverage import Coverage
from roomsplat.pipeline.film_figures import FilmFigures
from roomsplat.pipeline.walls import Wall

COUNT = 60


def good_film() -> FilmFigures:
    """Sixty pictures, two a second, without a fault."""
    every = np.arange(COUNT)
    return FilmFigures(
        times_s=every / 2,
        names=tuple(f"{number / 2:.3f}s" for number in every),
        registered=np.ones(COUNT, np.bool_),
        lost={},
        blur=np.full(COUNT, 0.75),
        brightness=np.full(COUNT, 0.5),
        clipped=np.zeros(COUNT),
        turning=np.full(COUNT, 10.0),
        psnr=np.where(every % 8 == 0, 28.0, np.nan),
        ssim=np.where(every % 8 == 0, 0.9, np.nan),
        gains=np.ones(COUNT),
        is_film=True,
    )


def good_wall(name: str) -> Wall:
    """Seen whole, from many places."""
    return Wall(name=name, ends=np.zeros((2, 2)), seen_share=1.0, spread_deg=60.0, num_views=20)


def coverage(spread_deg: float) -> Coverage:
    """Every cell seen within the same angle."""
    return Coverage(
        low=np.zeros(2),
        cell=0.1,
        views=np.full((4, 5), 9),
        spread_deg=np.full((4, 5), spread_deg),
        num_views=60,
    )


def good() -> Evidence:
    """A film that leaves nothing to wish for."""
    walls = tuple(good_wall(name) for name in "ABCD")
    return Evidence(film=good_film(), coverage=coverage(60.0), walls=walls, shorter_side=1080)


def changed(name: str, places: slice, value: float) -> Callable[[Evidence], Evidence]:
    """The good film with ``value`` in a stretch of one of its figures."""

    def change(evidence: Evidence) -> Evidence:
        values = getattr(evidence.film, name).copy()
        values[places] = value
        return replace(evidence, film=replace(evidence.film, **{name: values}))

    return change


def with_wall(**figures: float) -> Callable[[Evidence], Evidence]:
    """Wall B is different."""

    def change(evidence: Evidence) -> Evidence:
        walls = tuple(replace(w, **figures) if w.name == "B" else w for w in evidence.walls)
        return replace(evidence, walls=walls)

    return change


def test_a_good_film_gets_no_advice() -> None:
    """Silence where there is nothing to say."""
    assert advise(good()) == ()


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (changed("registered", slice(24, 30), 0), "frames_lost", "at 12.0 to 14.5 s"),
        (changed("blur", slice(24, 29), 1.2), "frames_blurred", "at 12.0 to 14.0 s"),
        (changed("blur", slice(None), 1.1), "film_soft", "wipe the lens"),
        (changed("brightness", slice(10, 11), 0.1), "too_dark", "at 5.0 s"),
        (changed("clipped", slice(0, 3), 0.4), "too_bright", "at 0.0 to 1.0 s"),
        (changed("gains", slice(40, 60), 1.8), "exposure_changes", "lock it"),
        (with_wall(spread_deg=5.0), "wall_from_one_place", "Wall B of the plan"),
        (with_wall(seen_share=0.2), "wall_missing", "Side B of the plan"),
        (lambda e: replace(e, coverage=coverage(5.0)), "seen_from_one_place", "walk through the room"),
        (changed("psnr", slice(16, 17), 21.0), "bad_places", "at 8.0 s"),
        (lambda e: replace(e, shorter_side=480), "film_small", "1080p"),
    ],
)
def test_each_fault_gets_its_own_advice(
    change: Callable[[Evidence], Evidence], code: str, words: str
) -> None:
    """One fault, one piece of advice, which names the place and gives a figure."""
    (one,) = advise(change(good()))
    assert one.code == code
    assert words in one.message
    assert any(letter.isdigit() for letter in one.evidence)


def test_blur_while_turning_is_told_from_other_blur() -> None:
    """Who turned fast is told to turn slowly, who did not is told to hold still."""
    blurred = changed("blur", slice(24, 29), 1.2)(good())
    (still,) = advise(blurred)
    (fast,) = advise(changed("turning", slice(24, 29), 80.0)(blurred))
    assert "hold the phone still" in still.message
    assert "turn more slowly" in fast.message
    assert "80°" in fast.evidence


def test_advice_is_read_because_it_is_short() -> None:
    """Whatever is wrong, there are at most ``MOST`` pieces of advice, what costs most first."""
    evidence = good()
    for name, value in (
        ("blur", 1.4),
        ("brightness", 0.1),
        ("clipped", 0.5),
        ("psnr", 10.0),
        ("registered", 0),
    ):
        evidence = changed(name, slice(16, 20), value)(evidence)
    walls = (replace(good_wall("A"), spread_deg=5.0), replace(good_wall("B"), seen_share=0.1))
    evidence = replace(evidence, walls=walls, coverage=coverage(5.0), shorter_side=300)
    evidence = changed("gains", slice(0, 20), 3.0)(evidence)
    found: tuple[Advice, ...] = advise(evidence)
    assert len(found) == MOST
    assert found[0].code == "frames_lost"


def test_places_are_told_by_time_or_by_name() -> None:
    """Neighbours are one stretch; many stretches are counted; pictures of a folder have names."""
    film = good_film()
    marks = np.zeros(COUNT, np.bool_)
    marks[[2, 3, 4, 20]] = True
    assert where(film, marks) == "at 1.0 to 2.0 s and at 10.0 s"
    marks[[30, 40, 50]] = True
    assert where(film, marks).endswith("and 2 more places")
    named = replace(film, is_film=False, names=tuple(f"{n}.jpg" for n in range(COUNT)))
    assert where(named, marks & (np.arange(COUNT) < 5)) == "at 2.jpg to 4.jpg"


def test_nothing_known_is_no_fault() -> None:
    """A film whose figures could not be measured gets no advice about them."""
    evidence = good()
    for name in ("blur", "brightness", "clipped", "turning", "psnr", "gains"):
        evidence = changed(name, slice(None), np.nan)(evidence)
    assert advise(replace(evidence, walls=())) == ()
