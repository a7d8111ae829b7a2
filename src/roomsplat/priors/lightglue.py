"""LightGlue (Lindenberger et al. 2023): which features of two pictures are the same, judged all together."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.priors.features import Kind, LearnedFeatures
from roomsplat.priors.torch_device import Device, choose_device, fill, import_torch, read_state, steady
from roomsplat.priors.weights import WEIGHTS, Weights, weights_path

_OLD_NAME = re.compile(r"^(self_attn|cross_attn)\.(\d+)\.")


class Matcher:
    """The network on a device, for the features of one kind."""

    def __init__(self, kind: Kind, *, device: Device = "auto", weights: Weights | None = None) -> None:
        """Load the network.

        Args:
            kind: whose features are matched.
            device: where it runs.
            weights: another file than the published one (tests).

        Raises:
            NotInstalledError: the extra ``learned`` is not installed.
            WeightsError: its weights are not to be had.
        """
        self._device = choose_device(device)
        path = weights_path(weights or WEIGHTS[f"{kind}-lightglue"])
        self._network = untrained(kind)
        # The published files name layers as the first version did, and XFeat's holds the extractor, too.
        state = {
            _OLD_NAME.sub(r"transformers.\2.\1.", name.removeprefix("matcher.")): value
            for name, value in read_state(path).items()
            if not name.startswith("extractor.")
        }
        fill(self._network, state, path)
        self._network.to(self._device)

    def match(self, first: LearnedFeatures, second: LearnedFeatures) -> NDArray[np.uint32]:
        """(n, 2) feature numbers, each at most once, in the order of the first's."""
        if min(len(first.keypoints), len(second.keypoints)) == 0:
            return np.zeros((0, 2), np.uint32)
        with steady():
            found = self._network({"image0": self._side(first), "image1": self._side(second)})
        matches = found["matches"][0].cpu().numpy()
        return matches[np.argsort(matches[:, 0], kind="stable")].astype(np.uint32)

    def _side(self, features: LearnedFeatures) -> dict[str, Any]:
        torch = import_torch()
        size = torch.tensor([[features.width, features.height]], device=self._device)
        keypoints = torch.from_numpy(features.keypoints - np.float32(0.5))  # its pixels have whole numbers
        return {
            "keypoints": keypoints.to(self._device)[None],
            "descriptors": torch.from_numpy(features.descriptors).to(self._device)[None],
            "image_size": size,
        }


def untrained(kind: Kind) -> Any:
    """The network without weights; nothing is fetched."""
    # it takes seconds, and is an extra: only who asks for it pays
    import kornia.feature as networks  # noqa: PLC0415  # pyright: ignore[reportMissingModuleSource]

    settings = {name: value for name, value in networks.LightGlue.features[kind].items() if name != "weights"}
    # flash is half precision on GPUs, with sums in any order
    return networks.LightGlue(features=None, **settings, flash=False)
