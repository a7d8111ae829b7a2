"""``roomsplat convert``."""

from rich.console import Console

from roomsplat.cli.arguments import Convert
from roomsplat.core.scene import SplatScene
from roomsplat.errors import InvalidSettingError
from roomsplat.formats.edit import Edits, edited
from roomsplat.formats.scene_files import check_target, read_scene, what_is_lost, write_scene


def run_convert(command: Convert) -> None:
    """Read one splat file, change what is asked for, write another, and say what it does not hold.

    Raises:
        RoomsplatError: whatever a user can cause.
    """
    corners, angles = _numbers("--crop", command.crop, 6), _numbers("--rotate", command.rotate, 3)
    check_target(command.target)
    console = Console(stderr=True, highlight=False)
    with console.status(f"reading {command.source}"):
        scene = read_scene(command.source)
    left_out = scene.provenance.get("rows_left_out")
    if left_out:
        console.print(f"note: {left_out} rows of {command.source} cannot be drawn and were left out")
    with console.status("changing"):
        edits = Edits(
            crop=corners,
            max_gaussians=command.max_gaussians,
            rotate=angles,
            sh_degree=command.sh_degree,
        )
        result = edited(scene, edits)
    with console.status(f"writing {command.target}"):
        write_scene(command.target, result)
    _say(console, command, scene, result)


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
