"""E-mail, against a real mail server on this computer."""

import asyncio
import re
from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import select

from roomsplat.errors import InvalidSettingError
from roomsplat.server.database import Database
from roomsplat.server.deliveries import Messenger
from roomsplat.server.jobs import Jobs
from roomsplat.server.models import Delivery
from roomsplat.server.records import JobError
from roomsplat.server.settings import ServerSettings
from roomsplat.server.users import Users

FAILED = JobError(code="too_few_frames", message="The film is black.", hint="Film again.")


class MailBox:
    """Takes every message, unless it is to answer otherwise."""

    def __init__(self) -> None:
        """It begins empty."""
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answer = "250 taken"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, ARG002 - aiosmtpd's name and signature
        """Answer to a message."""
        if self.answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            message = message_from_bytes(envelope.content, policy=default)
            assert isinstance(message, EmailMessage)
            self.messages.append(message)
            self.recipients += envelope.rcpt_tos
        return self.answer


class MailServer(Controller):
    """On a free port: aiosmtpd takes port 0 but then knocks there."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def box() -> Iterator[tuple[MailBox, ServerSettings]]:
    """A mail server on a free port, and the settings that name it."""
    box = MailBox()
    controller = MailServer(box, hostname="127.0.0.1", port=0, server_hostname="mail.example")
    controller.start()
    try:
        yield box, ServerSettings(smtp_host="127.0.0.1", smtp_port=controller.port, smtp_security="none")
    finally:
        controller.stop()


def end_a_job(database: Database, *, source_name: str = "room.mp4", error: JobError | None = None) -> str:
    """A job of ann, who has an address, comes to its end."""
    users = Users(database.sessions)
    owner = users.ensure("ann")
    users.set_email("ann", "ann@example.org")
    jobs = Jobs(database.sessions)
    job = jobs.create(owner.id, source_name=source_name, source_path="uploads/x.mp4", config={})
    lease = jobs.acquire(job.id, "worker")
    assert lease is not None
    if error is None:
        jobs.finish(lease)
    else:
        jobs.fail(lease, error)
    return job.id


def send(database: Database, settings: ServerSettings) -> Delivery:
    """What is due is sent; what the table says then."""
    messenger = Messenger(database.sessions, settings, public_url="http://service.example/")
    asyncio.run(messenger.send_due())
    with database.sessions() as session:
        return session.scalars(select(Delivery)).one()


def test_a_finished_job_is_told_by_mail(database: Database, box: tuple[MailBox, ServerSettings]) -> None:
    """The owner gets one message that names the film and leads to the job."""
    mailbox, settings = box
    job_id = end_a_job(database)
    noted = send(database, settings)
    [message] = mailbox.messages
    assert mailbox.recipients == ["ann@example.org"]
    assert message["Subject"] == "Your scene is ready: room.mp4"
    assert f"http://service.example/api/jobs/{job_id}\n" in message.get_content().replace("\r\n", "\n")
    assert re.fullmatch(r"<[\w-]{22}@localhost>", message["Message-ID"])
    assert isinstance(noted.delivered_at, datetime)


def test_a_failed_job_is_told_with_its_reason(
    database: Database, box: tuple[MailBox, ServerSettings]
) -> None:
    """The message of a failed job carries its sentence and code."""
    mailbox, settings = box
    end_a_job(database, error=FAILED)
    send(database, settings)
    text = mailbox.messages[0].get_content()
    assert "The film is black." in text
    assert "too_few_frames" in text


def test_a_films_name_cannot_add_headers(database: Database, box: tuple[MailBox, ServerSettings]) -> None:
    """Line ends in a user's file name become spaces; nobody else gets a copy."""
    mailbox, settings = box
    end_a_job(database, source_name="a\r\nBcc: eve@example.org\n\nhello é 部屋.mp4")
    send(database, settings)
    [message] = mailbox.messages
    assert mailbox.recipients == ["ann@example.org"]
    assert message["Bcc"] is None
    assert "部屋.mp4" in str(message["Subject"])


@pytest.mark.parametrize(("answer", "again"), [("451 later", True), ("550 no such mailbox", False)])
def test_a_refusal_for_now_is_tried_again_and_one_for_good_is_not(
    database: Database, box: tuple[MailBox, ServerSettings], answer: str, again: bool
) -> None:
    """4xx of the mail server means later, 5xx never."""
    mailbox, settings = box
    mailbox.answer = answer
    end_a_job(database)
    noted = send(database, settings)
    assert noted.delivered_at is None
    assert str(noted.last_error).startswith(answer[:3])
    assert (noted.next_at is not None) == again


def test_a_mail_server_that_is_down_is_tried_again(database: Database) -> None:
    """Nobody listens: the message waits."""
    end_a_job(database)
    noted = send(database, ServerSettings(smtp_host="127.0.0.1", smtp_port=9, smtp_security="none"))
    assert noted.next_at is not None


def test_without_a_mail_server_nothing_waits(database: Database) -> None:
    """Where none is set the message is given up at once."""
    end_a_job(database)
    assert send(database, ServerSettings()).next_at is None


@pytest.mark.parametrize("address", ["ann", "ann@", "a b@example.org", "a@b\nBcc: c@d", "a@b,c@d"])
def test_what_is_no_address_is_refused(database: Database, address: str) -> None:
    """A user's address is one address."""
    Users(database.sessions).ensure("ann")
    with pytest.raises(InvalidSettingError, match="no e-mail address"):
        Users(database.sessions).set_email("ann", address)
