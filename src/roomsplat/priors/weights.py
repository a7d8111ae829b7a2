"""Weights of the networks: which ones, under which licence, and how they get here. Nothing in here needs PyTorch.

A file is used only when its SHA-256 is the one written down below: whatever a mirror, a proxy or a hub hands out, the
network that runs is the one that was tried. With ``ROOMSPLAT_WEIGHTS`` set, files come from that folder and from
nowhere else, and nothing is ever fetched; otherwise from a cache that is filled at first use.
"""

import errno
import hashlib
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from roomsplat.errors import OutputError, WeightsError

FOLDER_VARIABLE = "ROOMSPLAT_WEIGHTS"
TIMEOUT_S = 30.0
"""Of each wait for the server, not of the whole transfer."""
CHUNK_BYTES = 1 << 20
SPARE_BYTES = 64 << 20
"""Left free on the disk beside a file that is fetched."""
MAX_BYTES = 256 << 20
"""The largest file in here has 244 MB (233 << 20); what goes on longer than this is not what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One published file of weights."""

    file: str
    """Its name, in a folder of weights and in the cache."""
    sha256: str
    licence: str
    """SPDX, of the weights themselves."""
    urls: tuple[str, ...]
    """Tried in this order; the hash makes them equal."""


_KORNIA = "https://huggingface.co/kornia"
_LIGHTGLUE = "https://github.com/cvg/LightGlue/releases/download/v0.1_arxiv"
_XFEAT = "https://raw.githubusercontent.com/verlab/accelerated_features/e92685f57f8318b18725c5c8c0bd28c7fe188d9a/weights"

WEIGHTS: Mapping[str, Weights] = MappingProxyType(
    {
        "aliked": Weights(
            file="aliked-n16.pth",
            sha256="5be8704840ed662d9d8c561bf7279c222092674e7eb05fd0feab94899e9d82f2",
            licence="BSD-3-Clause",
            urls=(
                "https://raw.githubusercontent.com/Shiaoming/ALIKED/683d7c65197395c0b3f01ebe76e1084a27e73a65/models/aliked-n16.pth",
                f"{_KORNIA}/aliked/resolve/main/aliked-n16.pth",
            ),
        ),
        "disk": Weights(
            file="depth-save.pth",
            sha256="9c2ee4ded238892dfa51569941372601e35e4a74aa6f84ea80053d2ab1c07abe",
            licence="Apache-2.0",
            urls=(
                "https://raw.githubusercontent.com/cvlab-epfl/disk/8dc6d4d65b47210f629e21ad1fbfb56944b11696/depth-save.pth",
                f"{_KORNIA}/disk/resolve/main/depth-save.pth",
            ),
        ),
        "xfeat": Weights(
            file="xfeat.pt",
            sha256="0f5187fd7bedd26c7fe6acc9685444493a165a35ecc087b33c2db3627f3ea10b",
            licence="Apache-2.0",
            urls=(f"{_XFEAT}/xfeat.pt",),
        ),
        "aliked-lightglue": Weights(
            file="aliked_lightglue.pth",
            sha256="d975e965b105311a6143194852297dff4f02aea5cc2e10cecfed966ca0e22503",
            licence="Apache-2.0",
            urls=(
                f"{_LIGHTGLUE}/aliked_lightglue.pth",
                f"{_KORNIA}/lightglue/resolve/main/aliked_lightglue.pth",
            ),
        ),
        "disk-lightglue": Weights(
            file="disk_lightglue.pth",
            sha256="b5b21d47ea24f2c5e501aec9c91b9716e4c8c3429a4dc1e615c133c4c9378335",
            licence="Apache-2.0",
            urls=(
                f"{_LIGHTGLUE}/disk_lightglue.pth",
                f"{_KORNIA}/lightglue/resolve/main/disk_lightglue.pth",
            ),
        ),
        "xfeat-lightglue": Weights(
            file="xfeat-lighterglue.pt",
            sha256="766102df37f11189efe5b0811d1f47c72b22629b79bfabfcfff9d2a2f84654b8",
            licence="Apache-2.0",
            urls=(
                f"{_XFEAT}/xfeat-lighterglue.pt",
                f"{_KORNIA}/lightglue/resolve/main/xfeat-lighterglue.pt",
            ),
        ),
        "depth-anything-v2-small": Weights(
            file="depth-anything-v2-small.safetensors",
            sha256="3152477ce0d8d6978d76b995120de97cb5b928701fd0f817769f59e249a16b70",
            licence="Apache-2.0",
            urls=(
                "https://huggingface.co/depth-anything/Depth-Anything-V2-Small-hf/resolve/5426e4f0f36572d16453bbda7a8389317b1bef99/model.safetensors",
            ),
        ),
        "alexnet": Weights(
            file="alexnet-owt-7be5be79.pth",
            sha256="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
            licence="BSD-3-Clause",
            urls=("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",),
        ),
        "lpips-alexnet": Weights(
            file="lpips-alexnet-v0.1.pth",
            sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
            licence="BSD-2-Clause",
            urls=(
                "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/082bb24f84c091ea94de2867d34c4544f68e0963/lpips/weights/v0.1/alex.pth",
            ),
        ),
    }
)


def weights_path(weights: Weights, *, fetch: bool = True) -> Path:
    """Where the file lies, checked; fetched first if need be and ``fetch`` allows it.

    Raises:
        WeightsError: it is not in ``ROOMSPLAT_WEIGHTS``, it cannot or may not be fetched, or it is another file than it
            should be.
        OutputError: no space is left for it.
    """
    given = os.environ.get(FOLDER_VARIABLE, "")
    path = (Path(given) if given else _cache_folder()) / weights.file
    if path.is_file():
        if _sha256(path) == weights.sha256:
            return path
        raise WeightsError(
            f"{path} is not the published file (its SHA-256 is not {weights.sha256[:12]}…).",
            hint="Replace it by the published one." if given else "Remove it; it is then fetched again.",
        )
    if given:
        raise WeightsError(
            f"{weights.file} is not in {given}, the folder that {FOLDER_VARIABLE} names.",
            hint=f"Put it there (from {weights.urls[0]}), or unset {FOLDER_VARIABLE} to have it fetched.",
        )
    if not fetch:
        raise WeightsError(
            f"{weights.file} was not fetched yet.",
            hint="Have it fetched (for LPIPS: roomsplat evaluate RUN --lpips yes), or put it into a folder and name "
            f"that in {FOLDER_VARIABLE}.",
        )
    _fetch(weights, path)
    return path


def _cache_folder() -> Path:
    """``~/.cache/roomsplat/weights``, or what the system says instead of ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".cache") / "roomsplat" / "weights"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(weights: Weights, path: Path) -> None:
    """Try each address; the file appears whole, with the right content, or not at all."""
    reasons = list[str]()
    for url in weights.urls:
        try:
            _fetch_from(url, weights.sha256, path)
        except (urllib.error.URLError, TimeoutError, ConnectionError, _WrongFileError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            reasons.append(f"{url.split('/')[2]}: {reason or type(error).__name__}")
        except OSError as error:
            raise OutputError(
                f"{path} could not be written ({error.strerror or error}).",
                hint=f"Free some space, or put the file into a folder and name it in {FOLDER_VARIABLE}.",
            ) from error
        else:
            return
    raise WeightsError(
        f"{weights.file} could not be fetched ({'; '.join(reasons)}).",
        hint=f"Try again with a connection, or put the file into a folder and name it in {FOLDER_VARIABLE}.",
    )


class _WrongFileError(Exception):
    """What the server sent is not the file."""


def _fetch_from(url: str, sha256: str, path: Path) -> None:
    """Write beside the place, check, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    request = urllib.request.Request(url, headers={"User-Agent": "roomsplat"})  # noqa: S310 - addresses of ours, above
    with (
        urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer,  # noqa: S310 - the same
        tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-") as scratch,
    ):
        needed = int(answer.headers.get("Content-Length") or 0)
        if shutil.disk_usage(path.parent).free < needed + SPARE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        part, digest, received = Path(scratch) / path.name, hashlib.sha256(), 0
        with part.open("wb") as file:
            while chunk := answer.read(CHUNK_BYTES):
                received += len(chunk)
                if received > MAX_BYTES:
                    raise _WrongFileError("it sent more than any such file has")
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != sha256:
            raise _WrongFileError("it sent another file (wrong SHA-256)")
        part.replace(path)
