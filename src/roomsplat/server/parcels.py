"""A folder as one file, to be sent away and opened again on another host."""

import shutil
import tarfile
from pathlib import Path, PurePosixPath


class DamagedParcelError(Exception):
    """What was to be opened is none of our parcels, or only a part of one."""


def pack(folder: Path, parcel: Path) -> None:
    """Write every file below ``folder`` into ``parcel``: plain files only, their names relative to the folder."""
    with tarfile.open(parcel, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                info = tarfile.TarInfo(path.relative_to(folder).as_posix())
                found = path.stat()
                info.size, info.mtime, info.mode = found.st_size, int(found.st_mtime), 0o644
                with path.open("rb") as file:
                    archive.addfile(info, file)


def unpack(parcel: Path, folder: Path) -> None:
    """Make ``folder`` what the parcel holds: all of it or nothing.

    A parcel comes from the bucket, to which others may write. ``tarfile``'s own filter "data" is missing in the oldest
    Pythons that we run on, so this takes even less: plain files, whose names stay in the folder.

    Raises:
        DamagedParcelError: anything else is in it, or it is damaged.
    """
    part = folder.with_name(f".{folder.name.lstrip('.')}.opening")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        with tarfile.open(parcel, "r:") as archive:
            for member in archive:
                _take_out(archive, member, part)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    except (tarfile.TarError, EOFError, UnicodeError, ValueError) as error:
        raise DamagedParcelError(str(error)) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _take_out(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    content = archive.extractfile(member) if member.isreg() else None
    if content is None or name.is_absolute() or ".." in name.parts or not name.parts or "\x00" in member.name:
        raise DamagedParcelError(f"{member.name!r} is not a file of ours")
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("xb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
    if target.stat().st_size != member.size:
        raise DamagedParcelError(f"{member.name!r} is cut off")
