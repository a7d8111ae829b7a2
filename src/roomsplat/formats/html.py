"""A scene as one ``.html`` file: the viewer and the splat in it, for anybody with a browser and no connection.

A page from the disk may fetch nothing, so everything is inside, as text in script elements of a type that no browser
runs: the light viewer of the built page (gzip, base64; 1.1 MB) and the scene as SOG (base64).
"""

import base64
import gzip
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from roomsplat.core.cameras import Cameras
from roomsplat.core.scene import SplatScene
from roomsplat.errors import InvalidFileError, NotInstalledError
from roomsplat.formats.files import open_output
from roomsplat.formats.sog import pack_sog
from roomsplat.page.site import light_viewer

MAX_VIEWS = 40
"""Views to jump between: 9 kB."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="generator" content="roomsplat"><title>{title}</title>
<style>
html, body {{ margin: 0; height: 100%; background: #14161a; color: #e8eaee; font: 1rem/1.5 system-ui, sans-serif }}
#room {{ position: fixed; inset: 0 }}
#word {{ position: fixed; inset: 0; margin: auto; width: max-content; max-width: 90vw; height: max-content }}
</style></head><body>
<div id="room"></div><p id="word" role="status">Opening the room</p>
<noscript><p>This page shows a room in 3D and needs JavaScript.</p></noscript>
<script type="text/plain" id="viewer">{viewer}</script>
<script type="text/plain" id="scene">{scene}</script>
<script>
const word = document.getElementById("word");
async function bytes(id) {{
  const element = document.getElementById(id);
  const answer = await fetch("data:application/octet-stream;base64," + element.textContent);
  element.remove();
  return answer.arrayBuffer();
}}
(async () => {{
  try {{
    const packed = new Blob([await bytes("viewer")]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(packed).text();
    document.head.append(script);
    const scene = {{ bytes: await bytes("scene"), fileName: "scene.sog", cameras: {views} }};
    await globalThis.roomsplatViewer.mount(document.getElementById("room"), scene);
    word.remove();
  }} catch (error) {{
    word.textContent = "This browser cannot show the room: " + (error instanceof Error ? error.message : error);
  }}
}})();
</script></body></html>
"""


def write_html(path: Path, scene: SplatScene, views: Sequence[Mapping[str, object]] = ()) -> None:
    """Write the page; the file appears only when complete.

    Args:
        path: where to.
        scene: the room.
        views: where it was filmed from (``viewer_cameras``): the page opens at the middle one, and jumps between them.

    Raises:
        NotInstalledError: the viewer was not built.
        OutputError: the file cannot be written.
        ValueError: a value is not finite or a rotation has length 0.
    """
    viewer = light_viewer()
    if viewer is None:
        raise NotInstalledError(
            "The viewer that an .html carries is not built in this installation.",
            hint="Run `make web` in the source tree (it needs Node 20), or write a .sog.",
        )
    page = _PAGE.format(
        title=html.escape(path.stem),
        viewer=_text(gzip.compress(viewer.encode(), mtime=0)),
        scene=_text(pack_sog(scene)),
        views=json.dumps(list(views)).replace("<", "\\u003c"),  # nothing in it may end the script element
    )
    with open_output(path) as file:
        file.write(page.encode())


def read_html(path: Path) -> SplatScene:
    """An .html is made to be looked at.

    Raises:
        InvalidFileError: always.
    """
    raise InvalidFileError(
        f"{path} is a page to look at; scenes are not read back from one.",
        hint="Give the .ply, .sog or other file that it was made from.",
    )


def viewer_cameras(cameras: Cameras, names: Sequence[str]) -> list[dict[str, object]]:
    """At most ``MAX_VIEWS`` of ``cameras``, evenly spread, as the viewer takes them.

    OpenCV axes, camera from world, rows first.
    """
    count = len(cameras)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MAX_VIEWS)).round().astype(np.int64))
    found: list[dict[str, object]] = []
    for index in (int(i) for i in chosen):
        camera = cameras.pinhole(index)
        found.append(
            {
                "name": names[index],
                "width": camera.width,
                "height": camera.height,
                "fx": round(camera.fx, 3),
                "fy": round(camera.fy, 3),
                "cx": round(camera.cx, 3),
                "cy": round(camera.cy, 3),
                "camFromWorld": [round(float(value), 6) for value in camera.cam_from_world.ravel()],
            }
        )
    return found


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
