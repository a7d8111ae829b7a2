"""Laws of the report's drawings and pictures: nothing from outside gets in, and what is shown is what was measured."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.images import Frame, PosedImages
from roomsplat.media.images import write_image
from roomsplat.pipeline.charts import Lane, fate_strip, lanes_html, shares
from roomsplat.pipeline.compare import REPORT_VIEWS, chosen_views
from roomsplat.pipeline.coverage import Coverage
from roomsplat.pipeline.peak import peak_memory
from roomsplat.pipeline.plan_view import plan_svg
from roomsplat.pipeline.report_pictures import difference, lost_pictures
from roomsplat.pipeline.walls import Wall
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.train.evaluate import ImageScore
from tests.pipeline.test_advice import good_film
from tests.train.scenes import ring_of_cameras

HOSTILE = "<img src=x onerror=alert(1)>"


def posed(count: int, held: list[int]) -> PosedImages:
    """Pictures on a ring, without files."""
    is_eval = np.zeros(count, np.bool_)
    is_eval[held] = True
    return PosedImages(
        cameras=ring_of_cameras(count),
        image_paths=tuple(Path(f"{i}.jpg") for i in range(count)),
        mask_paths=(None,) * count,
        is_eval=is_eval,
    )


def score(index: int, psnr: float) -> ImageScore:
    """Of a held-out picture."""
    return ImageScore(index=index, psnr=psnr, ssim=0.9, corrected_psnr=psnr, corrected_ssim=0.9)


def test_the_worst_pictures_are_shown_first() -> None:
    """Three bad ones, not all from one place, then the median, a good one and the best."""
    held = list(range(0, 80, 8))
    psnr = [30, 20, 20.5, 29, 28, 21, 31, 27, 32, 26]
    found = chosen_views(posed(80, held), [score(i, p) for i, p in zip(held, psnr, strict=True)])
    assert found[0] == (8, "worst")
    assert [row for row, _ in found[:3]] == [8, 40, 72]
    assert found[-1] == (64, "best")
    assert found[len(found) // 2][1] == "median"
    assert len({row for row, _ in found}) == len(found) == REPORT_VIEWS


@pytest.mark.parametrize(("count", "held"), [(4, []), (30, [0, 8, 16, 24]), (1, [])])
def test_few_pictures_are_shown_as_they_come(count: int, held: list[int]) -> None:
    """Without enough held-out pictures for an order they are spread over the film; none comes twice."""
    rows = [row for row, _ in chosen_views(posed(count, held), [score(i, 20.0) for i in held])]
    assert rows == sorted(set(rows))
    assert set(rows) <= set(held or range(count))


def test_a_difference_is_brighter_where_more_differs() -> None:
    """No difference is nearly black, a large one nearly white, and in between it only rises."""
    ramp = np.tile(np.arange(0, 64, dtype=np.uint8)[None, :, None], (2, 1, 3))
    heat = difference(np.zeros_like(ramp), ramp).sum(axis=2)[0]
    assert heat[0] < 60
    assert heat[-1] > 600
    assert (np.diff(heat) >= 0).all()


def test_names_from_outside_are_only_text() -> None:
    """The plan and the list of lost pictures hold a film's names as text, whatever is in them."""
    frames = [
        Frame(index=i, timestamp_s=float(i), name=HOSTILE, path=Path("no.jpg"), sharpness=1.0)
        for i in range(3)
    ]
    seen = Coverage(
        low=np.zeros(2),
        cell=0.5,
        views=np.array([[0, 3, 3], [1, 0, 5]]),
        spread_deg=np.array([[np.nan, 5.0, 20.0], [0.0, np.nan, 90.0]]),
        num_views=9,
    )
    wall = Wall(
        name="A", ends=np.array([[0.0, 1.0], [1.5, 1.0]]), seen_share=1.0, spread_deg=9.0, num_views=2
    )
    plan = plan_svg(seen, [wall], ring_of_cameras(3), frames, "m")
    assert HOSTILE not in plan
    assert plan.count("<title>&lt;img") == 3
    assert [path.count("z") for _, path in re.findall(r'class="(once|few|many)" d="([^"]*)"', plan)] == [
        2,
        1,
        1,
    ]


def test_lost_pictures_are_named_with_their_reason(tmp_path: Path) -> None:
    """Each is a picture, its name and why; the words are text."""
    write_image(tmp_path / "a.jpg", np.zeros((30, 40, 3), np.uint8))
    film = replace(good_film(), lost={3: f"because {HOSTILE}"})
    frames = [
        Frame(index=i, timestamp_s=i / 2, name=str(i), path=tmp_path / "a.jpg", sharpness=1.0)
        for i in range(60)
    ]
    text = lost_pictures(film, frames)
    assert "1.500s: because &lt;img" in text
    assert text.count("data:image/jpeg") == 1
    assert lost_pictures(good_film(), frames) == ""


def test_curves_stand_at_their_times_and_unknown_ones_are_left_out() -> None:
    """A value in the middle of the film is drawn in the middle; a curve of which nothing is known is not drawn."""
    times = np.array([0.0, 1.0, 10.0])
    assert shares(times).tolist() == [0.0, 0.1, 1.0]
    assert shares(np.array([3.0])).tolist() == [0.5]
    known = Lane(title="Known", note="", values=np.array([1.0, np.nan, 2.0]))
    unknown = Lane(title="Unknown", note="", values=np.full(3, np.nan))
    html = lanes_html([known, unknown], times, ["0 s", "10 s"])
    assert "Known" in html
    assert "Unknown" not in html
    assert "nan" not in html
    strip = fate_strip(
        times, [("kept", np.array([True, True, False])), ("lost", np.array([False, False, True]))]
    )
    assert strip.count("V28") == 3


def test_memory_of_this_process_is_counted() -> None:
    """The figure is in megabytes: more than Python itself takes, less than a computer has."""
    found = peak_memory(CpuEngine(1))
    assert 30 < found["process"] < 100_000
    assert "device" not in found


class OnGpu(CpuEngine):
    """An engine that says what its device holds."""

    def device_memory(self) -> tuple[int, int]:
        """In bytes."""
        return 2_500_000_000, 80_000_000_000


def test_memory_of_the_device_is_told_where_there_is_one() -> None:
    """What an engine says of its device stands beside this process's own."""
    found = peak_memory(OnGpu(1))
    assert (found["device"], found["device_total"]) == (2500.0, 80_000.0)
