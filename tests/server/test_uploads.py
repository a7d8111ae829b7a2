"""Resumable uploads: nothing is lost, nothing is doubled, nobody else comes near."""

import http.client
import os
import random
import select
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from roomsplat.server.records import JobStatus
from tests.server.api_server import Api, code_of, film, running_api
from tests.server.tus import (
    PATCH,
    TUS,
    begin,
    offset_of,
    packed,
    released,
    resume,
    send,
    send_and_break,
    stored,
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One service for all laws of this file."""
    with running_api(
        tmp_path_factory.mktemp("storage"), max_upload_bytes=50_000_000, max_queued_per_user=1000
    ) as running:
        yield running


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A good film of some hundred kilobytes."""
    return film(tmp_path_factory.mktemp("film") / "room.mp4", 90).read_bytes()


def test_an_upload_ends_in_a_job(api: Api, video: bytes) -> None:
    """In one piece or in three: the last answer names the job, which has the film's bytes, name and settings."""
    for pieces in (1, 3):
        place = begin(api.ada, len(video), filename="../../my room.mp4", config='{"quality": "preview"}')
        size = -(-len(video) // pieces)
        for start in range(0, len(video), size):
            answer = send(api.ada, place, start, video[start : start + size])
            assert answer.status_code == 204, answer.text
            assert int(answer.headers["upload-offset"]) == min(start + size, len(video))
        job = api.jobs.get(answer.headers["roomsplat-job-id"], api.owner())
        assert job.status is JobStatus.PENDING
        assert job.source_name == "my room.mp4"
        assert job.config["quality"] == "preview"
        assert stored(api, job.id) == video
        again = api.ada.head(place, headers=TUS)
        assert again.headers["roomsplat-job-id"] == job.id
        assert again.headers["upload-offset"] == again.headers["upload-length"] == str(len(video))


def test_cut_at_twenty_places_it_arrives_bit_for_bit(api: Api, video: bytes) -> None:
    """The connection breaks at 20 random places; each time it goes on where the server says; every byte is right."""
    content = video + os.urandom(3_000_000)  # behind a film's last atom anything may follow
    cuts = sorted(random.Random(4).sample(range(1, len(content)), 20))  # noqa: S311 - the same places each time
    place = begin(api.ada, len(content), filename="room.mp4")
    offsets = [0]
    for cut in cuts:
        send_and_break(api.ada, place, offsets[-1], content, cut)
        offsets.append(released(api.ada, place))
        assert offsets[-2] <= offsets[-1] <= cut
    assert len(set(offsets)) > 10, "hardly anything arrived before a cut"
    answer = resume(api.ada, place, content)
    assert answer.status_code == 204, answer.text
    assert stored(api, answer.headers["roomsplat-job-id"]) == content


def test_a_wrong_offset_is_refused(api: Api, video: bytes) -> None:
    """409 with the code, before or behind the end of what is here, and nothing is written."""
    place = begin(api.ada, len(video))
    assert send(api.ada, place, 0, video[:1000]).status_code == 204
    for offset in (0, 999, 1001, 10**17):
        assert code_of(send(api.ada, place, offset, video[:10])) == (409, "upload_offset_mismatch")
    assert offset_of(api.ada, place) == 1000
    assert resume(api.ada, place, video).status_code == 204
    assert code_of(send(api.ada, place, 1000, b"x")) == (409, "upload_offset_mismatch")  # it is a job already


def test_another_version_is_refused_first(api: Api, video: bytes) -> None:
    """412 with the version that is spoken here, with a key or without, and nothing is written or begun."""
    place = begin(api.ada, len(video))
    for client in (api.ada, api.anybody()):
        for headers in ({}, {"Tus-Resumable": "0.2.2"}):
            answers = (
                client.post("/api/uploads", headers={**headers, "Upload-Length": "5"}),
                client.head(place, headers=headers),
                client.patch(place, headers={**PATCH, "Tus-Resumable": "", **headers}, content=b"x"),
                client.delete(place, headers=headers),
            )
            assert [answer.status_code for answer in answers] == [412] * 4
            assert {answer.headers["tus-version"] for answer in answers} == {"1.0.0"}
    assert offset_of(api.ada, place) == 0
    assert code_of(api.ada.delete(place)) == (412, "tus_version")


def test_without_a_key_not_a_byte_is_taken(api: Api, video: bytes) -> None:
    """401 for a request without a good key, whatever it brings; the upload is as it was (tuspyserver 4.4 wrote)."""
    place = begin(api.ada, len(video))
    for stranger in (api.anybody(), api.anybody({"X-API-Key": "rsk_nonsense"})):
        assert code_of(send(stranger, place, 0, b"evil")) == (401, "unauthorized")
        assert stranger.post("/api/uploads", headers={**TUS, "Upload-Length": "5"}).status_code == 401
    assert offset_of(api.ada, place) == 0


def test_an_upload_is_its_creators(api: Api, video: bytes) -> None:
    """Another user's upload looks as if it were not there, for every method, and so does a name that is no id."""
    place = begin(api.ada, len(video))
    for client, address in (
        (api.bob, place),
        (api.ada, "/api/uploads/" + "A" * 22),
        (api.ada, "/api/uploads/..%2f..%2froomsplat.db"),
        (api.ada, "/api/uploads/.half-AAAAAAAAAAA"),
    ):
        assert client.head(address, headers=TUS).status_code == 404
        answers = (send(client, address, 0, b"x"), client.delete(address, headers=TUS))
        assert all(answer.status_code == 404 for answer in answers)
    assert code_of(send(api.bob, place, 0, b"x")) == (404, "upload_not_found")
    assert offset_of(api.ada, place) == 0


def half_sent(api: Api, place: str, video: bytes) -> http.client.HTTPConnection:
    """A request that has announced the whole film and sent its first ten bytes."""
    address = urlsplit(api.address)
    slow = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    slow.putrequest("PATCH", place)
    headers = {**PATCH, "Upload-Offset": "0", "Content-Length": str(len(video))}
    for name, value in (headers | {"Authorization": api.ada.headers["authorization"]}).items():
        slow.putheader(name, value)
    slow.endheaders()
    slow.send(video[:10])
    return slow


def test_one_writer_at_a_time(api: Api, video: bytes) -> None:
    """While one request writes, a second one and a deletion get 423; the first one goes on undisturbed."""
    place = begin(api.ada, len(video))
    slow = half_sent(api, place, video)
    deadline = time.monotonic() + 10
    while (answer := send(api.ada, place, 5, b"x")).status_code != 423:
        assert time.monotonic() < deadline
        assert code_of(answer) == (409, "upload_offset_mismatch")  # the slow one has not come so far yet
        if select.select([slow.sock], [], [], 0.01)[
            0
        ]:  # it came while this one asked, and was the second itself
            assert slow.getresponse().status == 423
            slow.close()
            slow = half_sent(api, place, video)
    assert code_of(answer) == (423, "upload_locked")
    assert code_of(api.ada.delete(place, headers=TUS)) == (423, "upload_locked")
    slow.send(video[10:])
    assert slow.getresponse().status == 204
    slow.close()
    assert stored(api, api.ada.head(place, headers=TUS).headers["roomsplat-job-id"]) == video


def test_a_deleted_upload_is_gone(api: Api, video: bytes) -> None:
    """204, then 404 for everything; its bytes are gone; a job that an upload became stays."""
    place = begin(api.ada, len(video))
    send(api.ada, place, 0, video[:1000])
    assert api.ada.delete(place, headers=TUS).status_code == 204
    assert api.ada.head(place, headers=TUS).status_code == 404
    upload_id = place.rsplit("/", 1)[-1]
    assert not list(api.storage.rglob(f"*{upload_id}*"))
    done = begin(api.ada, len(video), filename="room.mp4")
    job_id = send(api.ada, done, 0, video).headers["roomsplat-job-id"]
    assert api.ada.delete(done, headers=TUS).status_code == 204
    assert stored(api, job_id) == video


def test_more_than_was_announced_is_refused(api: Api, video: bytes) -> None:
    """Announced or not, a byte too many ends the request with 400 and leaves the upload as it was before it."""
    place = begin(api.ada, len(video))
    send(api.ada, place, 0, video[:1000])
    assert code_of(send(api.ada, place, 1000, video)) == (400, "invalid_upload")

    def pieces() -> Iterator[bytes]:
        for _ in range(4):
            yield video  # in chunks, without a Content-Length

    headers = {**PATCH, "Upload-Offset": "1000"}
    assert code_of(api.ada.patch(place, headers=headers, content=pieces())) == (400, "invalid_upload")
    assert offset_of(api.ada, place) == 1000
    answer = send(api.ada, place, 1000, video[1000:])
    assert stored(api, answer.headers["roomsplat-job-id"]) == video


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 400, "invalid_upload"),
        ({"Upload-Length": "x"}, 400, "invalid_upload"),
        ({"Upload-Length": "-5"}, 400, "invalid_upload"),
        ({"Upload-Length": "0"}, 400, "invalid_upload"),
        ({"Upload-Length": "9" * 30}, 400, "invalid_upload"),
        ({"Upload-Length": "50000001"}, 413, "input_too_large"),
        ({"Upload-Defer-Length": "1"}, 400, "invalid_upload"),
        ({"Upload-Length": "5", "Upload-Concat": "partial"}, 400, "invalid_upload"),
        ({"Upload-Length": "5", "Upload-Metadata": "filename ???"}, 400, "invalid_upload"),
        ({"Upload-Length": "5", "Upload-Metadata": "filename YQ==, filename YQ=="}, 400, "invalid_upload"),
        ({"Upload-Length": "5", "Upload-Metadata": packed(config="{")}, 422, "invalid_setting"),
        ({"Upload-Length": "5", "Upload-Metadata": packed(config='{"qality": 1}')}, 422, "invalid_setting"),
    ],
    ids=str,
)
def test_a_wrong_beginning_is_refused(api: Api, headers: dict[str, str], status: int, code: str) -> None:
    """Every wrong header has its code, before a byte is sent; so do settings that are wrong."""
    answer = api.ada.post("/api/uploads", headers={**TUS, **headers})
    assert code_of(answer) == (status, code)
    assert answer.headers["tus-resumable"] == "1.0.0"


def test_a_patch_needs_its_kind_and_offset(api: Api, video: bytes) -> None:
    """415 for another kind of body, 400 for an offset that is missing or no number."""
    place = begin(api.ada, len(video))
    wrong = {**TUS, "Content-Type": "video/mp4", "Upload-Offset": "0"}
    assert code_of(api.ada.patch(place, headers=wrong, content=b"x")) == (415, "unsupported_media_type")
    for offset in ({}, {"Upload-Offset": "x"}, {"Upload-Offset": "-1"}, {"Upload-Offset": "1.5"}):
        assert code_of(api.ada.patch(place, headers={**PATCH, **offset}, content=b"x")) == (
            400,
            "invalid_upload",
        )
    assert offset_of(api.ada, place) == 0


def test_what_is_no_film_ends_the_upload(api: Api) -> None:
    """A text under a film's name is refused by the last PATCH, no job is made and its bytes are gone."""
    place = begin(api.bob, 500, filename="room.mp4")
    assert code_of(send(api.bob, place, 0, b"#EXTM3U\n" + bytes(492))) == (415, "unsupported_file")
    assert api.bob.head(place, headers=TUS).status_code == 404
    assert api.jobs.list(api.owner("bob")).items == ()
    assert not list(api.storage.rglob(f"*{place.rsplit('/', 1)[-1]}*"))


def test_a_full_queue_does_not_cost_the_upload(tmp_path: Path, video: bytes) -> None:
    """Whole when the user has too many jobs: 429; later the same upload, asked for again, becomes a job."""
    with running_api(tmp_path, max_queued_per_user=1) as api:
        first = begin(api.ada, len(video))
        job_id = send(api.ada, first, 0, video).headers["roomsplat-job-id"]
        place = begin(api.ada, len(video))
        assert code_of(send(api.ada, place, 0, video)) == (429, "too_many_jobs")
        assert api.ada.head(place, headers=TUS).status_code == 429
        assert code_of(send(api.ada, place, len(video), b"")) == (429, "too_many_jobs")
        api.jobs.request_cancel(job_id, api.owner())
        answer = api.ada.head(place, headers=TUS)
        assert answer.status_code == 200
        assert stored(api, answer.headers["roomsplat-job-id"]) == video
        assert (
            api.ada.head(place, headers=TUS).headers["roomsplat-job-id"] == answer.headers["roomsplat-job-id"]
        )
        assert send(api.ada, place, len(video), b"").status_code == 204
        assert len(api.jobs.list(api.owner()).items) == 2


def test_a_service_stopped_after_queueing_makes_no_second_job(api: Api, video: bytes) -> None:
    """The job was made and the service killed before it could note it: asked again, the upload has that same job."""
    place = begin(api.ada, len(video), filename="room.mp4")
    upload_id, service = place.rsplit("/", 1)[-1], api.service
    with service.uploads.writer(upload_id, api.owner(), 0) as writer:
        writer.write(video)
    copy = api.storage / "copy.mp4"
    copy.write_bytes(video)
    job = service.intake.accept(api.owner(), copy, name="room.mp4", config=None, job_id=upload_id)
    number = len(api.jobs.list(api.owner(), limit=100).items)
    assert api.ada.head(place, headers=TUS).headers["roomsplat-job-id"] == job.id
    assert len(api.jobs.list(api.owner(), limit=100).items) == number
    assert not list((api.storage / "uploads" / "unfinished").glob(f"*{upload_id}.part"))


def test_the_server_says_what_it_can(api: Api) -> None:
    """OPTIONS names version, extensions and the largest file, without a version in the request."""
    answer = api.ada.options("/api/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-extension"] == "creation,expiration,termination"
    assert answer.headers["tus-max-size"] == "50000000"


def test_a_client_that_can_only_post_is_served(api: Api, video: bytes) -> None:
    """``X-HTTP-Method-Override`` stands for the method, as tus asks; without it 405."""
    place = begin(api.ada, len(video))
    override = {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0"}
    assert api.ada.post(place, headers={**PATCH, **override}, content=video[:50]).status_code == 204
    assert offset_of(api.ada, place) == 50
    assert api.ada.post(place, headers=TUS).status_code == 405
    assert api.ada.post(place, headers={**TUS, "X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert api.ada.head(place, headers=TUS).status_code == 404


def test_what_its_creator_said_is_said_again(api: Api) -> None:
    """HEAD gives ``Upload-Metadata`` as it was sent, unknown keys included."""
    metadata = packed(filename="Zimmer.mp4", filetype="video/mp4") + ",lonely"
    headers = {**TUS, "Upload-Length": "5", "Upload-Metadata": metadata}
    place = api.ada.post("/api/uploads", headers=headers).headers["location"]
    assert api.ada.head(place, headers=TUS).headers["upload-metadata"] == metadata
