"""A user's own keys, for programs."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import Field

from roomsplat.server.auth import CurrentCaller, CurrentUser
from roomsplat.server.keys import KeyRecord, create_own_key, list_keys, revoke_own_key
from roomsplat.server.schemas import Shape
from roomsplat.server.service import TheService, problems

router = APIRouter(prefix="/api/keys", tags=["keys"])

Word = Literal["read", "write", "admin"]


class NewKey(Shape):
    """What a key is for."""

    name: str = Field("", max_length=200)
    """How you tell it from others."""
    scopes: list[Word] | None = Field(None, min_length=1, max_length=3)
    """What it may do, at most what you may; left out: read and write."""


class KeyView(Shape):
    """A key without the key."""

    prefix: str
    """Its first letters, which name it."""
    name: str
    scopes: list[Word]
    created_at: datetime
    last_used_at: datetime | None
    """Within ten minutes."""

    @classmethod
    def of(cls, key: KeyRecord) -> "KeyView":
        """The key as its owner sees it."""
        return cls(
            prefix=key.prefix,
            name=key.name,
            scopes=sorted(key.scopes),
            created_at=key.created_at,
            last_used_at=key.last_used_at,
        )


class KeyWithSecret(KeyView):
    """A key that was just made."""

    key: str
    """The key itself. It is never shown again."""


class KeyList(Shape):
    """The caller's keys that open something, oldest first."""

    items: list[KeyView]


@router.get("")
def list_own_keys(user: CurrentUser, service: TheService) -> KeyList:
    """The caller's keys, without those that were revoked."""
    keys = list_keys(service.database.sessions, user.id)
    return KeyList(items=[KeyView.of(key) for key in keys if key.revoked_at is None])


@router.post("", status_code=201, responses=problems(409, 413))
def create(new: NewKey, response: Response, caller: CurrentCaller, service: TheService) -> KeyWithSecret:
    """Make a key for programs of the caller; it is shown this once."""
    response.headers["Cache-Control"] = "no-store"
    limit = service.settings.max_keys_per_user
    key, secret = create_own_key(
        service.database.sessions, caller, name=new.name, scopes=new.scopes, limit=limit
    )
    return KeyWithSecret(**KeyView.of(key).model_dump(), key=secret)


@router.delete("/{prefix}", status_code=204, responses=problems(404))
def revoke(prefix: str, user: CurrentUser, service: TheService) -> None:
    """End a key, named by its first letters, and every login that was made with it."""
    revoke_own_key(service.database.sessions, prefix, user.id)
