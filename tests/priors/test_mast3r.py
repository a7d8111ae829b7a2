"""The adapter for a user's own MASt3R, against a folder that answers as its README and DUSt3R's say it does.

Nothing of MASt3R is here: the folder is ours, and holds functions of the documented names, arguments and results.
"""

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from roomsplat.errors import InvalidSettingError, NotInstalledError
from roomsplat.priors.mast3r import LICENCE, Mast3r

FILES = {
    "mast3r/__init__.py": "",
    "mast3r/utils/__init__.py": "",
    "mast3r/utils/path_to_dust3r.py": "",
    "mast3r/model.py": """
        class AsymmetricMASt3R:
            @classmethod
            def from_pretrained(cls, name):
                self = cls()
                self.name = name
                return self

            def to(self, device):
                return self
        """,
    # a descriptor is the place in the first picture that the pixel shows
    "mast3r/fast_nn.py": """
        def fast_reciprocal_NNs(desc1, desc2, *, subsample_or_initxy1, device, dist, block_size):
            assert dist == "dot"
            height, width, _ = desc1.shape
            where = {tuple(value): divmod(i, desc2.shape[1]) for i, value in
                     reversed(list(enumerate(desc2.reshape(-1, 2).tolist())))}
            one, two = [], []
            for y in range(0, height, subsample_or_initxy1):
                for x in range(0, width, subsample_or_initxy1):
                    hit = where.get(tuple(desc1[y, x].tolist()))
                    if hit:
                        one.append((x, y))
                        two.append(hit[::-1])
            import numpy as np
            return np.array(one), np.array(two)
        """,
    "dust3r/__init__.py": "",
    "dust3r/utils/__init__.py": "",
    "dust3r/utils/image.py": """
        import numpy as np
        import torch
        from PIL import Image

        def load_images(paths, size):
            views = []
            for path in paths:
                picture = np.asarray(Image.open(path).convert("RGB")).copy()
                assert max(picture.shape[:2]) == size
                shape = np.array([picture.shape[:2]], np.int32)
                views.append({"img": torch.from_numpy(picture)[None], "true_shape": shape, "idx": len(views)})
            return views
        """,
    # red and green say where the first camera sees it, in steps; the points lie there, one apart for the two views
    "dust3r/inference.py": """
        import torch

        def inference(pairs, model, device, batch_size, verbose):
            [(one, two)] = pairs
            def predict(view, name, z):
                place = view["img"][..., :2].float()
                depth = torch.full_like(place[..., :1], z)
                return {"desc": place, "conf": place[..., 0] + z, name: torch.cat([place, depth], -1)}
            return {"view1": one, "view2": two, "pred1": predict(one, "pts3d", 1.0),
                    "pred2": predict(two, "pts3d_in_other_view", 2.0)}
        """,
}


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Path]:
    """The folder that a user names; what was imported from it is forgotten afterwards."""
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(content), "utf-8")
    before = list(sys.path)
    yield tmp_path
    sys.path[:] = before
    for name in [name for name in sys.modules if name.split(".")[0] in {"mast3r", "dust3r"}]:
        del sys.modules[name]


def test_the_licence_is_shown_and_must_be_named(installation: Path) -> None:
    """Without the licence's name nothing is imported, and the refusal says which licence it is."""
    for word in ("", "yes", "Apache-2.0"):
        with pytest.raises(InvalidSettingError, match="no commercial use") as refused:
            Mast3r(installation, accept_licence=word)
        assert LICENCE in refused.value.hint
    assert "mast3r" not in sys.modules


def test_a_folder_without_it_is_told(tmp_path: Path) -> None:
    """A folder that does not hold MASt3R ends in one sentence that names it."""
    pytest.importorskip("torch", reason="PyTorch is not installed: make test-learned")
    path, before = tmp_path / "empty", list(sys.path)
    path.mkdir()
    with pytest.raises(NotInstalledError, match="could not be imported from"):
        Mast3r(path, accept_licence=LICENCE, device="cpu")
    assert sys.path == before


@pytest.mark.parametrize("size", [(1024, 768), (768, 1024), (1080, 1920)])
def test_positions_are_those_of_the_pictures_as_given(installation: Path, size: tuple[int, int]) -> None:
    """Whatever is cut and reduced for the network, matches come back in px of the whole pictures, points with them."""
    pytest.importorskip("torch", reason="PyTorch is not installed: make test-learned")
    width, height = size
    # every picture shows its own place in cells of 16 px; the second one is moved by four cells
    y, x = np.indices((height, width)) // 16
    first = np.stack([x, y, np.zeros_like(x)], axis=-1).astype(np.uint8)
    second = np.stack([x + 4, y, np.zeros_like(x)], axis=-1).astype(np.uint8)
    network = Mast3r(installation, accept_licence=LICENCE, checkpoint="some/name", device="cpu")
    found = network.look(first, second)
    assert len(found.first) > 100
    assert np.abs(found.first[:, 0] - found.second[:, 0] - 64).max() < 20
    assert np.abs(found.first[:, 1] - found.second[:, 1]).max() < 20
    cells = (found.first // 16).astype(int)
    assert np.all(np.abs(cells - found.points_first[:, :2]) <= 1)
    assert np.all(found.points_first[:, 2] == 1)
    assert np.all(found.points_second[:, 2] == 2)
    assert np.all(found.confidence == found.points_first[:, 0] + 1)
    assert {len(a) for a in (found.first, found.second, found.points_second, found.confidence)} == {
        len(found.first)
    }
