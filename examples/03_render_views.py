"""Render a splat: from where it was filmed, and from a place where no one stood.

python examples/03_render_views.py my-room views
"""

import sys
from pathlib import Path

import numpy as np

import roomsplat
from roomsplat.core.cameras import PinholeCamera, look_at
from roomsplat.core.images import RenderOutput
from roomsplat.formats.nerfstudio import read_transforms
from roomsplat.media.images import write_image


def save_picture(path: Path, view: RenderOutput) -> None:
    """Write colours of 0 to 1 as a picture."""
    write_image(path, np.round(view.rgb * 255).astype(np.uint8))


def main(run: Path, out: Path) -> None:
    """Render the scene of the results folder ``run`` into pictures in ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    scene = roomsplat.load(run / "scene.ply")

    # Three of the cameras that filmed the room, at half their size.
    filmed = read_transforms(run / "cameras" / "transforms.json").cameras
    three = filmed[np.linspace(0, len(filmed) - 1, 3).astype(int)]
    for number, view in enumerate(
        roomsplat.render(scene, three.resized(three.width // 2, three.height // 2))
    ):
        save_picture(out / f"filmed_{number}.png", view)

    # From where the film begins, turned towards the middle of the room. World +z is up.
    room = np.median(scene.gaussians.means, axis=0)
    camera = PinholeCamera(
        fx=300.0,
        fy=300.0,
        cx=240.0,
        cy=180.0,
        width=480,
        height=360,
        cam_from_world=look_at(filmed.centers[0], room),
    )
    view = roomsplat.render(scene, camera)
    save_picture(out / "free.png", view)
    print(
        f"four pictures in {out}; the free view shows the scene in {np.mean(view.alpha > 0.5):.0%} of its pixels"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
