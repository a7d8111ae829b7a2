"""LPIPS through the real loading code, with random weights of the published form, beside a slow computation of it."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roomsplat.errors import WeightsError
from roomsplat.priors import lpips as priors
from roomsplat.priors.lpips import BACKBONE, HEADS, MIN_SIDE, Lpips, lpips_where_present
from roomsplat.priors.weights import WEIGHTS, Weights
from tests.reference import lpips as slow

torch = pytest.importorskip("torch", reason="PyTorch is not installed: make test-learned")

Tensors = dict[str, Any]
Publish = Callable[[str, Tensors], Weights]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Save tensors as the file of that name in a folder of weights; its entry with the right hash."""
    monkeypatch.setenv("ROOMSPLAT_WEIGHTS", str(tmp_path))

    def save(name: str, tensors: Tensors) -> Weights:
        path = tmp_path / WEIGHTS[name].file
        torch.save(tensors, path)
        return replace(WEIGHTS[name], sha256=hashlib.sha256(path.read_bytes()).hexdigest())

    return save


@pytest.fixture(scope="module")
def backbone() -> Tensors:
    """AlexNet's tensors as torchvision's file has them: also a classifier, which nobody asks here (cut short)."""
    torch.manual_seed(1)
    return priors.untrained_backbone().state_dict() | {"classifier.6.bias": torch.zeros(1000)}


@pytest.fixture(scope="module")
def heads() -> Tensors:
    """The five weightings, none below zero, as the authors' are."""
    torch.manual_seed(2)
    return {name: value.abs() for name, value in priors.untrained_heads().state_dict().items()}


def pair(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of noise and the same, a little off."""
    random = np.random.default_rng(0)
    first = random.random((height, width, 3)).astype(np.float32)
    return first, np.clip(first + random.normal(0, 0.1, first.shape), 0, 1).astype(np.float32)


def test_the_tensors_have_the_published_names_and_shapes(backbone: Tensors, heads: Tensors) -> None:
    """Of torchvision's AlexNet, whose other layers hold no tensors, and of the authors' file."""
    widths = {
        0: (64, 3, 11, 11),
        3: (192, 64, 5, 5),
        6: (384, 192, 3, 3),
        8: (256, 384, 3, 3),
        10: (256, 256, 3, 3),
    }
    wanted = {f"features.{layer}.weight": shape for layer, shape in widths.items()}
    wanted |= {f"features.{layer}.bias": shape[:1] for layer, shape in widths.items()}
    found = {name: tuple(value.shape) for name, value in backbone.items() if name.startswith("features")}
    assert found == wanted
    assert {name: tuple(value.shape) for name, value in heads.items()} == {
        f"lin{stage}.model.1.weight": (1, width, 1, 1) for stage, width in enumerate((64, 192, 384, 256, 256))
    }


@pytest.mark.parametrize("size", [(MIN_SIDE, MIN_SIDE), (64, 83)])
def test_it_is_what_the_paper_defines(
    size: tuple[int, int], publish: Publish, backbone: Tensors, heads: Tensors
) -> None:
    """From files of the published form: the slow computation's figure to rounding, 0 for the same picture."""
    metric = Lpips(backbone=publish(BACKBONE, backbone), heads=publish(HEADS, heads))
    first, second = pair(*size)
    numbers = [{name: value.double().numpy() for name, value in part.items()} for part in (backbone, heads)]
    wanted = slow.lpips(first.astype(np.float64), second.astype(np.float64), *numbers)
    assert metric.distance(first, second) == pytest.approx(wanted, rel=1e-5)
    assert metric.distance(first, second) == metric.distance(second, first)
    assert metric.distance(first, first) == 0 < wanted


def test_pictures_that_it_cannot_see_are_refused(publish: Publish, backbone: Tensors, heads: Tensors) -> None:
    """A side below 31 px, two sizes, or no colour."""
    metric = Lpips(backbone=publish(BACKBONE, backbone), heads=publish(HEADS, heads))
    first, second = pair(40, 40)
    for one, other in ((first[:30], second[:30]), (first, second[1:]), (first[..., :1], second[..., :1])):
        with pytest.raises(ValueError, match="not of one size"):
            metric.distance(one, other)


def test_it_is_there_where_its_weights_are(publish: Publish, backbone: Tensors, heads: Tensors) -> None:
    """Without both files a sentence names the one that is missing; with them the metric is ready."""
    given = {"backbone": publish(BACKBONE, backbone)}
    metric, why = lpips_where_present(**given)
    assert metric is None
    assert why.startswith(f"LPIPS is left out: {WEIGHTS[HEADS].file} is not in ")
    metric, why = lpips_where_present(**given, heads=publish(HEADS, heads))
    assert (type(metric), why) == (Lpips, "")


def test_weights_of_another_network_are_refused(publish: Publish, backbone: Tensors, heads: Tensors) -> None:
    """VGG's heads are no AlexNet's: one sentence."""
    other = heads | {"lin1.model.1.weight": torch.zeros(1, 128, 1, 1)}
    with pytest.raises(WeightsError, match="belongs to another network"):
        Lpips(backbone=publish(BACKBONE, backbone), heads=publish(HEADS, other))
