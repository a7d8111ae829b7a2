"""Masks that a user gives with a folder of pictures: where they lie, and which belongs to which picture.

Black is ignored, anything else is used: COLMAP's convention and nerfstudio's.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from roomsplat.capture.folder import is_picture
from roomsplat.core.progress import RunWarning
from roomsplat.errors import InputNotFoundError, InvalidFileError, InvalidSettingError
from roomsplat.formats.nerfstudio import read_transforms
from roomsplat.media.masks import MASKS

_TRANSFORMS = "transforms.json"
_HINT = "Masks are PNG files named after the pictures: masks/IMG_1.png or masks/IMG_1.jpg.png for IMG_1.jpg."


def find_masks(source: Path, given: Path | None) -> Mapping[str, Path]:
    """The masks of the pictures in the folder ``source``, by the pictures' file names; empty if there are none.

    ``given`` is the folder to look in. Without it: ``masks`` in the folder, ``masks`` beside it, or what a nerfstudio
    ``transforms.json`` in it or beside it names. A film has none.

    Raises:
        InputNotFoundError: ``given`` is no folder.
        InvalidFileError: ``given`` has a mask for none of the pictures, or the file names one that is not there.
        InvalidSettingError: ``given`` comes with a film.
    """
    if not source.is_dir():
        if given is not None and source.exists():
            raise InvalidSettingError(
                f"--masks {given} was given with {source}, which is a film.",
                hint="Masks go with a folder of pictures, one a picture.",
            )
        return {}
    names = sorted(path.name for path in source.iterdir() if is_picture(path))
    if given is not None:
        if not given.is_dir():
            raise InputNotFoundError(f"There is no folder of masks at {given}.", hint=_HINT)
        found = _in_folder(given, names)
        if not found:
            raise InvalidFileError(f"{given} has no mask for any picture of {source}.", hint=_HINT)
        return found
    return (
        _in_folder(source / MASKS, names)
        or _in_folder(source.parent / MASKS, names)
        or _named(source / _TRANSFORMS, names)
        or _named(source.parent / _TRANSFORMS, names)
    )


def masks_key(masks: Mapping[str, Path]) -> str:
    """A hash that changes with a mask; empty without masks."""
    if not masks:
        return ""
    digest = hashlib.blake2b(digest_size=16)
    for name, path in sorted(masks.items()):
        digest.update(f"{name}\0".encode())
        digest.update(hashlib.blake2b(path.read_bytes()).digest())
    return digest.hexdigest()


def masks_warnings(source: Path, masks: Mapping[str, Path]) -> tuple[RunWarning, ...]:
    """That some pictures have no mask, if some have one."""
    if not masks:
        return ()
    names = sorted(path.name for path in source.iterdir() if is_picture(path))
    without = [name for name in names if name not in masks]
    if not without:
        return ()
    message = (
        f"{len(without)} of {len(names)} pictures have no mask ({without[0]} is the first) and are used whole. "
        f"{_HINT}"
    )
    return (RunWarning(code="masks_missing", message=message),)


def _in_folder(folder: Path, names: list[str]) -> dict[str, Path]:
    """``NAME.jpg.png``, else ``NAME.png``."""
    result = dict[str, Path]()
    for name in names:
        found = [
            path for path in (folder / f"{name}.png", folder / f"{Path(name).stem}.png") if path.is_file()
        ]
        if found:
            result[name] = found[0]
    return result


def _named(file: Path, names: list[str]) -> dict[str, Path]:
    """What a ``transforms.json`` says, if there is one and it says something."""
    if not file.is_file():
        return {}
    try:
        content = read_transforms(file)
    except InvalidFileError:
        return {}  # another program's file of that name, which nobody asked to read
    result = dict[str, Path]()
    for image, mask in zip(content.image_paths, content.mask_paths, strict=False):
        if mask is None or Path(image).name not in names:
            continue
        if not (file.parent / mask).is_file():
            raise InvalidFileError(
                f"{file} names the mask {mask} of {image}, which is not there.",
                hint="Put the mask there, or take its mask_path out of the file.",
            )
        result[Path(image).name] = file.parent / mask
    return result
