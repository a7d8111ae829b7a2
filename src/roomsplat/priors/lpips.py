"""LPIPS: how different two pictures look, by the features of a network.

Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", equation 1; version 0.1 on
AlexNet (Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks"), its authors' default.
0 is the same picture; smaller is better.
"""

from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.errors import NotInstalledError, WeightsError
from roomsplat.priors.torch_device import Device, choose_device, fill, import_torch, read_state, steady
from roomsplat.priors.weights import WEIGHTS, Weights, weights_path

BACKBONE, HEADS = "alexnet", "lpips-alexnet"

MIN_SIDE = 31
"""px; of a smaller picture nothing is left after the network's two poolings."""
CHANNELS = (64, 192, 384, 256, 256)
"""Of the five stages' features."""
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of pictures in [-1, 1], by channel, before the network sees them; the authors' constants."""
EPSILON = 1e-10
"""Added to the length of a feature, as the authors do."""


class Lpips:
    """The metric on a device, ready to compare."""

    def __init__(
        self, *, device: Device = "cpu", backbone: Weights | None = None, heads: Weights | None = None
    ) -> None:
        """Load both networks; their files are fetched first if need be (244 MB, once).

        Args:
            device: where it runs. A pair of 1076 × 1915 px takes 1.7 s on one core, and the processor gives the same
                figures beside every engine.
            backbone: another file than the published one (tests).
            heads: the same.

        Raises:
            NotInstalledError: the extra ``learned`` is not installed.
            WeightsError: its weights are not to be had.
        """
        self._device = choose_device(device)
        self._network, self._heads = untrained_backbone(), untrained_heads()
        for network, weights in (
            (self._network, backbone or WEIGHTS[BACKBONE]),
            (self._heads, heads or WEIGHTS[HEADS]),
        ):
            path = weights_path(weights)
            fill(network, read_state(path), path)
            network.to(self._device)

    def distance(self, first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
        """LPIPS of two (h, w, 3) pictures of sRGB in [0, 1]; the same either way round.

        Raises:
            ValueError: they differ in size, or a side is shorter than ``MIN_SIDE``.
        """
        if first.shape != second.shape or first.shape[2:] != (3,) or min(first.shape[:2]) < MIN_SIDE:
            raise ValueError(
                f"pictures of {first.shape} and {second.shape}, not of one size from {MIN_SIDE} px on"
            )
        torch = import_torch()
        with steady():
            batch = torch.from_numpy(np.stack([first, second])).to(self._device).permute(0, 3, 1, 2).float()
            shift, scale = (torch.tensor(v, device=self._device).view(1, 3, 1, 1) for v in (SHIFT, SCALE))
            seen, total = (2 * batch - 1 - shift) / scale, 0.0
            heads = list(self._heads)
            for layer in self._network.features:
                seen = layer(seen)
                if isinstance(layer, torch.nn.ReLU):  # the end of a stage
                    unit = seen / (seen.square().sum(1, keepdim=True).sqrt() + EPSILON)
                    total += float(heads.pop(0)((unit[:1] - unit[1:]).square()).mean())
        return total


def lpips_where_present(**given: Any) -> tuple[Lpips | None, str]:
    """The metric where PyTorch and both files are here, else ``None`` and a sentence why; nothing is fetched.

    ``given``: the arguments of ``Lpips``.
    """
    try:
        import_torch()
        for name, default in (("backbone", BACKBONE), ("heads", HEADS)):
            weights_path(given.get(name) or WEIGHTS[default], fetch=False)
        return Lpips(**given), ""
    except (NotInstalledError, WeightsError) as error:
        return None, f"LPIPS is left out: {error.message} {error.hint}"


def untrained_backbone() -> Any:
    """AlexNet's five stages without weights, its tensors named as torchvision's file names them; nothing is fetched."""
    nn = import_torch().nn
    widths, sizes = (3, *CHANNELS), ((11, 4, 2), (5, 1, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1))
    layers = list[Any]()
    for stage, (size, stride, padding) in enumerate(sizes):
        if stage in (1, 2):
            layers.append(nn.MaxPool2d(3, 2))
        layers += [nn.Conv2d(widths[stage], widths[stage + 1], size, stride, padding), nn.ReLU()]
    return nn.Sequential(OrderedDict(features=nn.Sequential(*layers)))


def untrained_heads() -> Any:
    """The five weightings of channels, without weights, named as in the authors' file: ``lin0.model.1.weight`` ..."""
    nn = import_torch().nn
    heads = OrderedDict[str, Any]()
    for stage, width in enumerate(CHANNELS):
        model = nn.Sequential(nn.Identity(), nn.Conv2d(width, 1, 1, bias=False))
        heads[f"lin{stage}"] = nn.Sequential(OrderedDict(model=model))
    return nn.Sequential(heads)
