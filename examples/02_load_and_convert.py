"""Load a splat, leave out what is hardly visible or far away, and save the rest.

python examples/02_load_and_convert.py my-room/scene.ply light.ply
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

import roomsplat


def main(source: Path, target: Path) -> None:
    """Read ``source``, thin it out, write ``target``; the suffixes name the formats."""
    scene = roomsplat.load(source)
    gaussians = scene.gaussians
    visible = gaussians.opacities > 0.05
    distance = np.linalg.norm(gaussians.means - np.median(gaussians.means, axis=0), axis=1)
    near = distance < 5 * np.median(distance)
    light = replace(scene, gaussians=gaussians[visible & near])
    roomsplat.save(light, target)
    print(
        f"kept {len(light.gaussians):,} of {len(gaussians):,} Gaussians (degree {gaussians.sh_degree}) in {target}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
