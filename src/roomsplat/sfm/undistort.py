"""From a lens with radial distortion to one pinhole for the whole film."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roomsplat.capture.writer import copy_file
from roomsplat.core.progress import Progress, ReportProgress
from roomsplat.media.images import grid_nodes, read_image, warp_image, write_image
from roomsplat.media.masks import mask_of, place_of_mask, read_mask, warp_mask, write_mask
from roomsplat.sfm.solution import Lens

CELL = 32  # px between the nodes of the warp; linear in between is exact to 0.01 px for phone lenses
NEGLIGIBLE_PX = 0.1  # a smaller shift is not worth a second JPEG generation
MAX_THREADS = 16  # reading, warping and writing release the interpreter; each thread holds three pictures


def pinhole_of(lens: Lens) -> Lens:
    """The pinhole of the same picture size whose whole picture lies inside the original: no black border.

    The focal length is the smallest that allows it, so as little as possible is cropped.
    """
    low, high = 0.5, 2.0
    for _ in range(40):
        middle = (low + high) / 2
        inside = _fits(lens, middle)
        low, high = (low, middle) if inside else (middle, high)
    return Lens(focal=lens.focal * high, cx=lens.cx, cy=lens.cy, k=0.0, width=lens.width, height=lens.height)


def _fits(lens: Lens, zoom: float) -> bool:
    """Whether the border of the pinhole's picture lies inside the original picture."""
    x, y = np.linspace(0, lens.width, 65), np.linspace(0, lens.height, 65)
    border = np.concatenate(
        [np.stack([x, np.full_like(x, edge)], axis=1) for edge in (0.0, lens.height)]
        + [np.stack([np.full_like(y, edge), y], axis=1) for edge in (0.0, lens.width)]
    )
    source = lens.pixels((border - (lens.cx, lens.cy)) / (lens.focal * zoom))
    size = np.array([lens.width, lens.height])
    return bool(np.all(source > -1e-3) and np.all(source < size + 1e-3))


def source_grid(lens: Lens, pinhole: Lens) -> NDArray[np.float64]:
    """(rows, columns, 2) px of the original at the nodes of a regular grid over the pinhole's picture.

    The nodes lie where ``warp_image`` wants them (``grid_nodes``).
    """
    columns, rows = max(2, lens.width // CELL + 1), max(2, lens.height // CELL + 1)
    x, y = np.meshgrid(grid_nodes(lens.width, columns), grid_nodes(lens.height, rows))
    rays = (np.stack([x, y], axis=-1) - (pinhole.cx, pinhole.cy)) / pinhole.focal
    return lens.pixels(rays)


def undistort_images(
    sources: Sequence[Path],
    out_dir: Path,
    lens: Lens,
    pinhole: Lens,
    report: ReportProgress,
    *,
    threads: int | None = None,
) -> tuple[Path, ...]:
    """Write the pictures as the pinhole would have taken them (JPEG, quality 95, 4:4:4); returns their paths.

    Masks beside the sources (``media/masks.py``) are written beside the results, likewise.

    ``threads``: how many pictures at a time, ``None`` for as many as there are cores.

    Raises:
        OutputError: a picture cannot be written.
        InvalidFileError: a source cannot be read.
    """
    grid = source_grid(lens, pinhole)
    nodes = source_grid(pinhole, pinhole)
    is_negligible = float(np.abs(grid - nodes).max()) < NEGLIGIBLE_PX

    def convert(source: Path) -> Path:
        mask = mask_of(source)
        target = out_dir / (source.name if is_negligible else f"{source.stem}.jpg")
        if is_negligible:
            copy_file(source, target)
        else:
            write_image(target, warp_image(read_image(source), grid))
        if mask is not None:
            drawn = read_mask(mask)
            write_mask(place_of_mask(target), drawn if is_negligible else warp_mask(drawn, grid))
        return target

    result = list[Path]()
    with ThreadPoolExecutor(min(threads or os.cpu_count() or 1, MAX_THREADS)) as pool:
        try:
            for path in pool.map(convert, sources):
                result.append(path)
                report(Progress(fraction=len(result) / len(sources), message="removing lens distortion"))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return tuple(result)
