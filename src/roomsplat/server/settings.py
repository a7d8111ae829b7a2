"""The settings of the service, from the environment; the only place that reads it."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServerSettings(BaseSettings):
    """Every setting of the service; ``ROOMSPLAT_STORAGE`` and so on in the environment."""

    model_config = SettingsConfigDict(env_prefix="ROOMSPLAT_", extra="ignore", frozen=True)

    storage: Path = Path("storage")
    """The folder of uploads, frames, models and logs."""
    database_url: str | None = None
    """``postgresql://user@host/name``; without it SQLite in ``storage/roomsplat.db``."""
    bucket: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$")] | None = None
    """An S3-compatible bucket for videos and results, whose keys are in ``AWS_ACCESS_KEY_ID`` and
    ``AWS_SECRET_ACCESS_KEY``; without it they are in the storage folder."""
    bucket_endpoint: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.\[\]:_-]+(/\S*)?$")] | None = None
    """Where the bucket is (``http://store:8333``); without it at Amazon."""
    bucket_region: str = "us-east-1"
    """Its region."""
    bucket_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._/-]*$")] | None = None
    """A folder of the bucket, where it serves others as well."""
    bucket_patience_seconds: Annotated[float, Field(ge=0)] = 600.0
    """How long a worker tries again when the bucket does not answer, before its job fails."""

    host: str = "127.0.0.1"
    """The address to listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """The port to listen on; 0 takes a free one."""
    auth: Literal["none", "keys", "oidc"] = "none"
    """``none``: one user and this computer only; ``keys``: every request carries a key; ``oidc``: logins as well."""
    public_url: str | None = None
    """How users reach the service (``https://splats.example``), for links in messages; without it host and port."""
    drain_seconds: Annotated[float, Field(gt=0)] = 30.0
    """How long a stopping service waits for its workers to hand their jobs back."""

    session_seconds: Annotated[float, Field(ge=60)] = 14 * 24 * 3600.0
    """How long a browser that is not used stays logged in."""
    session_longest_seconds: Annotated[float, Field(ge=60)] = 90 * 24 * 3600.0
    """How long one that is used stays logged in."""
    failed_logins_per_minute: Annotated[int, Field(ge=0)] = 10
    """Wrong keys that may be tried from one address; 0 is no limit."""
    logins_per_minute: Annotated[int, Field(ge=0)] = 60
    """Logins by the issuer that may be begun from one address; 0 is no limit."""
    max_keys_per_user: Annotated[int, Field(ge=0)] = 20
    """Keys that one user may have; ``roomsplat keys create`` makes more."""
    oidc_issuer: str | None = None
    """Who says who users are (OpenID Connect): ``https://accounts.example``, as its own description names it."""
    oidc_client_id: str | None = None
    """What the issuer calls this service."""
    oidc_client_secret: SecretStr | None = None
    """The secret that the issuer gave it, if it gave one."""
    oidc_scopes: str = "openid email profile"
    """What is asked of the issuer."""
    oidc_allowed_emails: tuple[str, ...] = ()
    """Who may log in, by addresses that the issuer has verified (``["ann@example.org"]``)."""
    oidc_allowed_domains: tuple[str, ...] = ()
    """The same by domains (``["example.org"]``); with neither, everyone whom the issuer lets in."""
    oidc_admins: tuple[str, ...] = ()
    """Verified addresses of administrators."""

    webhook_timeout_seconds: Annotated[float, Field(gt=0)] = 10.0
    """How long a receiver may take to answer."""
    webhook_allow_internal: bool = False
    """Send also to loopback and private addresses: for a receiver in the same network, whose users are trusted."""
    max_webhooks_per_user: Annotated[int, Field(ge=0)] = 10

    smtp_host: str | None = None
    """The mail server; without it nobody is told by e-mail."""
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted: ``none`` is for a server on this computer."""
    smtp_sender: str = "roomsplat@localhost"
    """Who the messages are from."""
    delivery_poll_seconds: Annotated[float, Field(gt=0)] = 2.0
    """How often the service looks for messages to send."""

    cors_origins: tuple[str, ...] = ()
    """Other sites whose pages may use the API (``["https://example.org"]``)."""
    requests_per_minute: Annotated[int, Field(ge=0)] = 600
    """Requests that one user may make; 0 is no limit."""
    max_streams_per_user: Annotated[int, Field(ge=1)] = 20
    """Event streams that one user may have open."""
    stream_comment_seconds: Annotated[float, Field(gt=0)] = 15.0
    """A silent event stream sends a comment so often: a proxy takes it for dead otherwise."""
    stream_poll_seconds: Annotated[float, Field(gt=0)] = 0.5
    """How often an event stream looks for news."""
    upload_idle_seconds: Annotated[float, Field(gt=0)] = 60.0
    """An upload that sends nothing for so long is ended."""
    upload_lifetime_seconds: Annotated[float, Field(gt=0)] = 24 * 3600.0
    """A resumable upload to which nothing was added for so long is given up."""

    max_upload_bytes: Annotated[int, Field(ge=1)] = 4 * 1024**3
    """The largest video."""
    max_video_seconds: Annotated[float, Field(gt=0)] = 900.0
    """The longest one."""
    max_video_pixels: Annotated[int, Field(ge=1)] = 40_000_000
    """Width times height of its pictures."""
    max_video_fps: Annotated[float, Field(gt=0)] = 250.0
    """Its pictures a second."""
    max_frames: Annotated[int, Field(ge=1)] = 1000
    """Pictures that a job may keep."""

    lease_seconds: Annotated[float, Field(gt=0)] = 60.0
    """A worker that was not heard of for so long has lost its job."""
    heartbeat_seconds: Annotated[float, Field(gt=0)] = 10.0
    """How often a worker is heard of."""
    max_attempts: Annotated[int, Field(ge=1)] = 3
    """How many workers may be lost over one job before it fails."""
    max_job_seconds: Annotated[float, Field(gt=0)] = 6 * 3600.0
    """A job that a worker has worked on for so long is stopped and fails; stages kept from earlier runs count."""
    live_seconds: Annotated[float, Field(ge=0, le=3600)] = 10.0
    """How often a job in training shows its scene (``live/scene.splat``), at most; 0 is never."""

    poll_seconds: Annotated[float, Field(gt=0)] = 1.0
    """How often a free worker looks for a job, and a busy one whether its job was cancelled."""
    cancel_seconds: Annotated[float, Field(gt=0)] = 4.0
    """How long a cancelled pipeline may take to end by itself before it is killed."""
    interrupt_seconds: Annotated[float, Field(gt=0)] = 20.0
    """How long the pipeline of a stopping worker may take to save what it has before it is killed."""
    pipeline_command: Annotated[tuple[str, ...], Field(min_length=1)] = (
        sys.executable,
        "-P",
        "-m",
        "roomsplat",
        "reconstruct",
    )
    """What a worker runs, before ``SOURCE -o FOLDER --config FILE --events jsonl``."""

    max_running_per_user: Annotated[int, Field(ge=1)] = 2
    max_queued_per_user: Annotated[int, Field(ge=1)] = 20

    @property
    def resolved_database_url(self) -> str:
        """The database to open."""
        return self.database_url or f"sqlite:///{(self.storage / 'roomsplat.db').resolve()}"
