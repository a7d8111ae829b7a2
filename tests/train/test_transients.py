"""Laws of what is looked for and left out while training."""

import dataclasses
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from roomsplat.core.gaussians import Gaussians
from roomsplat.core.images import PosedImages
from roomsplat.core.point_cloud import SparseModel
from roomsplat.media.images import read_image, write_image
from roomsplat.render.base import RenderSettings
from roomsplat.render.cpu.engine import CpuEngine
from roomsplat.train import schedule
from roomsplat.train.config import TrainConfig
from roomsplat.train.pictures import Pictures
from roomsplat.train.transients import Scene, TransientLearning
from tests.train.scenes import COUNT, HEIGHT, WIDTH, blobs

CONFIG = TrainConfig(max_steps=200, sh_degree=0)
LOOK = schedule.boundary_at(CONFIG, CONFIG.transients.looks[0])
PLACE = 4
PASSING = (slice(12, 36), slice(20, 44))
BLOCKS = (slice(3, 9), slice(5, 11))
"""The same in blocks of 4 px."""
RED = np.uint8([250, 20, 20])


def with_passing(posed: PosedImages, folder: Path) -> PosedImages:
    """Something red in one picture."""
    image = read_image(posed.image_paths[PLACE + 1]).copy()
    image[PASSING] = RED
    path = folder / "passing.png"
    write_image(path, image)
    paths = (*posed.image_paths[: PLACE + 1], path, *posed.image_paths[PLACE + 2 :])
    return dataclasses.replace(posed, image_paths=paths)


class Looker:
    """A run's parts around a scene that does not change."""

    def __init__(self, engine: CpuEngine, posed: PosedImages, config: TrainConfig = CONFIG) -> None:
        """All pictures but the first are training pictures."""
        self.engine = engine
        self.pictures = Pictures(engine, posed, max_side=None, budget_mb=10)
        self.learning = TransientLearning(config, self.pictures, posed, np.arange(1, COUNT))

    def look(self, gaussians: Gaussians, done: int = LOOK) -> None:
        """One look."""
        scene = Scene(
            engine=self.engine,
            splats=self.engine.create(gaussians, sh_degree=0),
            settings=RenderSettings(sh_degree=0),
            camera=lambda place, level: self.pictures.camera(place + 1, level),
            colour=lambda _: None,
        )
        with closing(self.pictures):
            self.learning.consider(done, scene)


def test_what_passes_is_hidden_where_it_is(model: SparseModel, engine: CpuEngine, tmp_path: Path) -> None:
    """The red thing, in its own picture alone; the target counts without it."""
    looker = Looker(engine, with_passing(model.posed_images, tmp_path))
    looker.look(blobs())
    hidden = looker.learning.hidden
    assert hidden[PLACE][BLOCKS].all()
    assert hidden[PLACE].sum() == 36
    assert not np.delete(hidden, PLACE, axis=0).any()
    used = looker.pictures.target(PLACE + 1).used
    assert used is not None
    assert not used[PASSING].any()
    assert looker.pictures.target(PLACE).used is None


def test_a_scene_that_is_off_everywhere_hides_nothing(model: SparseModel, engine: CpuEngine) -> None:
    """A third of the blobs in wrong colours is for the scene to learn, not for pictures to leave out."""
    wrong, truth = np.random.default_rng(1), blobs()
    sh = truth.sh.copy()
    sh[::3] = wrong.uniform(-1.2, 1.2, sh[::3].shape)
    looker = Looker(engine, model.posed_images)
    looker.look(dataclasses.replace(truth, sh=sh))
    assert looker.learning.hidden.mean() < 0.005


def test_an_exposure_is_nothing_that_passes(model: SparseModel, engine: CpuEngine, tmp_path: Path) -> None:
    """A picture at 70 % of the brightness differs everywhere, and nothing of it is hidden."""
    posed = model.posed_images
    path = tmp_path / "dark.png"
    write_image(path, (read_image(posed.image_paths[PLACE + 1]) * 0.7).astype(np.uint8))
    paths = (*posed.image_paths[: PLACE + 1], path, *posed.image_paths[PLACE + 2 :])
    looker = Looker(engine, dataclasses.replace(posed, image_paths=paths))
    looker.look(blobs())
    assert not looker.learning.hidden.any()


def test_what_is_in_most_pictures_does_not_pass(
    model: SparseModel, engine: CpuEngine, tmp_path: Path
) -> None:
    """Found in five of eight pictures, at other places of the scene each: it is the scene that does not fit yet."""
    paths = list(model.posed_images.image_paths)
    for place in range(5):
        image = read_image(paths[place + 1]).copy()
        image[4 * place : 4 * place + 24, 8 * place : 8 * place + 24] = RED
        paths[place + 1] = tmp_path / f"{place}.png"
        write_image(paths[place + 1], image)
    for several, is_hidden in ((5, False), (3, True)):
        kept = (*paths[: several + 1], *model.posed_images.image_paths[several + 1 :])
        looker = Looker(engine, dataclasses.replace(model.posed_images, image_paths=kept))
        looker.look(blobs())
        assert looker.learning.hidden.any() == is_hidden


def test_a_look_judges_anew(model: SparseModel, engine: CpuEngine, tmp_path: Path) -> None:
    """What was hidden counts again when the scene shows it after all."""
    looker = Looker(engine, with_passing(model.posed_images, tmp_path))
    looker.learning.restore({"hidden": np.ones_like(looker.learning.hidden)})
    assert looker.pictures.target(1).used is not None
    looker.look(blobs())
    assert looker.pictures.target(1).used is None


@pytest.mark.parametrize(
    "config",
    [
        dataclasses.replace(CONFIG, mask_transients=False),
        dataclasses.replace(CONFIG, max_steps=50),  # too early: pictures have not been seen six times
    ],
)
def test_nobody_looks_when_not_asked_or_too_early(
    model: SparseModel, engine: CpuEngine, tmp_path: Path, config: TrainConfig
) -> None:
    """Nothing is hidden at any step."""
    looker = Looker(engine, with_passing(model.posed_images, tmp_path), config)
    for done in schedule.boundaries(config):
        looker.look(blobs(), done)
    assert not looker.learning.hidden.any()


def test_a_film_without_anything_passing_is_left_alone_later(
    model: SparseModel, engine: CpuEngine, tmp_path: Path
) -> None:
    """After a first look that found nothing, later ones are none."""
    later = schedule.boundary_at(CONFIG, CONFIG.transients.looks[-1])
    looker = Looker(engine, with_passing(model.posed_images, tmp_path))
    looker.look(blobs(), later)
    assert not looker.learning.hidden.any()


def test_blocks_lie_alike_in_looks_and_in_masks(engine: CpuEngine, model: SparseModel) -> None:
    """A block's mean is that of exactly the pixels that hiding it hides, where sizes do not divide."""
    looker = Looker(engine, model.posed_images)
    looker.learning.hidden = np.zeros((COUNT - 1, 5, 7), bool)
    looker.learning._grid = (5, 7)
    hidden = np.zeros((5, 7), bool)
    hidden[1, 2] = hidden[4, 6] = True
    looker.pictures.hide(3, hidden)
    used = looker.pictures.target(3).used
    assert used is not None
    assert used.shape == (HEIGHT, WIDTH)
    means = looker.learning._block_means(np, (~used)[None].astype(np.float32))[0]
    np.testing.assert_array_equal(means, hidden)
