"""Features, matches and depth through the real loading code, with random weights of the published form.

The published files are not on most computers, so each test makes one: the same network, the same names of tensors, the
same container. What is judged is everything but the training.
"""

import hashlib
import os
import pickle
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from roomsplat.core.progress import Progress
from roomsplat.errors import EngineError, WeightsError
from roomsplat.media.images import write_image
from roomsplat.priors import depth, features, lightglue
from roomsplat.priors.features import Extractor, Kind, from_bytes, to_bytes
from roomsplat.priors.lightglue import Matcher
from roomsplat.priors.matching import LearnedConfig, learned_matches
from roomsplat.priors.weights import WEIGHTS, Weights

torch = pytest.importorskip("torch", reason="PyTorch is not installed: make test-learned")
save_file = pytest.importorskip("safetensors.torch", reason="not installed: make test-learned").save_file

KINDS: tuple[Kind, ...] = get_args(Kind)
Make = Callable[[str, Any], Weights]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Save tensors as the file of that name in a folder of weights; its entry with the right hash."""
    monkeypatch.setenv("ROOMSPLAT_WEIGHTS", str(tmp_path))

    def save(name: str, content: Any) -> Weights:
        path = tmp_path / WEIGHTS[name].file
        if path.suffix == ".safetensors":
            save_file(content, path, metadata={"format": "pt"})
        else:
            torch.save(content, path)
        return replace(WEIGHTS[name], sha256=hashlib.sha256(path.read_bytes()).hexdigest())

    return save


def published_form(kind: Kind, state: dict[str, Any]) -> Any:
    """How the authors' files hold the tensors of the extractors."""
    if kind == "disk":
        return {"extractor": state, "optimizer": {}, "epoch": 3}
    return {name.removeprefix("net."): value for name, value in state.items()} if kind == "xfeat" else state


def published_names(kind: Kind, state: dict[str, Any]) -> dict[str, Any]:
    """How the authors' files name the tensors of LightGlue."""
    pattern, prefix = (
        re.compile(r"^transformers\.(\d+)\.(self_attn|cross_attn)\."),
        "matcher." if kind == "xfeat" else "",
    )
    named = {prefix + pattern.sub(r"\2.\1.", name): value for name, value in state.items()}
    return named | ({"extractor.model.net.skip1.1.bias": torch.zeros(24)} if kind == "xfeat" else {})


def random_extractor(kind: Kind) -> dict[str, Any]:
    """Its tensors, the same at each call."""
    torch.manual_seed(1)
    return features.untrained(kind, 64).state_dict()


def random_matcher(kind: Kind) -> dict[str, Any]:
    """Its tensors, the same at each call."""
    torch.manual_seed(2)
    return lightglue.untrained(kind).state_dict()


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Two pictures of blocks, 150 × 110 px: of a size that no network takes as it is."""
    random = np.random.default_rng(0)
    return [
        np.kron(random.integers(0, 256, (11, 15, 3), np.uint8), np.ones((10, 10, 1), np.uint8))
        for _ in range(2)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_extractors_keep_their_promise(kind: Kind, publish: Make, pictures: list[np.ndarray]) -> None:
    """From a file of the published form: positions inside, unit descriptors, best first, and twice the same bits."""
    weights = publish(kind, published_form(kind, random_extractor(kind)))
    extractor = Extractor(kind, max_features=40, device="cpu", weights=weights)
    found, again = extractor.find(pictures), extractor.find(pictures)
    assert len(found) == 2
    assert extractor.find([]) == []
    for one, same in zip(found, again, strict=True):
        count = len(one.keypoints)
        assert 5 < count <= 40
        assert one.keypoints.shape == (count, 2)
        assert one.descriptors.shape == (count, 64 if kind == "xfeat" else 128)
        assert {a.dtype for a in (one.keypoints, one.descriptors, one.scores)} == {np.dtype(np.float32)}
        assert np.all((one.keypoints > 0) & (one.keypoints < (150, 110)))
        assert np.allclose(np.linalg.norm(one.descriptors, axis=1), 1, atol=1e-4)
        assert np.all(np.diff(one.scores) <= 0)
        for name in ("keypoints", "descriptors", "scores"):
            assert np.array_equal(getattr(one, name), getattr(same, name))
    assert not np.array_equal(found[0].keypoints, found[1].keypoints)
    with pytest.raises(ValueError, match="one size"):
        extractor.find([pictures[0], pictures[1][:-1]])


@pytest.mark.parametrize("kind", KINDS)
def test_descriptors_survive_as_bytes(kind: Kind) -> None:
    """Stored as COLMAP stores its own and read back, distances differ by steps of 1/256 and no more."""
    width = 64 if kind == "xfeat" else 128
    values = np.random.default_rng(0).normal(size=(60, width)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    stored = to_bytes(values)
    assert stored.shape == (60, 128)
    assert stored.dtype == np.uint8
    assert np.abs(from_bytes(stored, kind) - values).max() < 0.01
    true = np.linalg.norm(values[:, None] - values, axis=2)
    kept = np.linalg.norm(stored.astype(np.float32)[:, None] - stored, axis=2) / features.BYTE_SCALE
    assert np.abs(kept - true).max() < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_lightglue_matches_each_feature_at_most_once(
    kind: Kind, publish: Make, pictures: list[np.ndarray]
) -> None:
    """From a file with the published names, every tensor in its place; the numbers are numbers of features."""
    state = random_matcher(kind)
    matcher = Matcher(kind, device="cpu", weights=publish(f"{kind}-lightglue", published_names(kind, state)))
    loaded = matcher._network.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in state.items())
    weights = publish(kind, published_form(kind, random_extractor(kind)))
    first, second = Extractor(kind, max_features=40, device="cpu", weights=weights).find(pictures)
    matcher._network.conf.filter_threshold = 0.0  # untrained, it is sure of nothing
    matches = matcher.match(first, second)
    assert matches.dtype == np.uint32
    assert 0 < len(matches) == len(set(matches[:, 0])) == len(set(matches[:, 1]))
    assert matches[:, 0].max() < len(first.keypoints)
    assert matches[:, 1].max() < len(second.keypoints)
    assert np.array_equal(matches, matcher.match(first, second))
    none = replace(second, keypoints=second.keypoints[:0], descriptors=second.descriptors[:0])
    assert matcher.match(first, none).shape == (0, 2)


def test_pictures_on_disk_become_features_and_matches(
    publish: Make, pictures: list[np.ndarray], tmp_path: Path
) -> None:
    """The one function that a solver calls: reduced pictures, features of each, matches of each pair, progress."""
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path, picture in zip(paths, [*pictures, pictures[0]], strict=True):
        write_image(path, np.kron(picture, np.ones((2, 2, 1), np.uint8)))
    extractor = Extractor(
        "aliked", max_features=40, device="cpu", weights=publish("aliked", random_extractor("aliked"))
    )
    matcher = Matcher(
        "aliked",
        device="cpu",
        weights=publish("aliked-lightglue", published_names("aliked", random_matcher("aliked"))),
    )
    told = list[Progress]()
    found, matches = learned_matches(
        paths,
        [(0, 2), (0, 1)],
        LearnedConfig(max_side=150, batch=2),
        told.append,
        extractor=extractor,
        matcher=matcher,
    )
    assert [(one.width, one.height) for one in found] == [(150, 110)] * 3
    assert np.array_equal(found[0].keypoints, found[2].keypoints)
    assert len(matches) == 2
    shares = [one.fraction for one in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_weights_of_another_network_are_refused(publish: Make) -> None:
    """A file with a tensor missing, or of another shape, ends in one sentence."""
    state = random_extractor("aliked")
    name = "desc_head.agg_weights"
    for wrong in (
        {k: v for k, v in state.items() if k != name},
        state | {name: state[name][:, :64]},
    ):
        with pytest.raises(WeightsError, match="belongs to another network"):
            Extractor("aliked", device="cpu", weights=publish("aliked", wrong))


class Trap:
    """A pickle that does something."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Make a folder when it is unpickled."""
        return Path.mkdir, (Path("trap"),)


@pytest.mark.parametrize(
    "content", [b"", b"no pickle at all", pickle.dumps(Trap(), 2), pickle.dumps([1, 2], 2)]
)
def test_a_file_of_weights_runs_nothing(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even with the right hash, a file that is no list of tensors is refused and no code in it runs."""
    monkeypatch.setenv("ROOMSPLAT_WEIGHTS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / WEIGHTS["aliked"].file).write_bytes(content)
    entry = replace(WEIGHTS["aliked"], sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(WeightsError, match=r"holds (no weights|something else)"):
        Extractor("aliked", device="cpu", weights=entry)
    assert not (tmp_path / "trap").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told() -> None:
    """Asking for CUDA on a computer without ends in one sentence."""
    with pytest.raises(EngineError, match="finds no GPU"):
        Extractor("aliked", device="cuda")


PUBLISHED_NAMES = (
    (".attention.q_proj.", ".attention.attention.query."),
    (".attention.k_proj.", ".attention.attention.key."),
    (".attention.v_proj.", ".attention.attention.value."),
    (".attention.o_proj.", ".attention.output.dense."),
)


def test_depth_of_a_picture(publish: Make) -> None:
    """From a file of the published names, to the byte as large as the published one: a value for every pixel."""
    torch.manual_seed(3)
    state = depth.untrained().state_dict()
    published = dict[str, Any]()
    for name, value in state.items():
        for new, old in PUBLISHED_NAMES:
            name = name.replace(new, old)  # noqa: PLW2901 - one name after the other
        published[name] = value
    weights = publish(depth.SMALL, published)
    folder = Path(os.environ["ROOMSPLAT_WEIGHTS"])
    assert (folder / weights.file).stat().st_size == 99_173_660, "the names are not the published ones"
    network = depth.DepthNetwork(device="cpu", short_side=56, weights=weights)
    loaded = network._network.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in state.items())
    picture = np.random.default_rng(0).integers(0, 256, (61, 83, 3), np.uint8)
    inverse = network.look(picture)
    assert inverse.shape == (61, 83)
    assert inverse.dtype == np.float32
    assert np.all(np.isfinite(inverse))
    assert np.array_equal(inverse, network.look(picture))
