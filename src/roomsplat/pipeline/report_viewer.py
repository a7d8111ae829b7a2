"""The room itself inside ``report.html``: the light viewer and the most important Gaussians, for a reader without us.

A page from the disk may fetch nothing, so everything is in it: gzip and base64 in script elements of a type that no
browser runs, unpacked when the reader asks for it. Opening a report costs nothing.
"""

import base64
import gzip
import json
import tempfile
from pathlib import Path

import numpy as np

from roomsplat.core.images import PosedImages
from roomsplat.core.scene import SplatScene
from roomsplat.formats.html import viewer_cameras
from roomsplat.formats.splat import importance, write_splat

MAX_GAUSSIANS = 80_000
"""2.6 MB, 3.3 as text: with the viewer (1.1) and the pictures (up to 1.5) a report that can still be mailed."""

STYLE = """
.room { position: relative; aspect-ratio: 4 / 3; max-height: 80vh; width: 100%; border-radius: .5rem;
  overflow: hidden; background: var(--soft) }
.room > img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover }
.room > button { position: absolute; inset: 0; margin: auto; width: max-content; height: max-content; font: inherit;
  padding: .7rem 1.3rem; border: 0; border-radius: 2rem; background: #111c; color: #fff; cursor: pointer }
.room > button:hover, .room > button:focus-visible { background: #000; outline: .2rem solid var(--accent) }
"""

_START = """
const room = document.getElementById("room"), start = room.querySelector("button");
async function unpack(id) {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
start.addEventListener("click", async () => {
  start.disabled = true;
  start.textContent = "Opening the room";
  try {
    const script = document.createElement("script");
    script.textContent = new TextDecoder().decode(await unpack("room-viewer"));
    document.head.append(script);
    const cameras = JSON.parse(document.getElementById("room-cameras").textContent);
    const bytes = await unpack("room-scene");
    const host = document.createElement("div");
    host.style.cssText = "position:absolute;inset:0";
    room.append(host);
    await globalThis.roomsplatViewer.mount(host, { bytes, fileName: "scene.splat", cameras });
    room.querySelector("img")?.remove();
    start.remove();
  } catch (error) {
    start.textContent = "This browser cannot show the room here: " + (error instanceof Error ? error.message : error);
  }
});
"""


def room_section(scene: SplatScene, images: PosedImages, *, poster: str, viewer: str | None) -> str:
    """The section as HTML.

    Args:
        scene: the room.
        images: where it was filmed from.
        poster: address of the picture that is shown until the reader presses the button.
        viewer: the light viewer's script; without it (the page was not built) there is no section.
    """
    if viewer is None:
        return ""
    shown = min(len(scene.gaussians), MAX_GAUSSIANS)
    part = (
        ""
        if shown == len(scene.gaussians)
        else f" It shows the {shown:,} most important of {len(scene.gaussians):,} Gaussians."
    )
    return (
        "<h2>The room</h2>"
        f"<div class=room id=room><img alt='' src='{poster}'><button type=button>Look around in the room</button></div>"
        f"<p class=note>Works without a connection.{part}</p>"
        f"<script type='application/json' id=room-cameras>{_cameras_text(images)}</script>"
        f"<script type='text/plain' id=room-scene>{_packed(_most_important(scene))}</script>"
        f"<script type='text/plain' id=room-viewer>{_packed(viewer.encode())}</script>"
        f"<script>{_START}</script>"
    )


def _cameras_text(images: PosedImages) -> str:
    names = [path.name for path in images.image_paths]
    return json.dumps(viewer_cameras(images.cameras, names)).replace(
        "<", "\\u003c"
    )  # nothing in it may end the script element


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def _most_important(scene: SplatScene) -> bytes:
    gaussians = scene.gaussians
    if len(gaussians) > MAX_GAUSSIANS:
        gaussians = gaussians[np.argsort(-importance(gaussians), kind="stable")[:MAX_GAUSSIANS]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.splat"
        write_splat(path, SplatScene(gaussians=gaussians, splat_model=scene.splat_model, scale=scene.scale))
        return path.read_bytes()
