"""What strangers send, over the wire: each with its status and its code, and nothing of it stays."""

import json
import re
import socket
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.capture import films
from tests.server.api_server import Api, code_of, film, running_api
from tests.server.test_probe import header_only
from tests.server.test_routes_jobs import ROUTES

Make = Callable[[Path], Path]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service that takes small films only."""
    with running_api(tmp_path_factory.mktemp("storage"), max_upload_bytes=5_000_000) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_stays(api: Api) -> Iterator[None]:
    """Whatever was refused left no file and no job."""
    before = {path for path in api.storage.rglob("*") if not path.name.startswith("roomsplat.db")}
    jobs = api.jobs.figures().depth
    yield
    after = {path for path in api.storage.rglob("*") if not path.name.startswith("roomsplat.db")}
    assert after == before
    assert api.jobs.figures().depth == jobs


def written(content: bytes) -> Make:
    """A file with this content."""

    def make(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return make


def zip_bomb(path: Path) -> Path:
    """A hundred megabytes in a hundred kilobytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            archive.writestr(f"{number}.mp4", bytes(10_000_000))
    return path


FILES: dict[str, tuple[Make, int, str]] = {
    "text": (written(b"Dear service, this is a letter." * 10), 415, "unsupported_file"),
    "nothing": (written(b""), 415, "unsupported_file"),
    "HLS playlist": (
        written(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"),
        415,
        "unsupported_file",
    ),
    "concat script": (written(b"ffconcat version 1.0\nfile /etc/passwd\n"), 415, "unsupported_file"),
    "web page": (written(b"<html><script>alert(1)</script>"), 415, "unsupported_file"),
    "zip bomb": (zip_bomb, 415, "unsupported_file"),
    "cut mp4": (
        lambda path: films.truncated(path, film(path.with_name("whole.mp4"), 60), 0.5),
        422,
        "unreadable_video",
    ),
    "a head and noise": (written(b"\x00\x00\x00\x18ftypmp42" + b"\x55" * 5000), 422, "unreadable_video"),
    "one pixel": (
        lambda path: films.write_film(
            path, films.moving_pictures(12, 1, 1), films.FilmStyle(pixels="yuv444p")
        ),
        422,
        "film_too_small",
    ),
    "8K without pictures": (header_only, 422, "unreadable_video"),
    "too large": (written(b"\x00\x00\x00\x18ftypmp42" + bytes(6_000_000)), 413, "input_too_large"),
}


@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_film_is_refused(api: Api, tmp_path: Path, kind: str) -> None:
    """Each kind of bad file named .mp4 has its status, its code and a sentence that does not tell our paths."""
    make, status, code = FILES[kind]
    path = make(tmp_path / "video.mp4")
    with path.open("rb") as file:
        answer = api.ada.post("/api/jobs/upload", files={"file": ("room.mp4", file)})
    assert code_of(answer) == (status, code)
    assert str(api.storage) not in answer.text
    assert ".incoming" not in answer.text


def until(holds: Callable[[], bool]) -> None:
    """Wait for something to hold."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
GOOD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nfilm\r\n'
END = b"--b--\r\n"

FORMS: dict[str, tuple[bytes, str, int, str]] = {
    "no form": (b"{}", "application/json", 415, "unsupported_media_type"),
    "no boundary": (GOOD + END, "multipart/form-data", 415, "unsupported_media_type"),
    "endless boundary": (
        GOOD + END,
        f"multipart/form-data; boundary={'b' * 5000}",
        415,
        "unsupported_media_type",
    ),
    "empty": (b"", "multipart/form-data; boundary=b", 422, "invalid_request"),
    "no file": (PART % (b"config", b"{}") + END, "multipart/form-data; boundary=b", 422, "invalid_request"),
    "two files": (GOOD + GOOD + END, "multipart/form-data; boundary=b", 422, "invalid_request"),
    "unknown field": (
        PART % (b"path", b"/etc") + GOOD + END,
        "multipart/form-data; boundary=b",
        422,
        "invalid_request",
    ),
    "no end": (GOOD, "multipart/form-data; boundary=b", 422, "invalid_request"),
    "no form inside": (b"\x00\xff" * 500, "multipart/form-data; boundary=b", 422, "invalid_request"),
    "endless header": (
        b"--b\r\nX-A: " + b"a" * 500_000,
        "multipart/form-data; boundary=b",
        422,
        "invalid_request",
    ),
    "many headers": (
        b"--b\r\n" + b"A: b\r\n" * 5000,
        "multipart/form-data; boundary=b",
        422,
        "invalid_request",
    ),
    "long field": (
        PART % (b"config", b"x" * 300_000) + GOOD + END,
        "multipart/form-data; boundary=b",
        413,
        "input_too_large",
    ),
    "not UTF-8": (
        PART % (b"config", b"\xff\xfe") + GOOD + END,
        "multipart/form-data; boundary=b",
        422,
        "invalid_request",
    ),
    "endless tail": (
        GOOD + END + bytes(3_000_000),
        "multipart/form-data; boundary=b",
        413,
        "input_too_large",
    ),
}


@pytest.mark.parametrize("kind", FORMS)
def test_a_broken_form_is_refused(api: Api, kind: str) -> None:
    """Each way to break a multipart form has its status and its code, never a 5xx."""
    body, content_type, status, code = FORMS[kind]
    answer = api.ada.post("/api/jobs/upload", content=body, headers={"Content-Type": content_type})
    assert code_of(answer) == (status, code)


CONFIGS = {
    "no JSON": "{",
    "a list": "[]",
    "an unknown key": '{"qualty": "preview"}',
    "an unknown quality": '{"quality": "best"}',
    "out of range": '{"eval_every": -1}',
    "not a number": '{"threads": NaN}',
    "a wrong type": '{"capture": 7}',
    "too deep": "[" * 10_000,
    "a huge number": '{"threads": 1' + "0" * 5000 + "}",
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_wrong_settings_are_refused_before_the_job_is_queued(api: Api, tmp_path: Path, kind: str) -> None:
    """Settings that no pipeline takes are 422 ``invalid_setting``, for an upload and for a resumable one alike."""
    path = film(tmp_path / "good.mp4")
    with path.open("rb") as file:
        answer = api.ada.post(
            "/api/jobs/upload", files={"file": ("room.mp4", file)}, data={"config": CONFIGS[kind]}
        )
    assert code_of(answer) == (422, "invalid_setting")


IDS = [
    "x",
    "A" * 21,
    "A" * 23,
    "..",
    "%2e%2e",
    "A" * 22,
    "%00",
    "'; drop table jobs; --",
    "é" * 22,
    "A" * 5000,
]


@pytest.mark.parametrize(
    "path", ["/api/jobs/ID", "/api/jobs/ID/logs", "/api/jobs/ID/events", "/static/models/ID.ply"]
)
def test_what_is_no_id_is_not_there(api: Api, path: str) -> None:
    """Any text in the place of an id is 404, as an id that never was."""
    for text in IDS:
        status, code = code_of(api.ada.get(path.replace("ID", text.replace("'", "%27"))))
        assert (status, code in {"job_not_found", "not_found"}) == (404, True), text


def test_every_address_with_an_id_is_asked_as_a_stranger(api: Api) -> None:
    """No route that takes a job's id is missing among those that are tried with another user's job."""
    paths = api.anybody().get("/openapi.json").json()["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    tried = {
        (method, re.sub(r"/files/.+", "/files/{name}", path.replace("ID", "{job_id}")))
        for method, path in ROUTES
    }
    assert tried == {(method, path) for method, path in described if "{job_id}" in path}


def test_wrong_keys_look_alike(api: Api) -> None:
    """No key, a made-up one, a half one and one of another kind are 401, with the way to do it right."""
    key = api.ada.headers["authorization"]
    for said in (
        {},
        {"Authorization": "Bearer rsk_" + "x" * 43},
        {"Authorization": key[:-1]},
        {"Authorization": "Basic YTpi"},
    ):
        answer = api.anybody(said).get("/api/jobs")
        assert code_of(answer) == (401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /nothing HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /api/jobs/upload HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /api/jobs/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    ],
)
def test_what_is_no_http_does_no_harm(api: Api, request_bytes: bytes) -> None:
    """Garbage on the wire is refused or cut off, and the next request is answered."""
    host, port = api.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as wire:
        wire.sendall(request_bytes)
        wire.shutdown(socket.SHUT_WR)
        said = wire.recv(65536)
    assert not said.startswith(b"HTTP/1.1 5")
    assert not said.startswith(b"HTTP/1.1 2")
    assert api.anybody().get("/health").status_code == 200


def test_a_client_that_hangs_up_leaves_nothing(api: Api) -> None:
    """A connection that breaks in the middle of an upload leaves no file behind."""
    host, port = api.address.removeprefix("http://").split(":")
    head = (
        f"POST /api/jobs/upload HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Authorization: {api.ada.headers['authorization']}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 4000000\r\n\r\n"
    )
    folder = api.storage / "uploads"
    with socket.create_connection((host, int(port)), timeout=5) as wire:
        wire.sendall(head.encode() + GOOD.removesuffix(b"\r\n") + bytes(1_500_000))
        until(lambda: bool(list(folder.glob(".incoming-*"))))
    until(lambda: not list(folder.glob(".incoming-*")))


def test_names_are_shown_and_never_used(api: Api, tmp_path: Path) -> None:
    """A name that climbs, or holds what terminals and pages act on, is only ever text."""
    text = tmp_path / "a.txt"
    text.write_text("no film")
    for name in (
        "../../../etc/cron.d/x.mp4",
        "a\x1b[31m.mp4",
        "C:\\windows\\x.mp4",
        "<script>.mp4",
        "a" * 3000,
    ):
        answer = api.ada.post("/api/jobs/upload", files={"file": (name, text.read_bytes())})
        assert code_of(answer) == (415, "unsupported_file")
        assert "etc/cron" not in answer.text
        assert "\\u001b" not in json.dumps(answer.json())
