"""``roomsplat view``: a scene in the browser, served to this computer only."""

import os
import webbrowser
from pathlib import Path

from roomsplat.cli.arguments import View
from roomsplat.errors import (
    InputNotFoundError,
    InvalidFileError,
    InvalidSettingError,
    NotInstalledError,
    ServiceError,
)
from roomsplat.page.local import HOST, VIEWER, SceneServer, Shown
from roomsplat.page.site import Site

SPLATS = (".ply", ".spz", ".sog", ".splat")
"""Kinds that the viewer opens; the first one that a folder has is shown."""

_FIRST_BYTES = {".ply": (b"ply",), ".spz": (b"\x1f\x8b", b"NGSP"), ".sog": (b"PK",)}
_SPLAT_BYTES = 32
"""A Gaussian in a .splat file, which has no head to know it by."""


def run_view(command: View) -> None:
    """Show the scene until Ctrl-C.

    Raises:
        InputNotFoundError: there is no such file or folder.
        InvalidFileError: there is no splat there.
        NotInstalledError: the viewer was not built.
        ServiceError: the port is taken.
    """
    if not 0 <= command.port <= 65535:
        raise InvalidSettingError(f"There is no port {command.port}.", hint="Give 0 (any) to 65535.")
    shown = find_scene(command.scene)
    site = Site()
    if VIEWER not in site.names:
        raise NotInstalledError(
            "The viewer is not built in this installation.",
            hint="Run `make web` in the source tree (it needs Node 20), or open the file in any splat viewer.",
        )
    try:
        server = SceneServer(shown, site, port=command.port)
    except OSError as error:
        raise ServiceError(
            f"Nothing can listen on {HOST}:{command.port} ({os.strerror(error.errno or 0)}).",
            hint="Leave --port out.",
        ) from error
    with server:
        print(
            f"{shown.scene} is shown on {server.address} to this computer only. Ctrl-C ends it.", flush=True
        )
        if command.browser:
            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()  # behind the terminal's ^C


def find_scene(path: Path) -> Shown:
    """The splat at ``path``, with what lies beside it in the folder of a run.

    Raises:
        InputNotFoundError: there is nothing.
        InvalidFileError: there is none, or it is no splat.
    """
    folder = path if path.is_dir() else path.parent
    scene = path
    if path.is_dir():
        found = [path / f"scene{suffix}" for suffix in SPLATS if (path / f"scene{suffix}").is_file()]
        if not found:
            raise InvalidFileError(
                f"{path} holds no finished scene (no scene.ply).",
                hint="Give the folder that `roomsplat reconstruct` wrote, or a splat file.",
            )
        scene = found[0]
    _check(scene)
    ours = (folder / "run.json").is_file() and scene.stem == "scene"
    cameras, mesh = folder / "cameras", folder / "mesh.glb"
    return Shown(
        scene=scene.resolve(),
        cameras=cameras if ours and (cameras / "transforms.json").is_file() else None,
        mesh=mesh if ours and mesh.is_file() else None,
    )


def _check(scene: Path) -> None:
    """Refuse what the viewer would refuse, before a browser opens."""
    suffix = scene.suffix.lower()
    if suffix not in SPLATS:
        raise InvalidFileError(
            f"{scene} is not a splat that the viewer opens.", hint=f"Give a {', '.join(SPLATS)} file."
        )
    try:
        with scene.open("rb") as file:
            head, size = file.read(4), file.seek(0, 2)
    except FileNotFoundError:
        raise InputNotFoundError(f"{scene} does not exist.", hint="Check the path.") from None
    except OSError as error:
        raise InvalidFileError(
            f"{scene} cannot be read ({error.strerror}).", hint="Check the path."
        ) from error
    begins_well = head.startswith(_FIRST_BYTES.get(suffix, (b"",)))
    if not begins_well or size == 0 or (suffix == ".splat" and size % _SPLAT_BYTES):
        raise InvalidFileError(
            f"{scene} is not what its name says: it does not begin like a {suffix} file."
            if size
            else f"{scene} is empty.",
            hint="Give the file that a splat tool wrote, as it was.",
        )
