"""Downloads: whole, in ranges, or not again when the client has the file."""

import contextlib
import http.client
import io
import json
import zipfile
from collections.abc import Iterator
from itertools import pairwise

import pytest

from roomsplat.errors import RoomsplatError
from roomsplat.server.downloads import requested_range
from roomsplat.server.records import JobRecord
from tests.server.api_server import Api, code_of, running_api

SCENE = bytes(range(256)) * 2000


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service for all laws here."""
    with running_api(tmp_path_factory.mktemp("storage")) as running:
        yield running


@pytest.fixture(scope="module")
def job(api: Api) -> JobRecord:
    """A completed job with outputs of each kind."""
    return api.completed(
        files={
            "models/ID.ply": SCENE,
            "models/ID/scene.ply": SCENE,
            "models/ID/preview.png": b"png",
            "models/ID/report.html": b"<script>1</script>",
            "models/ID/work/train/checkpoint.npz": b"secret",
            "models/ID/cameras/transforms.json": b"{}",
            "models/ID/cameras/images/a.jpg": b"jpeg" * 100_000,
            "models/ID/cameras/sparse/0/points3D.bin": b"points",
        }
    )


def test_the_model_is_downloaded_whole(api: Api, job: JobRecord) -> None:
    """The fixed address gives the bytes that were stored, with their length and version."""
    answer = api.ada.get(f"/static/models/{job.id}.ply")
    assert answer.status_code == 200
    assert answer.content == SCENE
    assert answer.headers["content-length"] == str(len(SCENE))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["x-content-type-options"] == "nosniff"
    head = api.ada.head(f"/static/models/{job.id}.ply")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-length", "content-type"):
        assert head.headers[name] == answer.headers[name]


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-299", 100, 300),
        ("bytes=511999-", 511_999, 512_000),
        ("bytes=-10", 511_990, 512_000),
        ("bytes=-9999999", 0, 512_000),
        ("bytes=500000-99999999999", 500_000, 512_000),
    ],
)
def test_a_range_is_these_bytes_and_no_others(
    api: Api, job: JobRecord, asked: str, start: int, stop: int
) -> None:
    """206 with exactly the asked-for bytes and their place."""
    answer = api.ada.get(f"/static/models/{job.id}.ply", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == SCENE[start:stop]
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(SCENE)}"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize("asked", ["bytes=512000-", "bytes=600000-600001", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(api: Api, job: JobRecord, asked: str) -> None:
    """416 with the file's real size."""
    answer = api.ada.get(f"/static/models/{job.id}.ply", headers={"Range": asked})
    assert code_of(answer) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == f"bytes */{len(SCENE)}"


@pytest.mark.parametrize(
    "asked", ["bytes=", "bytes=-", "bytes=5-2", "items=0-1", "bytes=0-1,5-6", "bytes=a-b", "\u00a0"]
)
def test_a_range_that_says_nothing_is_the_whole_file(asked: str) -> None:
    """What is no single range of bytes is ignored, as RFC 9110 allows."""
    assert requested_range(asked, 100) is None


def test_ranges_tile_the_file() -> None:
    """Neighbouring ranges meet without a gap, and none reaches out of the file."""
    size = 97
    cuts = [0, 1, 30, 31, 96, 97]
    for start, stop in pairwise(cuts):
        assert requested_range(f"bytes={start}-{stop - 1}", size) == (start, stop)
    with pytest.raises(RoomsplatError):
        requested_range("bytes=97-", size)
    with pytest.raises(RoomsplatError):
        requested_range("bytes=0-", 0)


def test_a_known_version_is_not_sent_again(api: Api, job: JobRecord) -> None:
    """If-None-Match with this version is 304 without a body, with another one 200; so is a range of an old version."""
    address = f"/static/models/{job.id}.ply"
    etag = api.ada.get(address).headers["etag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        answer = api.ada.get(address, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    assert api.ada.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    part = {"Range": "bytes=0-9"}
    assert api.ada.get(address, headers={**part, "If-Range": etag}).status_code == 206
    assert api.ada.get(address, headers={**part, "If-Range": '"other"'}).content == SCENE


def test_outputs_are_listed_and_the_workspace_is_not(api: Api, job: JobRecord) -> None:
    """Every listed address answers; the workspace is neither listed nor served."""
    said = api.ada.get(f"/api/jobs/{job.id}/files").json()["items"]
    assert {item["name"] for item in said} == {
        "scene.ply",
        "preview.png",
        "report.html",
        "cameras/transforms.json",
        "cameras/sparse/0/points3D.bin",
        "cameras.zip",
    }
    for item in said:
        answer = api.ada.get(item["url"])
        assert answer.status_code == 200
        assert item["size"] in {len(answer.content), None}
    assert api.ada.get(f"/api/jobs/{job.id}/files/cameras/images/a.jpg").status_code == 200
    hidden = api.ada.get(f"/api/jobs/{job.id}/files/work/train/checkpoint.npz")
    assert code_of(hidden) == (404, "file_not_found")


def test_a_page_of_a_job_cannot_act_as_the_service(api: Api, job: JobRecord) -> None:
    """A report may hold a stranger's words: it is shown in a sandbox, without our origin."""
    report = api.ada.get(f"/api/jobs/{job.id}/files/report.html")
    assert report.headers["content-type"].startswith("text/html")
    assert report.headers["content-security-policy"].startswith("sandbox")
    assert "allow-same-origin" not in report.headers["content-security-policy"]


def test_the_cameras_are_one_archive(api: Api, job: JobRecord) -> None:
    """The archive is whole, and unpacks to the folder of cameras, byte for byte."""
    answer = api.ada.get(f"/api/jobs/{job.id}/files/cameras.zip")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = {
            "transforms.json": b"{}",
            "images/a.jpg": b"jpeg" * 100_000,
            "sparse/0/points3D.bin": b"points",
        }
        assert {name: archive.read(name) for name in archive.namelist()} == names
    empty = api.completed()
    assert code_of(api.ada.get(f"/api/jobs/{empty.id}/files/cameras.zip")) == (404, "file_not_found")


@pytest.mark.parametrize(
    "name",
    [
        "../../roomsplat.db",
        "..%2f..%2froomsplat.db",
        "%2e%2e/%2e%2e/roomsplat.db",
        "/etc/passwd",
        "//etc/passwd",
        "cameras/../../../roomsplat.db",
        "cameras/../work/train/checkpoint.npz",
        "./work/train/checkpoint.npz",
        "work",
        "cameras",
        "",
        "scene.ply/",
        "scene.ply%00.png",
        ".hidden",
        "a" * 5000,
        "%f0%9f%92%a5",
        "..\\..\\roomsplat.db",
    ],
)
def test_no_name_leads_out_of_the_job(api: Api, job: JobRecord, name: str) -> None:
    """Whatever a name looks like, it is an output of this job or it is not there."""
    # http.client sends the address as it is; other clients tidy it up first
    host = api.address.removeprefix("http://")
    with contextlib.closing(http.client.HTTPConnection(host, timeout=10)) as connection:
        key = {"Authorization": api.ada.headers["authorization"]}
        connection.request("GET", f"/api/jobs/{job.id}/files/{name}", headers=key)
        answer = connection.getresponse()
        said = json.loads(answer.read())
    assert (answer.status, said["code"]) == (404, "file_not_found")
    assert job.id not in said["detail"]


def test_a_running_job_shows_what_it_has(api: Api) -> None:
    """Thumbnail, cameras with their pictures and the growing scene are served while a worker holds the job.

    A client that has the newest scene gets 304, and the new one when it was replaced; a scene that is gone gets 404.
    """
    job, _lease = api.taken()
    folder = api.storage / "models" / job.id
    live = {"thumbnail.jpg": b"small", "cameras/transforms.json": b"{}", "live/scene.splat": bytes(64)}
    for name, content in {**live, "cameras/images/a.jpg": b"picture", ".cameras.part/x": b"half"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    listed = api.ada.get(f"/api/jobs/{job.id}/files").json()["items"]
    assert {item["name"] for item in listed} == {*live, "cameras.zip"}
    for item in listed[:-1]:
        assert api.ada.get(item["url"]).content == live[item["name"]]
    address = f"/api/jobs/{job.id}/files/live/scene.splat"
    assert api.ada.get(f"/api/jobs/{job.id}/files/cameras/images/a.jpg").content == b"picture"
    first = api.ada.get(address)
    assert "no-cache" in first.headers["cache-control"]
    known = {"If-None-Match": first.headers["etag"]}
    assert api.ada.get(address, headers=known).status_code == 304
    part = folder / "live" / ".scene.part"
    part.write_bytes(bytes(96))
    part.replace(folder / "live" / "scene.splat")
    assert len(api.ada.get(address, headers=known).content) == 96
    assert code_of(api.bob.get(address)) == (404, "job_not_found")
    (folder / "live" / "scene.splat").unlink()
    assert code_of(api.ada.get(address)) == (404, "file_not_found")
