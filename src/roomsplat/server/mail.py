"""E-mail: one message when a job of a user ends."""

from email.message import EmailMessage
from email.policy import SMTP

import aiosmtplib

from roomsplat.server.settings import ServerSettings
from roomsplat.server.webhooks import UndeliveredError

WORDS = {
    "job.completed": ("Your scene is ready", "The scene is ready."),
    "job.failed": ("Your scene could not be made", "The scene could not be made."),
    "job.cancelled": ("Your job was cancelled", "The job was cancelled, as you asked."),
}

SECONDS = 30.0
"""How long a mail server may take."""


def job_message(
    settings: ServerSettings, to: str, *, kind: str, payload: dict[str, object], url: str, message_id: str
) -> EmailMessage:
    """The message: what became of which film, and where to look."""
    subject, sentence = WORDS[kind]
    name = " ".join(str(payload.get("source_name") or "video").split())
    message = EmailMessage(policy=SMTP)
    message["From"] = settings.smtp_sender
    message["To"] = to
    message["Subject"] = f"{subject}: {name}"
    message["Message-ID"] = f"<{message_id}@{_domain(settings)}>"  # the same when it is sent again
    message["Auto-Submitted"] = "auto-generated"
    lines = [f"{name}: {sentence}"]
    if kind == "job.failed":
        lines += ["", str(payload.get("message") or ""), f"(code: {payload.get('error_code')})"]
    message.set_content("\n".join([*lines, "", url, ""]))
    return message


async def send_mail(settings: ServerSettings, message: EmailMessage) -> None:
    """Hand the message to the mail server.

    Raises:
        UndeliveredError: it was not taken; final if the server refused it for good, or none is set.
    """
    if settings.smtp_host is None:
        raise UndeliveredError("no mail server is set (ROOMSPLAT_SMTP_HOST)", final=True)
    password = settings.smtp_password
    try:
        await aiosmtplib.send(
            message,
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user,
            password=None if password is None else password.get_secret_value(),
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
            local_hostname=_domain(settings),  # else it asks the name service who we are, which may take long
            timeout=SECONDS,
        )
    except aiosmtplib.SMTPResponseException as error:
        raise UndeliveredError(f"{error.code} {error.message}"[:500], final=error.code >= 500) from error
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [refused.code for refused in error.recipients]
        raise UndeliveredError(
            f"the address was refused ({codes})", final=all(c >= 500 for c in codes)
        ) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise UndeliveredError(f"{type(error).__name__}: {error}"[:500]) from error


def _domain(settings: ServerSettings) -> str:
    return settings.smtp_sender.rpartition("@")[2].rstrip(">") or "localhost"
