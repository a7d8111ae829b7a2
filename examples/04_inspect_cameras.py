"""Look at the cameras of a run: their lens, their path, and what COLMAP's model says about the points.

python examples/04_inspect_cameras.py my-room
"""

import sys
from pathlib import Path

import numpy as np

from roomsplat.core.alignment import trajectory_error
from roomsplat.core.projection import project_with
from roomsplat.formats.colmap import read_colmap
from roomsplat.formats.nerfstudio import read_transforms


def main(run: Path) -> None:
    """Print what the results folder ``run`` knows about its cameras."""
    file = read_transforms(run / "cameras" / "transforms.json")
    cameras = file.cameras
    fx, _, cx, cy = cameras.intrinsics[0]
    angle = 2 * np.degrees(np.arctan(cameras.width / 2 / fx))
    print(
        f"{len(cameras)} {cameras.model} cameras of {cameras.width} × {cameras.height} px, {angle:.0f}° wide"
    )
    print(f"focal length {fx:.1f} px, principal point {cx:.1f}, {cy:.1f}")

    # The same cameras in COLMAP's files: other axes, the same places.
    model = read_colmap(run / "cameras" / "sparse" / "0")
    path = trajectory_error(model.cameras.centers, cameras.centers)
    print(f"the path is {path.path_length:.2f} units long; both files agree to {path.percent:.5f} % of it")

    if file.timestamps_s is not None:
        seconds = file.timestamps_s[-1] - file.timestamps_s[0]
        print(f"walked in {seconds:.1f} s, {path.path_length / seconds:.2f} units a second")

    # Which points does the first camera see?
    pixels, depth = project_with(cameras, 0, model.points.positions)
    inside = np.all((pixels >= 0) & (pixels < [cameras.width, cameras.height]), axis=1)
    seen = (depth > 0) & inside
    print(f"{np.count_nonzero(seen):,} of {len(model.points):,} points lie in {file.image_paths[0]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
