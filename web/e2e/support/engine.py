"""What the browser suite needs of roomsplat itself: films, and the engine's own picture to compare the viewer with.

engine.py film OUT.mp4: a small room, filmed. engine.py wall OUT.mp4: a film in which no camera can be found.
engine.py compare SCENE.ply TRANSFORMS.json INDEX PIXELS.rgba WIDTH HEIGHT OUT: draws the camera, prints ssim and psnr
(JSON), leaves OUT-engine.png and OUT-viewer.png.
"""

import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from roomsplat.formats.nerfstudio import read_transforms
from roomsplat.formats.ply import read_ply
from roomsplat.media.video import VideoWriter
from roomsplat.render.engines import select_engine
from roomsplat.render.view import prepare_scene, render_8bit
from roomsplat.synth.film import FilmConfig, make_film
from roomsplat.train.similarity import psnr, ssim


def film(out: Path) -> None:
    """Six seconds through a furnished room at 320 x 240."""
    make_film(out, FilmConfig(width=320, height=240, duration_s=6.0, fps=6.0))


def wall(out: Path) -> None:
    """Sharp noise, another one in each picture: the frames are kept, and nothing in them can be followed."""
    dice = np.random.default_rng(0)
    with VideoWriter(out, fps=8.0) as writer:
        for _ in range(32):
            writer.write(dice.integers(0, 256, (240, 320, 3), dtype=np.uint8))


def compare(
    scene: Path, transforms: Path, index: int, pixels: Path, size: tuple[int, int], out: Path
) -> None:
    """Print how like the viewer's picture is to the engine's."""
    width, height = size
    camera = read_transforms(transforms).cameras.pinhole(index).resized(width, height)
    engine = select_engine("cpu", 2)
    splats, settings = prepare_scene(engine, read_ply(scene))
    ours = render_8bit(engine, splats, camera, settings)
    theirs = np.frombuffer(pixels.read_bytes(), np.uint8).reshape(height, width, 4)[:, :, :3]
    for name, picture in (("engine", ours), ("viewer", theirs)):
        Image.fromarray(picture).save(out.with_name(f"{out.name}-{name}.png"))
    a, b = unit(theirs), unit(ours)
    print(json.dumps({"ssim": ssim(np, a, b), "psnr": psnr(np, a, b)}))


def unit(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Bytes as numbers from 0 to 1."""
    return picture.astype(np.float64) / 255


def main(arguments: list[str]) -> None:
    """Do what the first argument names."""
    match arguments:
        case ["film", out]:
            film(Path(out))
        case ["wall", out]:
            wall(Path(out))
        case ["compare", scene, transforms, index, pixels, width, height, out]:
            size = int(width), int(height)
            compare(Path(scene), Path(transforms), int(index), Path(pixels), size, Path(out))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
