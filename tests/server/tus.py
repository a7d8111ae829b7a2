"""What a client of tus does."""

import base64
import socket
import time
from urllib.parse import urlsplit

import httpx

from tests.server.api_server import Api

TUS = {"Tus-Resumable": "1.0.0"}
PATCH = {**TUS, "Content-Type": "application/offset+octet-stream"}


def packed(**pairs: str) -> str:
    """``Upload-Metadata``."""
    return ", ".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())


def begin(client: httpx.Client, length: int, **metadata: str) -> str:
    """The address of a new upload."""
    headers = {**TUS, "Upload-Length": str(length)}
    answer = client.post("/api/uploads", headers=headers | {"Upload-Metadata": packed(**metadata)})
    assert answer.status_code == 201, answer.text
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers["upload-expires"].endswith("GMT")
    return answer.headers["location"]


def offset_of(client: httpx.Client, place: str) -> int:
    """How far it is, as the server says."""
    answer = client.head(place, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


def send(client: httpx.Client, place: str, offset: int, content: bytes) -> httpx.Response:
    """One PATCH."""
    return client.patch(place, headers={**PATCH, "Upload-Offset": str(offset)}, content=content)


def send_and_break(client: httpx.Client, place: str, offset: int, content: bytes, cut: int) -> None:
    """A PATCH that announces ``content`` from ``offset`` on and whose connection breaks at ``cut``."""
    address = urlsplit(str(client.base_url))
    headers = {
        **PATCH,
        "Host": address.netloc,
        "Authorization": client.headers["authorization"],
        "Upload-Offset": str(offset),
        "Content-Length": str(len(content) - offset),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((address.hostname or "", address.port or 0), 10) as connection:
        connection.sendall(f"PATCH {place} HTTP/1.1\r\n{head}\r\n".encode() + content[offset:cut])
        time.sleep(0.1)  # uvicorn throws away what it has not handed on when the connection ends


def released(client: httpx.Client, place: str) -> int:
    """The offset, once no request writes any more: a broken connection is noticed a moment later."""
    deadline = time.monotonic() + 10
    while True:
        offset = offset_of(client, place)
        if send(client, place, offset, b"").status_code == 204:
            return offset
        assert time.monotonic() < deadline
        time.sleep(0.005)


def resume(client: httpx.Client, place: str, content: bytes) -> httpx.Response:
    """Go on as clients of tus do: ask, send from there, and again while the old request still holds the lock."""
    deadline = time.monotonic() + 10
    while True:
        offset = offset_of(client, place)
        answer = send(client, place, offset, content[offset:])
        if answer.status_code not in {409, 423}:
            return answer
        assert time.monotonic() < deadline
        time.sleep(0.01)


def stored(api: Api, job_id: str, name: str = "ada") -> bytes:
    """The video of a job, as it lies in the store."""
    return (api.storage / api.jobs.get(job_id, api.owner(name)).source_path).read_bytes()
