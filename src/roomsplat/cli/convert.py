"""``roomsplat convert``."""

from pathlib import Path

from rich.console import Console

from roomsplat.cli.arguments import Convert
from roomsplat.core.scene import SplatScene
from roomsplat.errors import InvalidFileError, InvalidSettingError
from roomsplat.formats.edit import Edits, edited
from roomsplat.formats.html import viewer_cameras, write_html
from roomsplat.formats.nerfstudio import read_transforms
from roomsplat.formats.scene_files import check_target, read_scene, what_is_lost, write_scene


def run_convert(command: Convert) -> None:
    """Read one splat file, change what is asked for, write another, and say what it does not hold.

    Raises:
        RoomsplatError: whatever a user can cause.
    """
    corners, angles = _numbers("--crop", command.crop, 6), _numbers("--rotate", command.rotate, 3)
    check_target(command.target)
    source = scene_file(command.source)
    console = Console(stderr=True, highlight=False)
    with console.status(f"reading {source}"):
        scene = read_scene(source)
    left_out = scene.provenance.get("rows_left_out")
    if left_out:
        console.print(f"note: {left_out} rows of {source} cannot be drawn and were left out")
    with console.status("changing"):
        edits = Edits(
            crop=corners,
            max_gaussians=command.max_gaussians,
            rotate=angles,
            sh_degree=command.sh_degree,
        )
        result = edited(scene, edits)
    with console.status(f"writing {command.target}"):
        _write(command, source, result)
    _say(console, command, scene, result)


def scene_file(path: Path) -> Path:
    """The file to read: ``path``, or the scene of the finished run in the folder ``path``.

    Raises:
        InvalidFileError: the folder holds no finished run.
    """
    if not path.is_dir():
        return path
    if not _is_of_a_run(path / "scene.ply"):
        raise InvalidFileError(
            f"The folder {path} holds no finished run (no scene.ply with a run.json beside it).",
            hint="Give the folder that `roomsplat reconstruct … -o FOLDER` wrote, and let that run finish, or a file.",
        )
    return path / "scene.ply"


def _is_of_a_run(file: Path) -> bool:
    """Whether it is the scene that a finished run left, in whatever format, and not one that lies beside it."""
    own = file.name.lower().split(".")[0] == "scene"
    return own and file.is_file() and (file.parent / "run.json").is_file()


def _write(command: Convert, source: Path, scene: SplatScene) -> None:
    """A page gets the views of the run whose scene it shows, unless the scene was turned away from them."""
    cameras = source.parent / "cameras" / "transforms.json"
    has_views = command.rotate is None and _is_of_a_run(source) and cameras.is_file()
    if command.target.suffix.lower() != ".html" or not has_views:
        write_scene(command.target, scene)
        return
    file = read_transforms(cameras)
    write_html(
        command.target, scene, viewer_cameras(file.cameras, [Path(name).name for name in file.image_paths])
    )


def _say(console: Console, command: Convert, scene: SplatScene, result: SplatScene) -> None:
    before, after = len(scene.gaussians), len(result.gaussians)
    number = f"{after:,} Gaussians" if after == before else f"{after:,} of {before:,} Gaussians"
    size = command.target.stat().st_size / 1e6
    console.print(f"{command.target}: {number}, {size:.1f} MB", soft_wrap=True)
    for line in what_is_lost(command.target, result):
        console.print(f"  {line}", soft_wrap=True)


def _numbers(option: str, text: str | None, count: int) -> tuple[float, ...] | None:
    """The numbers between commas (or blanks) of an option.

    Raises:
        InvalidSettingError: they are not ``count`` numbers.
    """
    if text is None:
        return None
    try:
        found = tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError:
        found = ()
    if len(found) != count:
        example = "x0,y0,z0,x1,y1,z1" if count == 6 else "0,0,90"
        raise InvalidSettingError(
            f"{option} {text!r} are not {count} numbers.", hint=f"Write them with commas: {option} {example}."
        )
    return found
