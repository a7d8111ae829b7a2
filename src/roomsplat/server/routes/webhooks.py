"""Addresses that are told when a job ends."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from roomsplat.server.auth import CurrentUser
from roomsplat.server.schemas import Shape
from roomsplat.server.service import TheService, problems
from roomsplat.server.webhooks import WebhookRecord, Webhooks

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])


class NewWebhook(Shape):
    """Where to send news."""

    url: str = Field(max_length=2000)
    """A public address that begins with ``https://``."""


class WebhookView(Shape):
    """A webhook."""

    id: str
    url: str
    created_at: datetime

    @classmethod
    def of(cls, hook: WebhookRecord) -> "WebhookView":
        """Without its secret."""
        return cls(id=hook.id, url=hook.url, created_at=hook.created_at)


class WebhookWithSecret(WebhookView):
    """A webhook that was just made."""

    secret: str
    """Checks the signature of the messages (Standard Webhooks). It is never shown again."""


class WebhookList(Shape):
    """The caller's webhooks, oldest first."""

    items: list[WebhookView]


def _webhooks(service: TheService) -> Webhooks:
    settings = service.settings
    return Webhooks(
        service.database.sessions,
        limit=settings.max_webhooks_per_user,
        allow_internal=settings.webhook_allow_internal,
    )


TheWebhooks = Annotated[Webhooks, Depends(_webhooks)]


@router.post("", status_code=201, responses=problems(409, 413))
def create(new: NewWebhook, user: CurrentUser, webhooks: TheWebhooks) -> WebhookWithSecret:
    """Have an address told when jobs of the caller end."""
    hook = webhooks.create(user.id, new.url)
    assert hook.secret is not None
    return WebhookWithSecret(id=hook.id, url=hook.url, created_at=hook.created_at, secret=hook.secret)


@router.get("")
def list_webhooks(user: CurrentUser, webhooks: TheWebhooks) -> WebhookList:
    """The caller's webhooks."""
    return WebhookList(items=[WebhookView.of(hook) for hook in webhooks.list(user.id)])


@router.delete("/{webhook_id}", status_code=204, responses=problems(404))
def delete(webhook_id: str, user: CurrentUser, webhooks: TheWebhooks) -> None:
    """Tell an address no more."""
    webhooks.delete(webhook_id, user.id)
