"""A zip archive that is made while it is sent: nothing is written to disk, no more than one piece is in memory."""

import io
import zipfile
from collections.abc import Iterator

from roomsplat.server.files import FileStore


class _Pipe(io.RawIOBase):
    """What zipfile writes to; the pieces are taken out as they come."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """Zipfile asks."""
        return True

    def write(self, data: object, /) -> int:
        """Keep a piece until it is taken."""
        piece = bytes(data)  # pyright: ignore[reportArgumentType] - zipfile writes bytes, the base class says Buffer
        self._pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        """What was written since the last call."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def zip_of(files: FileStore, folder: str) -> Iterator[bytes]:
    """The files below ``folder`` as a zip archive, uncompressed: pictures and binary models do not shrink."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for name, stat in files.stat_files(folder).items():
            size = stat.size
            entry = zipfile.ZipInfo(name.removeprefix(f"{folder}/"), date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=size >= zipfile.ZIP64_LIMIT) as target:
                for piece in files.open_range(name, 0, size, etag=stat.etag):
                    target.write(piece)
                    yield pipe.take()
    yield pipe.take()
