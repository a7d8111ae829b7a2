"""What a finished request gives back: its files in the bucket, or small ones in the answer itself."""

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

from roomsplat.errors import RoomsplatError
from roomsplat.server.files import FileStore
from roomsplat.server.settings import ServerSettings

MAX_ANSWER_BYTES = 12 * 1024 * 1024
"""Files in an answer: RunPod takes 20 MB, and base64 makes a third more of it."""
COMPANIONS = ("preview.png", "run.json")
"""What comes back beside the scene without a bucket, in this order, as long as there is room."""


class ResultTooLargeError(RoomsplatError):
    """There is no bucket, and the scene does not fit into an answer."""

    code: ClassVar[str] = "result_too_large"


def deliver(store: FileStore | None, settings: ServerSettings, request_id: str, out: Path) -> dict[str, Any]:
    """Put the files of a finished run where their owner gets them; the part of the answer that says where.

    Args:
        store: the bucket that ``settings`` name, if they name one.
        settings: the worker's.
        request_id: names the folder in the bucket.
        out: what the run made.

    Raises:
        ResultTooLargeError: see there.
        StorageUnavailableError: the bucket does not take them.
    """
    if store is None:
        return {"files": _inline(out)}
    folder = f"serverless/{request_id}"
    sizes: dict[str, int] = {}
    for file in sorted(out.rglob("*")):
        name = file.relative_to(out).as_posix()
        if file.is_file() and not name.startswith(("work/", "live/")):
            sizes[name] = store.put(f"{folder}/{name}", file).size
    prefix = "/".join(part for part in (settings.bucket_prefix, folder) if part)
    return {"bucket": settings.bucket, "prefix": prefix, "files": sizes}


def _inline(out: Path) -> dict[str, str]:
    room = MAX_ANSWER_BYTES
    scene = out / "scene.ply"
    if scene.stat().st_size > room:
        scene = _small(scene)
    if scene.stat().st_size > room:
        raise ResultTooLargeError(
            f"The scene has {scene.stat().st_size} bytes, more than an answer holds, and there is no bucket.",
            hint="Set ROOMSPLAT_BUCKET for the endpoint, or ask for a lower quality.",
        )
    files: dict[str, str] = {}
    for file in (scene, *(out / name for name in COMPANIONS)):
        size = file.stat().st_size if file.exists() else 0
        if 0 < size <= room:
            files[file.name] = base64.b64encode(file.read_bytes()).decode()
            room -= size
    return files


def _small(scene: Path) -> Path:
    """The scene as .splat: an eighth of its bytes, without colours that change with the view."""
    small = scene.with_suffix(".splat")
    # by the command and not in this process, which computes nothing; -P: a json.py here must not be taken for Python's
    command = [sys.executable, "-P", "-m", "roomsplat", "convert", str(scene), str(small)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own program
    return small
