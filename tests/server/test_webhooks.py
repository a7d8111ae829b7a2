"""Webhooks: signed as Standard Webhooks, kept until they arrive or a day has passed, never sent to inner networks."""

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook as Verifier

from roomsplat.server.database import Database
from roomsplat.server.deliveries import CLAIM_SECONDS, Messenger, Outbox
from roomsplat.server.jobs import Jobs
from roomsplat.server.jobs_base import utc_now
from roomsplat.server.models import Delivery
from roomsplat.server.outside import RefusedAddressError, checked_addresses, is_public, parse_target
from roomsplat.server.records import JobError
from roomsplat.server.settings import ServerSettings
from roomsplat.server.users import Users
from roomsplat.server.webhooks import (
    TooManyWebhooksError,
    UndeliveredError,
    WebhookNotFoundError,
    WebhookRecord,
    Webhooks,
)
from tests.server.receiver import Receiver, receiving

INNER = ServerSettings(webhook_allow_internal=True, webhook_timeout_seconds=1.0)
PUBLIC_URL = "http://service.example"


def to_here(_host: str, _port: int) -> Sequence[str]:
    """A resolver to which every name is this computer."""
    return ["127.0.0.1"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver in clear text."""
    with receiving() as found:
        yield found


def add_webhook(database: Database, url: str, user: str = "ann") -> WebhookRecord:
    """A webhook of this user at an address on this computer."""
    owner = Users(database.sessions).ensure(user)
    return Webhooks(database.sessions, allow_internal=True, resolve=to_here).create(owner.id, url)


def end_a_job(database: Database, user: str = "ann", error: JobError | None = None) -> str:
    """A job of this user comes to its end."""
    owner = Users(database.sessions).ensure(user)
    jobs = Jobs(database.sessions)
    job = jobs.create(owner.id, source_name="room.mp4", source_path="uploads/x.mp4", config={})
    lease = jobs.acquire(job.id, "worker")
    assert lease is not None
    if error is None:
        jobs.finish(lease)
    else:
        jobs.fail(lease, error)
    return job.id


def send(database: Database, settings: ServerSettings = INNER, trust: ssl.SSLContext | None = None) -> int:
    """What is due is sent, once; how many messages that was."""
    messenger = Messenger(database.sessions, settings, public_url=PUBLIC_URL, resolve=to_here, trust=trust)
    return asyncio.run(messenger.send_due())


def deliveries(database: Database) -> list[Delivery]:
    """The table."""
    with database.sessions() as session:
        return list(session.scalars(select(Delivery)))


def make_due(database: Database) -> None:
    """Time passes until the next try."""
    with database.sessions.begin() as session:
        for row in session.scalars(select(Delivery).where(Delivery.next_at.is_not(None))):
            row.next_at = utc_now()


def test_the_end_of_a_job_arrives_once_and_its_signature_holds(
    database: Database, receiver: Receiver
) -> None:
    """The receiver gets one POST that the reference library of Standard Webhooks accepts, saying what ended how."""
    hook = add_webhook(database, f"http://hooks.example:{receiver.port}/in?a=b")
    job_id = end_a_job(database)
    assert send(database) == 1
    assert send(database) == 0
    [request] = receiver.requests
    assert request.path == "/in?a=b"
    assert request.headers["host"] == f"hooks.example:{receiver.port}"
    told = Verifier(hook.secret or "").verify(request.body, request.headers)
    assert told["type"] == "job.completed"
    assert told["data"]["job_id"] == job_id
    assert told["data"]["url"] == f"{PUBLIC_URL}/api/jobs/{job_id}"
    assert deliveries(database)[0].delivered_at is not None


def test_a_failed_job_says_why(database: Database, receiver: Receiver) -> None:
    """The message of a failed job carries the error's code."""
    add_webhook(database, f"http://hooks.example:{receiver.port}/")
    end_a_job(database, error=JobError(code="too_few_frames", message="Black.", hint="Film again."))
    send(database)
    told = json.loads(receiver.requests[0].body)
    assert (told["type"], told["data"]["error_code"]) == ("job.failed", "too_few_frames")


def test_only_the_owner_is_told(database: Database, receiver: Receiver) -> None:
    """A user's webhook hears nothing of another user's jobs."""
    add_webhook(database, f"http://hooks.example:{receiver.port}/", user="bob")
    end_a_job(database, user="ann")
    assert send(database) == 0
    assert receiver.requests == []


def test_what_did_not_arrive_is_sent_again_under_the_same_id(database: Database, receiver: Receiver) -> None:
    """After an error of the receiver the same message comes again when its time is due, and not before."""
    add_webhook(database, f"http://hooks.example:{receiver.port}/")
    receiver.statuses = [500, 200]
    end_a_job(database)
    send(database)
    assert send(database) == 0, "not before its time"
    make_due(database)
    assert send(database) == 1
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert deliveries(database)[0].delivered_at is not None


def test_it_is_given_up_after_about_a_day(database: Database) -> None:
    """The tries grow apart, go on for at least 20 hours and end before the second day does."""
    add_webhook(database, "http://hooks.example:9/")
    end_a_job(database)
    began = utc_now()
    now = began

    def clock() -> datetime:
        return now

    outbox = Outbox(database.sessions, clock=clock)
    tries: list[timedelta] = []
    while now - began < timedelta(days=3):
        for message in outbox.take():
            tries.append(now - began)
            outbox.undelivered(message, UndeliveredError("down"))
        [row] = deliveries(database)
        if row.next_at is None:
            break
        now = max(row.next_at, now + timedelta(milliseconds=1))
    assert len(tries) == 9
    gaps = [after - before for before, after in pairwise(tries)]
    assert all(later >= 0.8 * earlier for earlier, later in pairwise(gaps))
    assert timedelta(hours=20) < tries[-1] < timedelta(hours=24)


def test_a_receiver_that_is_gone_is_told_no_more(database: Database, receiver: Receiver) -> None:
    """410 ends the webhook: neither this message nor the next job's is sent to it."""
    add_webhook(database, f"http://hooks.example:{receiver.port}/")
    receiver.statuses = [410]
    end_a_job(database)
    send(database)
    end_a_job(database)
    make_due(database)
    send(database)
    assert len(receiver.requests) == 1


def test_redirects_are_not_followed(database: Database, receiver: Receiver) -> None:
    """A receiver cannot send us on, be it to itself: a redirect is a failed try."""
    add_webhook(database, f"http://hooks.example:{receiver.port}/a")
    receiver.statuses, receiver.location = [307], f"http://127.0.0.1:{receiver.port}/b"
    end_a_job(database)
    send(database)
    assert [request.path for request in receiver.requests] == ["/a"]
    assert deliveries(database)[0].last_error == "the receiver answered 307"


def test_a_receiver_that_never_ends_holds_nobody_up(database: Database, receiver: Receiver) -> None:
    """One that sends a letter now and then is given up in time, and another webhook is served beside it."""
    with socket.create_server(("127.0.0.1", 0)) as slow:
        add_webhook(database, f"http://hooks.example:{slow.getsockname()[1]}/")
        add_webhook(database, f"http://hooks.example:{receiver.port}/")
        end_a_job(database)

        def drip() -> None:
            connection, _ = slow.accept()
            with connection, suppress(OSError):
                for _ in range(50):
                    connection.send(b"H")
                    time.sleep(0.1)

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        send(database)
        assert time.monotonic() - began < 3
        thread.join()
    assert len(receiver.requests) == 1
    assert sorted(str(row.last_error) for row in deliveries(database)) == ["None", "no answer within 1 s"]


def test_a_message_is_sent_by_one_sender_only(database: Database) -> None:
    """Of several services on one database, each message is taken by one."""
    add_webhook(database, "http://hooks.example:9/")
    for _ in range(10):
        end_a_job(database)
    taken: list[str] = []

    def take() -> None:
        taken.extend(message.id for message in Outbox(database.sessions).take())

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 10


def test_a_message_whose_sender_died_is_sent_by_the_next(database: Database) -> None:
    """A message that was taken and never reported on is due again when the claim has run out."""
    add_webhook(database, "http://hooks.example:9/")
    end_a_job(database)
    [message] = Outbox(database.sessions).take()
    assert Outbox(database.sessions).take() == []
    later = utc_now() + timedelta(seconds=CLAIM_SECONDS + 1)
    [again] = Outbox(database.sessions, clock=lambda: later).take()
    assert (again.id, again.attempts) == (message.id, 2)
    Outbox(database.sessions).delivered(message)  # the first sender wakes up: it is not its message any more
    assert deliveries(database)[0].delivered_at is None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1",
        "2001:0:7f00:1::ffff:ffff",
    ],
)  # fmt: skip
def test_inner_addresses_are_never_connected_to(address: str) -> None:
    """Loopback, private, link-local (a cloud's metadata), multicast, and any IPv4 hidden in IPv6: none is public."""
    assert not is_public(address)
    target = parse_target("https://hooks.example/", allow_internal=False)
    with pytest.raises(RefusedAddressError, match=r"hooks\.example is"):
        # one such address spoils the name, whatever else it has
        checked_addresses(target, allow_internal=False, resolve=lambda _h, _p: ["8.8.8.8", address])


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_may_be_told(address: str) -> None:
    """The law above does not refuse everything."""
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/", "ftp://example.org/", "https://", "https:///path", "https://user:secret@example.org/",
        "https://example.org/#part", "https://example.org:0/", "https://example.org:99999/", "https://[::1/",
        "https://exa mple.org/", "https://example.org/\r\nX-Evil: 1", "https://" + "a" * 64 + ".org/", "javascript:1",
        "https://example.org/" + "a" * 2000, "https://exämple.org/",
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    """Each form ends in the one error that says what is wrong with it."""
    with pytest.raises(RefusedAddressError) as refused:
        parse_target(url, allow_internal=False)
    assert refused.value.code == "webhook_refused"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]"])
def test_a_webhook_on_this_computer_is_refused_when_it_is_made(database: Database, host: str) -> None:
    """However the system's resolver lets loopback be written, the owner hears at once that it is refused."""
    owner = Users(database.sessions).ensure("ann")
    with pytest.raises(RefusedAddressError, match=r"inner network|leads nowhere"):
        Webhooks(database.sessions).create(owner.id, f"https://{host}/")


def test_a_name_that_changes_its_address_reaches_nothing(database: Database, receiver: Receiver) -> None:
    """A name that was public when the webhook was made and leads inside when it is called is not called."""
    owner = Users(database.sessions).ensure("ann")
    hooks = Webhooks(database.sessions, resolve=lambda _h, _p: ["8.8.8.8"])
    hooks.create(owner.id, f"https://hooks.example:{receiver.port}/")
    end_a_job(database)
    assert send(database, ServerSettings()) == 1
    assert receiver.requests == []
    assert "inner network" in str(deliveries(database)[0].last_error)


def test_a_users_webhooks_are_their_own(database: Database) -> None:
    """Another user neither sees nor deletes them, the secret is shown once, and one user has only so many."""
    users = Users(database.sessions)
    ann, bob = users.ensure("ann"), users.ensure("bob")
    hooks = Webhooks(database.sessions, limit=2, resolve=lambda _h, _p: ["8.8.8.8"])
    first = hooks.create(ann.id, "https://a.example/")
    hooks.create(ann.id, "https://b.example/")
    assert first.secret is not None
    with pytest.raises(TooManyWebhooksError):
        hooks.create(ann.id, "https://c.example/")
    assert hooks.list(bob.id) == []
    assert [(hook.url, hook.secret) for hook in hooks.list(ann.id)] == [
        ("https://a.example/", None),
        ("https://b.example/", None),
    ]
    for webhook_id in (first.id, "../etc/passwd"):
        with pytest.raises(WebhookNotFoundError):
            hooks.delete(webhook_id, bob.id)
    hooks.delete(first.id, ann.id)
    assert len(hooks.list(ann.id)) == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
@pytest.mark.parametrize(("name", "arrives"), [("hooks.example", True), ("other.example", False)])
def test_the_certificate_is_checked_against_the_name(
    tmp_path: Path, database: Database, name: str, arrives: bool
) -> None:
    """Over TLS the certificate must be for the webhook's name, though we connect to its checked address."""
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=test", "-addext", f"subjectAltName=DNS:{name}"]
    command = ["openssl", "req", "-x509", *curve, *subject, "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    with receiving((certificate, key)) as receiver:
        add_webhook(database, f"https://hooks.example:{receiver.port}/")
        end_a_job(database)
        send(database, trust=ssl.create_default_context(cafile=certificate))
        assert len(receiver.requests) == int(arrives)
