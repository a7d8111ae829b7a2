"""What every command takes. No heavy import: ``roomsplat --help`` reads only this."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

Quality = Literal["preview", "standard", "high"]
EngineName = Literal["auto", "cpu", "cuda"]
OutOption = Annotated[Path, tyro.conf.arg(aliases=["-o"])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconstruct:
    """Turn a video or a folder of images into a splat. Run it again after an interrupt to continue."""

    source: tyro.conf.Positional[Path]
    """The video (mp4, mov, mkv, webm) or the folder of images."""
    out: OutOption
    """Folder for the results: scene.ply, .spz and .sog, mesh.glb, .obj and .ply, cameras/, report.html, run.json …"""
    quality: Quality | None = None
    """How much time to spend: preview takes a minute or two, high takes long and shows most (default: standard)."""
    frames: int | None = None
    """Take this many frames, whatever the film's length."""
    fps: float | None = None
    """Take this many frames per second of film (default 2, adapted to short and long films)."""
    engine: EngineName | None = None
    """Where to compute (default: auto, which takes an NVIDIA GPU where one answers)."""
    device: int | None = None
    """Which GPU, counted from 0 (default: the first)."""
    threads: int | None = None
    """CPU threads (default: all cores)."""
    eval_every: int | None = None
    """Hold every n-th frame out of training to measure quality; 0 trains on all (default: 8)."""
    mesh: bool = True
    """Make a mesh of the room, too; --no-mesh leaves it out."""
    scale: str | None = None
    """Make the scene metric from a length in metres: camera-height=1.5 (above the floor), path=12.3 (walked while
    filming) or factor=0.8 (of one unit of the scene without it)."""
    masks: Path | None = None
    """A folder of masks for a folder of images, NAME.png for NAME.jpg: black is ignored, white is used (default: a
    folder `masks` in or beside it, or those that a transforms.json names)."""
    reference: Path | None = None
    """A transforms.json with the true cameras, to measure the path error (ate_percent)."""
    config: Path | None = None
    """A settings file (config.json of an earlier run); the options above are applied on top."""
    events: Literal["bar", "jsonl"] = "bar"
    """How to show progress: a bar for people, or one JSON event a line on stdout for programs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """Film a synthetic room and turn it into a splat: everything in one go, nothing to download."""

    out: OutOption = Path("demo-room")
    """Folder for the film and the results."""
    quality: Quality = "preview"
    """How much time to spend."""
    seed: int = 0
    """Another seed furnishes another room."""
    engine: EngineName = "auto"
    """Where to compute."""
    device: int | None = None
    """Which GPU, counted from 0 (default: the first)."""
    threads: int | None = None
    """CPU threads (default: all cores)."""
    events: Literal["bar", "jsonl"] = "bar"
    """How to show progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """Render a finished scene: a fly-through along the film's path, or stills from where the film was shot."""

    run: tyro.conf.Positional[Path]
    """The folder that `reconstruct` wrote."""
    out: OutOption
    """An .mp4 file for a fly-through, or a folder for stills."""
    seconds: float = 8.0
    """Length of the fly-through."""
    fps: float = 24.0
    """Frames per second of the fly-through."""
    stills: int = 12
    """Number of stills, evenly spread over the film (when `out` is no .mp4)."""
    max_side: int | None = None
    """Longer side of the pictures in px, at most that of the film (default: as captured)."""
    engine: EngineName = "auto"
    """Where to compute."""
    device: int | None = None
    """Which GPU, counted from 0 (default: the first)."""
    threads: int | None = None
    """CPU threads (default: all cores)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Walk through a scene in the browser: any .ply, .spz, .sog or .splat, or the folder of a finished run."""

    scene: tyro.conf.Positional[Path]
    """The splat, or the folder that `reconstruct` wrote: then with its cameras and pictures."""
    port: int = 0
    """The port on this computer; 0 takes a free one."""
    browser: bool = True
    """Open the browser; --no-browser only prints the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluate:
    """Measure a finished scene on its held-out frames, and its path against known cameras."""

    run: tyro.conf.Positional[Path]
    """The folder that `reconstruct` wrote."""
    reference: Path | None = None
    """A transforms.json with the true cameras."""
    max_side: int | None = None
    """Longer side in px at which to compare (default: as in training)."""
    lpips: Literal["auto", "yes", "no"] = "auto"
    """Measure LPIPS, too: auto does where roomsplat[learned] and the weights are here, yes fetches the weights first
    (244 MB, once)."""
    engine: EngineName = "auto"
    """Where to compute."""
    device: int | None = None
    """Which GPU, counted from 0 (default: the first)."""
    threads: int | None = None
    """CPU threads (default: all cores)."""
    json: bool = False
    """Print JSON instead of a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convert:
    """Rewrite a splat file in another format; --crop, --max-gaussians, --rotate and --sh-degree apply in that order."""

    source: tyro.conf.Positional[Path]
    """The splat to read: .ply (any tool's, compressed too), .sog, .spz, .splat or .glb, or the folder of a finished
    run."""
    target: tyro.conf.Positional[Path]
    """The splat to write: the same, .compressed.ply, or .html (a page that shows it without a connection)."""
    crop: Annotated[str | None, tyro.conf.arg(metavar="X0,Y0,Z0,X1,Y1,Z1")] = None
    """Keep what lies in the box between two corners, in the axes of the source."""
    max_gaussians: int | None = None
    """Keep at most this many, the most important ones: opacity times size."""
    rotate: Annotated[str | None, tyro.conf.arg(metavar="X,Y,Z")] = None
    """Turn by degrees about the x, then the y, then the z axis."""
    sh_degree: Literal[0, 1, 2, 3] | None = None
    """Keep view-dependent colour only up to this degree (smaller files)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor:
    """Tell what this computer offers, which engine is chosen and why, and whether the parts work."""

    engine: EngineName = "auto"
    """The engine to try."""
    device: int | None = None
    """Which GPU, counted from 0 (default: the first)."""
    strict: bool = False
    """Fail also when the engine that was asked for is not there, or a GPU is there and goes unused."""
    json: bool = False
    """Print JSON instead of a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlace:
    """Which service is meant; without these the environment tells (ROOMSPLAT_STORAGE, ROOMSPLAT_DATABASE_URL)."""

    storage: Path | None = None
    """Folder of the service's files (default: storage)."""
    database_url: str | None = None
    """The service's database, postgresql://… where several computers share it (default: SQLite in that folder)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve(ServicePlace):
    """Start the job service on this computer: the API, its database and one worker. Ctrl-C stops all of it."""

    host: str | None = None
    """The address to listen on (default: 127.0.0.1, this computer only)."""
    port: int | None = None
    """The port to listen on; 0 takes a free one (default: 8000)."""
    auth: Annotated[Literal["none", "keys", "oidc"] | None, tyro.conf.arg(metavar="none|keys|oidc")] = None
    """none: one user, this computer only; keys: those of `roomsplat keys create`; oidc: also logins (default: none)."""
    worker: bool = True
    """Start workers too; with --no-worker they are started elsewhere by `roomsplat worker`."""
    devices: tuple[str, ...] = ()
    """A worker for each: cpu, or the number of a GPU, as in `--devices 0 1` (default: one, on a GPU if any)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker(ServicePlace):
    """Take jobs from a service's database and run them, one at a time. SIGTERM hands the job back and stops."""

    engine: EngineName = "auto"
    """Where to compute."""
    device: int | None = None
    """Which GPU, counted from 0 (default: the first)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateKey(ServicePlace):
    """Make a key for a user, and the user if there is none of that name. The key is shown once."""

    name: tyro.conf.Positional[str]
    """Whose key."""
    scopes: tuple[Literal["read", "write", "admin"], ...] = ("read", "write")
    """What it may do."""
    email: str | None = None
    """Where its user is told of ended jobs, if the service has a mail server; '' ends that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListKeys(ServicePlace):
    """Show every key: its prefix, whose, what it may do, when it was made and revoked."""

    json: bool = False
    """Print JSON instead of a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeKey(ServicePlace):
    """End a key: from now on nobody is let in with it."""

    key: tyro.conf.Positional[str]
    """The key's first letters, as `roomsplat keys list` shows them, or its id or all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Make, show and revoke the keys of the job service."""

    action: (
        Annotated[CreateKey, tyro.conf.subcommand("create")]
        | Annotated[ListKeys, tyro.conf.subcommand("list")]
        | Annotated[RevokeKey, tyro.conf.subcommand("revoke")]
    )


Command = (
    Annotated[Reconstruct, tyro.conf.subcommand("reconstruct")]
    | Annotated[Demo, tyro.conf.subcommand("demo")]
    | Annotated[Render, tyro.conf.subcommand("render")]
    | Annotated[View, tyro.conf.subcommand("view")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Convert, tyro.conf.subcommand("convert")]
    | Annotated[Doctor, tyro.conf.subcommand("doctor")]
    | Annotated[Serve, tyro.conf.subcommand("serve")]
    | Annotated[Worker, tyro.conf.subcommand("worker")]
    | Annotated[
        Keys, tyro.conf.subcommand("keys"), tyro.conf.OmitSubcommandPrefixes, tyro.conf.OmitArgPrefixes
    ]
)
