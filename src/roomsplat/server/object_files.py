"""The file store on S3 and what speaks like it, through obstore."""

import contextlib
import logging
import os
import secrets
from collections.abc import Generator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import ObjectStore, S3Store

from roomsplat.errors import RoomsplatError
from roomsplat.server.errors import StorageUnavailableError
from roomsplat.server.files import (
    BLOCK_BYTES,
    FileChangedError,
    FileNotInStoreError,
    FileStat,
    parts_of,
)

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta  # obstore has these names for type checkers only

log = logging.getLogger(__name__)

_PART_BYTES = 8 * 1024 * 1024
"""Of a large upload: ten thousand parts at most, so a file of 80 GB."""
_PARTS_AT_ONCE = 4
"""Few, so that a slow line brings each within the timeout."""


class ObjectFileStore:
    """A bucket; see ``files.FileStore``."""

    def __init__(self, store: ObjectStore) -> None:
        """Args: ``store``: any store of obstore's."""
        self._store = store

    def put(self, name: str, local: Path, *, move: bool = False) -> FileStat:
        """See ``FileStore``. Large files go up in parts; the object appears when the last part has arrived."""
        key = _key(name)
        local.stat()  # outside: what is missing below is the bucket
        with _translated(name, missing=StorageUnavailableError):
            obstore.put(self._store, key, local, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)
        if move:
            local.unlink()
        return self.stat(name)

    def stat(self, name: str) -> FileStat:
        """See ``FileStore``."""
        with _translated(name):
            return _stat_of(obstore.head(self._store, _key(name)))

    def copy(self, name: str, to: str) -> None:
        """See ``FileStore``."""
        with _translated(name):
            obstore.copy(self._store, _key(name), _key(to))

    def open_range(self, name: str, start: int, stop: int, *, etag: str | None = None) -> Iterator[bytes]:
        """See ``FileStore``."""
        if etag is None:  # a store refuses a range that begins behind the end
            stop = min(stop, self.stat(name).size)
        if start >= stop:
            return iter(())
        with _translated(name):
            found = obstore.get(self._store, _key(name), options={"range": (start, stop)})
        if etag is not None and _stat_of(found.meta).etag != etag:
            raise FileChangedError
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
        return list(self.stat_files(folder))

    def stat_files(self, folder: str) -> dict[str, FileStat]:
        """See ``FileStore``. A thousand files are one request."""
        with _translated(folder):
            prefix = f"{_key(folder)}/"
            # obstore's stub leaves the type of Arrow's answer open, which is not asked for
            pages = self._store.list(prefix, return_arrow=False)  # pyright: ignore[reportUnknownMemberType]
            found = {item["path"]: _stat_of(item) for page in pages for item in page}
        return dict(sorted(found.items()))

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


def _stat_of(found: "ObjectMeta") -> FileStat:
    modified = found["last_modified"].timestamp()
    return FileStat(size=found["size"], etag=(found["e_tag"] or f"{modified}").strip('"'), modified=modified)


@contextlib.contextmanager
def _translated(name: str, missing: type[RoomsplatError] = FileNotInStoreError) -> Generator[None]:
    """What the store says, in our words: a missing object is FileNotInStoreError, the rest StorageUnavailableError."""
    try:
        yield
    except FileNotFoundError as error:
        if missing is FileNotInStoreError:
            raise FileNotInStoreError(name) from error
        raise _unavailable("there is no such bucket") from error
    except (UnauthenticatedError, PermissionDeniedError) as error:
        raise _unavailable("the keys are not accepted") from error
    except BaseError as error:
        first = str(error).strip().split("\n", 1)[0]
        log.warning("the bucket failed at %s: %s", name, first)
        raise _unavailable("it does not answer") from error


def _unavailable(why: str) -> StorageUnavailableError:
    return StorageUnavailableError(
        f"The bucket with the service's files cannot be used: {why}.",
        hint="Try again in a minute; if it stays so, ask who runs the service to look at the bucket.",
    )


def _pieces(name: str, found: "GetResult") -> Iterator[bytes]:
    with _translated(name):
        for piece in found.stream(BLOCK_BYTES):
            yield bytes(piece)


def open_bucket(
    bucket: str, *, endpoint: str | None, region: str, prefix: str | None = None
) -> ObjectFileStore:
    """A bucket of S3, or of the service at ``endpoint``; the keys are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.

    A request is tried three times in a few seconds and then fails: who has more patience tries again.
    """
    elsewhere: dict[str, Any] = {}
    if endpoint is not None:
        elsewhere = {"endpoint": endpoint, "virtual_hosted_style_request": False}
    return ObjectFileStore(
        S3Store(
            bucket,
            prefix=prefix,
            region=region,
            client_options={
                "allow_http": endpoint is not None and endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=3),
                "read_timeout": timedelta(
                    seconds=60
                ),  # of each piece; a slow client may take hours for the whole
                "timeout": timedelta(days=1),
            },
            retry_config={
                "max_retries": 2,
                "retry_timeout": timedelta(seconds=10),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=2),
                    "base": 2,
                },
            },
            **elsewhere,
        )
    )
