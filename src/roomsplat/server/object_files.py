"""The file store on S3 and what speaks like it, through obstore."""

import contextlib
import os
import secrets
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, S3Store

from roomsplat.server.files import BLOCK_BYTES, FileNotInStoreError, FileStat, parts_of

if TYPE_CHECKING:
    from obstore import GetResult  # obstore has this name for type checkers only


class ObjectFileStore:
    """A bucket; see ``files.FileStore``."""

    def __init__(self, store: ObjectStore) -> None:
        """Args: ``store``: any store of obstore's."""
        self._store = store

    def put(self, name: str, local: Path, *, move: bool = False) -> FileStat:
        """See ``FileStore``. Large files go up in parts; the object appears when the last part has arrived."""
        with _translated(name):
            obstore.put(self._store, _key(name), local)
        if move:
            local.unlink()
        return self.stat(name)

    def stat(self, name: str) -> FileStat:
        """See ``FileStore``."""
        with _translated(name):
            found = obstore.head(self._store, _key(name))
        version = found["e_tag"] or f"{found['last_modified'].timestamp()}"
        return FileStat(size=found["size"], etag=version.strip('"'))

    def open_range(self, name: str, start: int, stop: int) -> Iterator[bytes]:
        """See ``FileStore``."""
        size = self.stat(name).size
        stop = min(stop, size)
        if start >= stop:
            return iter(())
        with _translated(name):
            found = obstore.get(self._store, _key(name), options={"range": (start, stop)})
        return _pieces(name, found)

    def fetch(self, name: str, local: Path) -> None:
        """See ``FileStore``."""
        half = local.with_name(f".half-{secrets.token_urlsafe(8)}")
        try:
            with _translated(name):
                found = obstore.get(self._store, _key(name))
            with half.open("xb") as file:
                for piece in _pieces(name, found):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            half.replace(local)
        finally:
            half.unlink(missing_ok=True)

    def list_files(self, folder: str) -> list[str]:
        """See ``FileStore``."""
        with _translated(folder):
            prefix = f"{_key(folder)}/"
            # obstore's stub leaves the type of Arrow's answer open, which is not asked for
            pages = self._store.list(prefix, return_arrow=False)  # pyright: ignore[reportUnknownMemberType]
            return sorted(item["path"] for page in pages for item in page)

    def delete(self, name: str) -> None:
        """See ``FileStore``."""
        key = _key(name)  # outside: an unsafe name is an error, a missing object is none
        with contextlib.suppress(FileNotInStoreError), _translated(name):
            obstore.delete(self._store, key)

    def delete_prefix(self, folder: str) -> None:
        """See ``FileStore``."""
        for name in self.list_files(folder):
            self.delete(name)


def _key(name: str) -> str:
    return "/".join(parts_of(name))


@contextlib.contextmanager
def _translated(name: str) -> Generator[None]:
    """What the store says, in our words: a missing object is FileNotInStoreError, everything else an OSError."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotInStoreError(name) from error
    except BaseError as error:
        first = str(error).strip().split("\n", 1)[0]
        raise OSError(f"The object store failed at {name}: {first}") from error


def _pieces(name: str, found: "GetResult") -> Iterator[bytes]:
    with _translated(name):
        for piece in found.stream(BLOCK_BYTES):
            yield bytes(piece)


def open_bucket(
    bucket: str, *, endpoint: str | None, region: str, prefix: str | None = None
) -> ObjectFileStore:
    """A bucket of S3, or of the service at ``endpoint``; the keys are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."""
    if endpoint is None:
        return ObjectFileStore(S3Store(bucket, prefix=prefix, region=region))
    return ObjectFileStore(
        S3Store(
            bucket,
            prefix=prefix,
            region=region,
            endpoint=endpoint,
            client_options={"allow_http": endpoint.startswith("http://")},
            virtual_hosted_style_request=False,
        )
    )
