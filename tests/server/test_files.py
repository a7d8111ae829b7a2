"""The file store: one suite for the folder and for object stores, and what only a folder can get wrong."""

import os
import time
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from roomsplat.server import files as files_module
from roomsplat.server.files import FileChangedError, FileNotInStoreError, FileStore, LocalFileStore
from roomsplat.server.object_files import ObjectFileStore, open_bucket
from tests.server.bucket import KEYS, REGION, Moto

UNSAFE = [
    "",
    "/",
    "..",
    "../x",
    "a/../../x",
    "a/..",
    "./a",
    "a//b",
    "/etc/passwd",
    "a/",
    ".hidden",
    "a/.hidden",
    "a\\b",
    "a\x00b",
    "a\nb",
    "~/x",
    "C:/x",
    "a b",
    "%2e%2e/x",
    "models/" + "x" * 300,
    "/".join("a" * 20),
    "\u2025/x",
]  # fmt: skip - a list to read


@pytest.fixture(params=["local", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileStore:
    """An empty store of each kind."""
    match request.param:
        case "local":
            return LocalFileStore(tmp_path / "store")
        case "memory":
            return ObjectFileStore(MemoryStore())
        case _:
            moto: Moto = request.getfixturevalue("moto")
            for name, value in KEYS.items():
                monkeypatch.setenv(name, value)
            return open_bucket(moto.bucket(), endpoint=moto.endpoint, region=REGION, prefix="shared/ours")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file to store, larger than one piece and than one part of an upload to S3."""
    path = tmp_path / "source.bin"
    path.write_bytes(os.urandom(6 * 1024 * 1024 + 17))
    return path


def content(store: FileStore, name: str, start: int = 0, stop: int = 2**40) -> bytes:
    """A stretch of a stored file."""
    return b"".join(store.open_range(name, start, stop))


def test_what_is_stored_comes_back(store: FileStore, source: Path, tmp_path: Path) -> None:
    """The same bytes, the right size, and a copy that can be fetched; the source stays."""
    stat = store.put("models/a/scene.ply", source)
    assert stat == store.stat("models/a/scene.ply")
    assert stat.size == source.stat().st_size
    assert content(store, "models/a/scene.ply") == source.read_bytes()
    store.fetch("models/a/scene.ply", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_a_copy_is_a_file_of_its_own(store: FileStore, source: Path) -> None:
    """A copy has the content of its moment, replaces what was there, and outlives what it was made from."""
    expected = source.read_bytes()
    store.put("models/a/scene.ply", source)
    source.write_bytes(b"other")
    store.put("models/a.ply", source)
    store.copy("models/a/scene.ply", "models/a.ply")
    store.put("models/a/scene.ply", source)
    store.delete_prefix("models/a")
    assert content(store, "models/a.ply") == expected
    with pytest.raises(FileNotInStoreError):
        store.copy("models/a/scene.ply", "models/a.ply")
    assert content(store, "models/a.ply") == expected


def test_a_list_says_what_is_known_of_each_file(store: FileStore, source: Path) -> None:
    """A list in one go says of each file what asking for it alone says, and when it was written."""
    before = time.time() - 2
    for name in ("models/a/scene.ply", "models/a/cameras/b.txt", "models/b/c"):
        store.put(name, source)
    found = store.stat_files("models/a")
    assert list(found) == ["models/a/cameras/b.txt", "models/a/scene.ply"]
    assert found == {name: store.stat(name) for name in found}
    assert all(before < stat.modified < time.time() + 2 for stat in found.values())


def test_a_version_is_read_or_none(store: FileStore, source: Path) -> None:
    """Who looked at a file and asks for that version gets it, or is told that another one took its place."""
    etag = store.put("a", source).etag
    assert b"".join(store.open_range("a", 5, 9, etag=etag)) == source.read_bytes()[5:9]
    source.write_bytes(b"new")
    store.put("a", source)
    with pytest.raises(FileChangedError):
        store.open_range("a", 0, 3, etag=etag)


def test_a_moved_file_is_gone_from_where_it_was(store: FileStore, source: Path) -> None:
    """``move`` leaves one copy: the stored one."""
    expected = source.read_bytes()
    store.put("uploads/a.mp4", source, move=True)
    assert not source.exists()
    assert content(store, "uploads/a.mp4") == expected


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 1), (5, 5), (3, 300_000), (6_000_000, 2**40), (2**30, 2**31), (7, 3)]
)
def test_ranges_are_those_of_the_bytes(store: FileStore, source: Path, start: int, stop: int) -> None:
    """A range holds what slicing the whole would give, empty ones and ones behind the end included."""
    store.put("a", source)
    assert content(store, "a", start, stop) == source.read_bytes()[start:stop]


def test_the_version_changes_with_the_content(store: FileStore, source: Path) -> None:
    """Another content of the same length has another ETag; asking twice gives the same one; it fits into a header."""
    before = store.put("a", source).etag
    assert store.stat("a").etag == before
    source.write_bytes(os.urandom(source.stat().st_size))
    assert store.put("a", source).etag != before
    assert before.isascii()
    assert '"' not in before


def test_what_is_not_there_is_said(store: FileStore, tmp_path: Path) -> None:
    """Reading what is not there has one error; deleting it is done already; listing it gives nothing."""
    for ask in (
        store.stat,
        lambda name: content(store, name),
        lambda name: store.fetch(name, tmp_path / "x"),
    ):
        with pytest.raises(FileNotInStoreError, match=r"no file 'models/a/none\.ply'"):
            ask("models/a/none.ply")
    store.delete("models/a/none.ply")
    store.delete_prefix("models/a")
    assert store.list_files("models") == []


def test_a_prefix_is_a_folder(store: FileStore, source: Path) -> None:
    """Deleting ``models/a`` takes what lies below it, and not ``models/ab`` nor ``models/a.ply``."""
    source.write_bytes(b"x")
    for name in ("models/a/scene.ply", "models/a/cameras/b.txt", "models/ab/scene.ply", "models/a.ply"):
        store.put(name, source)
    assert store.list_files("models/a") == ["models/a/cameras/b.txt", "models/a/scene.ply"]
    store.delete_prefix("models/a")
    assert store.list_files("models") == ["models/a.ply", "models/ab/scene.ply"]
    store.delete("models/a.ply")
    assert store.list_files("models") == ["models/ab/scene.ply"]


@pytest.mark.parametrize("name", UNSAFE, ids=ascii)
def test_no_name_leads_out(store: FileStore, source: Path, tmp_path: Path, name: str) -> None:
    """Every method refuses a name that is absolute, climbs, is hidden or strange, as if there were nothing there."""
    (tmp_path / "x").write_text("secret")
    for ask in (
        lambda: store.put(name, source),
        lambda: store.stat(name),
        lambda: store.open_range(name, 0, 1),
        lambda: store.fetch(name, tmp_path / "fetched"),
        lambda: store.list_files(name),
        lambda: store.delete(name),
        lambda: store.delete_prefix(name),
    ):
        with pytest.raises(FileNotInStoreError):
            ask()
    assert (tmp_path / "x").read_text() == "secret"
    assert not (tmp_path / "fetched").exists()


def test_links_out_of_the_folder_are_not_followed(source: Path, tmp_path: Path) -> None:
    """A link to outside is as if it were not there, for reading, writing, listing and deleting; one inside is good."""
    root, outside = tmp_path / "store", tmp_path / "outside"
    store = LocalFileStore(root)
    (outside / "deep").mkdir(parents=True)
    (outside / "secret").write_text("secret")
    (outside / "deep" / "secret").write_text("secret")
    (root / "models").mkdir()
    (root / "models" / "file").symlink_to(outside / "secret")
    (root / "models" / "folder").symlink_to(outside, target_is_directory=True)
    for name in ("models/file", "models/folder/secret"):
        with pytest.raises(FileNotInStoreError):
            store.stat(name)
        with pytest.raises(FileNotInStoreError):
            store.open_range(name, 0, 1)
    with pytest.raises(FileNotInStoreError):
        store.put("models/folder/new", source)
    with pytest.raises(FileNotInStoreError):
        store.put("models/folder/deeper/new", source)
    with pytest.raises(FileNotInStoreError):
        store.delete("models/folder/secret")
    with pytest.raises(FileNotInStoreError):
        store.delete_prefix("models/folder/deep")
    assert store.list_files("models/folder") == []
    store.delete_prefix("models")
    assert sorted(path.name for path in outside.rglob("*")) == ["deep", "secret", "secret"]
    store.put("real", source)
    (root / "alias").symlink_to("real")
    assert store.stat("alias").size == source.stat().st_size


def test_a_failed_write_leaves_what_was(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up in the middle leaves the old file whole and nothing half written."""
    store = LocalFileStore(tmp_path / "store")
    small = tmp_path / "small"
    small.write_text("old")
    store.put("models/a", small)

    def full(reading: object, writing: object, length: int) -> None:
        del reading, length
        writing.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files_module.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        store.put("models/a", source)
    assert content(store, "models/a") == b"old"
    assert [path.name for path in (tmp_path / "store" / "models").iterdir()] == ["a"]


def test_a_reader_keeps_its_version(source: Path, tmp_path: Path) -> None:
    """A file that is replaced or deleted while somebody reads it is read to its end as it was."""
    store = LocalFileStore(tmp_path / "store")
    expected = source.read_bytes()
    store.put("models/a/scene.ply", source)
    pieces = store.open_range("models/a/scene.ply", 0, len(expected))
    first = next(pieces)
    source.write_bytes(b"new")
    store.put("models/a/scene.ply", source)
    store.delete_prefix("models/a")
    assert first + b"".join(pieces) == expected


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """A special file would make its reader wait for ever; it is not there."""
    store = LocalFileStore(tmp_path / "store")
    os.mkfifo(tmp_path / "store" / "pipe")
    with pytest.raises(FileNotInStoreError):
        store.open_range("pipe", 0, 1)
