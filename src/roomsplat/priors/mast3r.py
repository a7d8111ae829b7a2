"""MASt3R (Leroy et al. 2024), as the user installed it: matches and a map of points from two pictures.

Its code and its weights are under CC BY-NC-SA 4.0 and more, so it is no dependency, nothing of it is fetched by us,
and it is used only by who names the licence. What is called is what its README and DUSt3R's show, and nothing else.
"""

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roomsplat.errors import InvalidSettingError, NotInstalledError
from roomsplat.media.images import resize_image, write_image
from roomsplat.priors.torch_device import Device, choose_device

Float = NDArray[np.float32]

LICENCE = "CC-BY-NC-SA-4.0"
CHECKPOINT = "naver/MASt3R_ViTLarge_BaseDecoder_512_catmlpdpt_metric"
LONG_SIDE = 512
_SHORT_SIDES = (384, 336, 288, 256, 160)  # that it was trained with
_STRIDE = 8  # a match is sought for every eighth pixel
_BORDER = 3  # px at the edge whose matches its README leaves out


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoViews:
    """What two pictures say of each other. Positions are px of the pictures as given, pixel centres at +0.5."""

    first: Float
    """(n, 2) matched positions in the first picture."""
    second: Float
    """(n, 2) the same in the second one."""
    points_first: Float
    """(n, 3) where they lie, by the first picture, in the first camera's axes; metres if the checkpoint is metric."""
    points_second: Float
    """(n, 3) where they lie, by the second picture, in the first camera's axes."""
    confidence: Float
    """(n,) 1 and more; the smaller of the two."""


class Mast3r:
    """The user's own MASt3R on a device."""

    def __init__(
        self,
        installation: Path,
        *,
        accept_licence: str,
        checkpoint: str = CHECKPOINT,
        device: Device = "auto",
    ) -> None:
        """Import it and load its weights, as it loads them itself.

        Args:
            installation: the folder that was cloned, with ``mast3r`` and ``dust3r`` in it.
            accept_licence: the licence's name, which says that you have read and accept it.
            checkpoint: what its README calls ``model_name``: a name on the hub or a file. A file is unpickled by
                MASt3R's code, which can run anything: give only one that you trust.
            device: where it runs.

        Raises:
            InvalidSettingError: the licence is not accepted.
            NotInstalledError: it is not in that folder, or lacks something.
        """
        if accept_licence != LICENCE:
            raise InvalidSettingError(
                f"MASt3R and its weights are under {LICENCE} (no commercial use; the data sets that it was trained on "
                "add their own terms, see CHECKPOINTS_NOTICE in its folder).",
                hint=f"If you accept this, say so by the licence's name: {LICENCE}.",
            )
        self._device = choose_device(device)
        model, self._nearest, self._infer, self._load = _parts(installation)
        self._network = model.from_pretrained(checkpoint).to(self._device)

    def look(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> TwoViews:
        """Matches and points of two (h, w, 3) sRGB pictures."""
        with TemporaryDirectory(prefix="roomsplat-") as folder:
            crops = [_crop(picture) for picture in (first, second)]
            paths = [Path(folder) / f"{name}.png" for name in ("first", "second")]
            for path, crop in zip(paths, crops, strict=True):
                write_image(path, crop.pixels)
            images = self._load([str(path) for path in paths], size=LONG_SIDE)
            output = self._infer([tuple(images)], self._network, self._device, batch_size=1, verbose=False)
            one, other = output["pred1"], output["pred2"]
            found = self._nearest(
                *(side["desc"].squeeze(0).detach() for side in (one, other)),
                subsample_or_initxy1=_STRIDE,
                device=self._device,
                dist="dot",
                block_size=2**13,
            )
        places = [np.asarray(side).astype(np.int64) for side in found]
        for view, crop in zip((output["view1"], output["view2"]), crops, strict=True):
            shape = tuple(int(side) for side in view["true_shape"][0])
            assert shape == crop.pixels.shape[:2], "MASt3R looked at another picture than it was given"
        keep = _is_inside(places[0], crops[0]) & _is_inside(places[1], crops[1])
        places = [side[keep] for side in places]
        sure = [_at(side["conf"], where) for side, where in zip((one, other), places, strict=True)]
        return TwoViews(
            first=crops[0].to_picture(places[0]),
            second=crops[1].to_picture(places[1]),
            points_first=_at(one["pts3d"], places[0]),
            points_second=_at(other["pts3d_in_other_view"], places[1]),
            confidence=np.minimum(*sure),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Crop:
    """The middle of a picture, in a size that MASt3R takes as it is."""

    pixels: NDArray[np.uint8]
    factor: tuple[float, float]
    offset: tuple[float, float]

    def to_picture(self, places: NDArray[np.int64]) -> Float:
        """(n, 2) px of the whole picture, of (n, 2) whole pixels of the crop."""
        return ((places + 0.5) * self.factor + self.offset).astype(np.float32)


def _crop(picture: NDArray[np.uint8]) -> _Crop:
    """Cut to the nearest shape that it was trained with, then reduce to 512 px: it then cuts and resizes nothing."""
    height, width = picture.shape[:2]
    long, short = max(height, width), min(height, width)
    side = min(_SHORT_SIDES, key=lambda one: abs(one / LONG_SIDE - short / long))
    unit = min(long / LONG_SIDE, short / side)
    size = (LONG_SIDE, side) if width >= height else (side, LONG_SIDE)
    cut = [min(have, round(unit * want)) for have, want in zip((width, height), size, strict=True)]
    x, y = (width - cut[0]) // 2, (height - cut[1]) // 2
    pixels = resize_image(np.ascontiguousarray(picture[y : y + cut[1], x : x + cut[0]]), *size)
    return _Crop(pixels=pixels, factor=(cut[0] / size[0], cut[1] / size[1]), offset=(float(x), float(y)))


def _is_inside(places: NDArray[np.int64], crop: _Crop) -> NDArray[np.bool_]:
    height, width = crop.pixels.shape[:2]
    return np.all((places >= _BORDER) & (places < np.array([width, height]) - _BORDER), axis=1)


def _at(values: Any, places: NDArray[np.int64]) -> Float:
    """What a map of the network, (1, h, w, …), says at (n, 2) pixels."""
    return np.asarray(values.squeeze(0).detach().cpu().numpy()[places[:, 1], places[:, 0]], np.float32)


def _parts(installation: Path) -> tuple[Any, Any, Any, Any]:
    """What its README imports, in its order."""
    before = list(sys.path)
    sys.path.insert(0, str(installation.resolve()))
    try:
        model = importlib.import_module("mast3r.model").AsymmetricMASt3R
        nearest = importlib.import_module("mast3r.fast_nn").fast_reciprocal_NNs
        importlib.import_module("mast3r.utils.path_to_dust3r")
        infer = importlib.import_module("dust3r.inference").inference
        load = importlib.import_module("dust3r.utils.image").load_images
    except (ImportError, AttributeError) as error:
        sys.path[:] = before
        raise NotInstalledError(
            f"MASt3R could not be imported from {installation} ({error}).",
            hint="Name the folder that you cloned with --recursive, in an environment that has its requirements.",
        ) from error
    return model, nearest, infer, load
