"""Chooses where files are kept, and makes sure at the start that they can be."""

import secrets
import tempfile
from pathlib import Path

from roomsplat.server.errors import StorageUnavailableError
from roomsplat.server.files import FileStore, LocalFileStore
from roomsplat.server.object_files import open_bucket
from roomsplat.server.settings import ServerSettings


def open_store(settings: ServerSettings) -> FileStore:
    """The store that the settings name: the bucket if there is one, else the storage folder.

    Raises:
        StorageUnavailableError: nothing can be written to the bucket, or it does not answer.
    """
    if settings.bucket is None:
        return LocalFileStore(settings.storage)
    where = settings.bucket_endpoint or f"Amazon S3 in {settings.bucket_region}"
    try:
        store = open_bucket(
            settings.bucket,
            endpoint=settings.bucket_endpoint,
            region=settings.bucket_region,
            prefix=settings.bucket_prefix,
        )
        _try_out(store)
    except StorageUnavailableError as error:
        why = error.message.removesuffix(".").rpartition(": ")[2]
        raise StorageUnavailableError(
            f"The bucket {settings.bucket} at {where} cannot be used: {why}.",
            hint="Check ROOMSPLAT_BUCKET, ROOMSPLAT_BUCKET_ENDPOINT, ROOMSPLAT_BUCKET_REGION, AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY.",
        ) from error
    return store


def _try_out(store: FileStore) -> None:
    """Write, read and delete: what the service will do all day."""
    name = f"ready/{secrets.token_urlsafe(8)}"
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "ready"
        local.write_bytes(b"roomsplat")
        store.put(name, local)
    store.delete(name)
