"""The tables. Everything else speaks in the values of ``records.py``."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

ID_LENGTH = 22
"""``secrets.token_urlsafe(16)``: 128 bits."""

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A counting key; SQLite counts only in its own INTEGER, which has 64 bits."""


class UtcTime(TypeDecorator[datetime]):
    """A moment, always with its zone, always UTC; SQLite keeps none, so it is given back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """To the database."""
        assert value is None or value.tzinfo is not None, "a moment without a zone"
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """From the database."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(DeclarativeBase):
    """Base of the tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads this class attribute
        datetime: UtcTime(),
        str: Text(),
        dict[str, Any]: JSON(),
        float: Float(),
        bool: Boolean(),
    }


class User(Table):
    """Somebody who owns jobs."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    email: Mapped[str | None]
    """Where news of jobs go, if anywhere."""
    is_admin: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    served_at: Mapped[datetime | None]
    """When a worker last took a job of this user: who waited longest is next."""


class ApiKey(Table):
    """A key of a user; only its digest is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    prefix: Mapped[str] = mapped_column(String(16))
    """The first letters, by which a person tells keys apart."""
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 in hexadecimal."""
    scopes: Mapped[str]
    """Words with a space between them."""
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Identity(Table):
    """Somebody as the issuer of logins (OpenID Connect) knows them, and who that is here."""

    __tablename__ = "identities"

    issuer: Mapped[str] = mapped_column(String(500), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    """The issuer's own name for the person, which never changes and is never given to another one."""
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)


class PendingLogin(Table):
    """A login that was sent to the issuer and has not come back: used once, for minutes."""

    __tablename__ = "pending_logins"

    state_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of what the issuer sends back with the browser."""
    browser_digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the cookie of the browser that began."""
    nonce: Mapped[str]
    verifier: Mapped[str]
    """Proves to the issuer that who comes for the token is who began (PKCE)."""
    next_path: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class LoginSession(Table):
    """A browser that is logged in; only the digest of its cookie is kept."""

    __tablename__ = "sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 in hexadecimal."""
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    key_id: Mapped[str | None] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"), index=True)
    """The key it was made with, which ends it too; ``None`` when the issuer said who it is."""
    scopes: Mapped[str]
    """Words with a space between them."""
    created_at: Mapped[datetime]
    renewed_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Job(Table):
    """A video on its way to a scene."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_owner_number", "owner_id", "number"),
        Index("ix_jobs_queue", "status", "owner_id", "queued_at"),
    )

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True, autoincrement=True)
    """Counts jobs in the order of their arrival; never shown."""
    id: Mapped[str] = mapped_column(String(ID_LENGTH), unique=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    status: Mapped[str] = mapped_column(String(20))
    progress: Mapped[float]
    stage: Mapped[str]
    message: Mapped[str]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    error_hint: Mapped[str | None]
    source_name: Mapped[str]
    source_path: Mapped[str]
    config: Mapped[dict[str, Any]]
    counts: Mapped[dict[str, Any]]
    timings: Mapped[dict[str, Any]]
    attempts: Mapped[int]
    cancel_requested: Mapped[bool]
    created_at: Mapped[datetime]
    queued_at: Mapped[datetime]
    """Its place in the queue: kept when a worker is lost, new when the owner tries again."""
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class JobLease(Table):
    """Who works on a job. A job without a row here waits or has ended."""

    __tablename__ = "leases"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    owner: Mapped[str]
    token: Mapped[str] = mapped_column(String(ID_LENGTH))
    attempt: Mapped[int]
    taken_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Event(Table):
    """Something that happened to a job."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_job_id_id", "job_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(NUMBER, primary_key=True, autoincrement=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]]


class Webhook(Table):
    """An address that a user wants told when a job ends."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    url: Mapped[str]
    secret: Mapped[str]
    """Signs the messages (Standard Webhooks), so it must be kept in clear."""
    created_at: Mapped[datetime]


class Delivery(Table):
    """News of a job's end, written in the transaction that ended it and sent until somebody takes it."""

    __tablename__ = "deliveries"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    channel: Mapped[str] = mapped_column(String(10))
    """``webhook`` or ``mail``."""
    target: Mapped[str]
    """The webhook's id or the e-mail address."""
    kind: Mapped[str] = mapped_column(String(40))
    """``job.completed``, ``job.failed`` or ``job.cancelled``."""
    payload: Mapped[dict[str, Any]]
    attempts: Mapped[int]
    created_at: Mapped[datetime]
    next_at: Mapped[datetime | None] = mapped_column(index=True)
    """When to try (again); ``None`` when it was delivered or given up."""
    delivered_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class Counter(Table):
    """Something that the metrics count; it outlives the jobs it counted."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    label: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[float]


class WorkerRow(Table):
    """A worker that lives, on whatever host."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(240), primary_key=True)
    """The name of its slot (``slot.py``): the same after a restart."""
    host: Mapped[str]
    device: Mapped[str]
    seen_at: Mapped[datetime]
