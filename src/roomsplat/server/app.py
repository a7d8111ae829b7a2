"""The HTTP app: every route, every error as a problem, one set of parts behind them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from fastapi import APIRouter, Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.utils import get_openapi

from roomsplat._version import __version__
from roomsplat.page.site import Site
from roomsplat.server.auth import CSRF_HEADER, authenticator_of
from roomsplat.server.database import open_database, upgrade
from roomsplat.server.logins import Logins
from roomsplat.server.metrics import HttpMetrics
from roomsplat.server.middleware import BodyLimit, Counted, OriginGuard
from roomsplat.server.multipart import sweep
from roomsplat.server.problems import install_problems
from roomsplat.server.routes import (
    description,
    events,
    files,
    health,
    jobs,
    keys,
    limits,
    login,
    session,
    webhooks,
)
from roomsplat.server.routes.page import page_router
from roomsplat.server.routes.uploads import EXPOSED_HEADERS, uploads_router
from roomsplat.server.schemas import Problem
from roomsplat.server.service import EVERYWHERE, Service, build_service, problems, rate_limited
from roomsplat.server.settings import ServerSettings
from roomsplat.server.sweeper import Sweeper
from roomsplat.server.uploads import Upload

DESCRIPTION = "Upload a video of a room, watch its reconstruction, download the scene."

OF_UPLOADS = problems(404, 408, 409, 410, 412, 413, 415, 423, 507)
"""What resumable uploads may answer besides."""

KEYS: dict[str, dict[str, str]] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
"""The two ways to send a key."""

COOKIE_MEANING = f"A browser that is logged in; every change needs the header {CSRF_HEADER} as well."

WITHOUT_KEY = ("/health", "/ready", "/api/limits", "/api/session", "/auth/login", "/auth/callback")
"""Addresses for anybody."""

USER_ROUTES: tuple[APIRouter, ...] = (jobs.router, events.router, files.router, webhooks.router, keys.router)


def create_app(settings: ServerSettings, *, site: Site | None = None) -> FastAPI:
    """The service as an ASGI app. Opens the database and brings its tables up to date. ``site``: another page.

    Raises:
        InvalidSettingError: the database's address or the issuer of logins is wrong.
        DatabaseUnavailableError: the database does not answer.
        StorageUnavailableError: the bucket cannot be used.
    """
    (settings.storage / "uploads").mkdir(parents=True, exist_ok=True)
    sweep(settings.storage / "uploads")
    database = open_database(settings.resolved_database_url)
    upgrade(database)
    metrics = HttpMetrics()
    service = build_service(settings, database, metrics)
    logins = Logins(settings, database.sessions)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        sweeper = Sweeper(service.jobs, service.files)
        sweeper.start()
        yield
        sweeper.stop()
        service.streams.stop()
        database.dispose()

    app = FastAPI(
        title="roomsplat",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # ours is in routes/description.py
        redoc_url=None,
    )
    app.state.service = service
    app.state.logins = logins
    app.state.authenticator = authenticator_of(settings.auth, database.sessions, logins.browsers)
    install_problems(app)
    app.include_router(health.router)
    app.include_router(limits.router)
    app.include_router(description.router)
    app.include_router(session.router)
    app.include_router(login.router)
    counted = [Depends(rate_limited)]
    for router in USER_ROUTES:
        app.include_router(router, dependencies=counted, responses=EVERYWHERE)
    app.include_router(_resumable(service), dependencies=counted, responses=EVERYWHERE | OF_UPLOADS)
    app.include_router(page_router(site or Site()))
    _guard(app, settings, metrics)
    app.openapi = lambda: _openapi(app)  # FastAPI's documented way to extend the schema
    return app


def _guard(app: FastAPI, settings: ServerSettings, metrics: HttpMetrics) -> None:
    """What every request passes before any route; the last one added is the first one passed."""
    app.add_middleware(BodyLimit)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["ETag", "Content-Range", "Retry-After", *EXPOSED_HEADERS],
        )
    app.add_middleware(OriginGuard, origins=settings.cors_origins, loopback_only=settings.auth == "none")
    app.add_middleware(Counted, metrics=metrics)


def _resumable(service: Service) -> APIRouter:
    """Resumable uploads, which end in jobs as all others do."""

    def accept(upload: Upload, path: Path) -> str:
        return service.intake.accept(
            upload.owner_id, path, name=upload.name, config=upload.config, job_id=upload.id
        ).id

    idle_seconds = service.settings.upload_idle_seconds
    intake = service.intake
    return uploads_router(
        service.uploads, accept, intake.settle, seats=intake.seats, idle_seconds=idle_seconds
    )


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's description with our one kind of error."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        components = schema.setdefault("components", {}).setdefault("schemas", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        components.update(problem.pop("$defs", {}))
        components["Problem"] = problem
        components.pop("HTTPValidationError", None)
        components.pop("ValidationError", None)
        name = cast("Logins", app.state.logins).browsers.cookie_name
        cookie = {"type": "apiKey", "in": "cookie", "name": name, "description": COOKIE_MEANING}
        schema["components"]["securitySchemes"] = schemes = {**KEYS, "cookie": cookie}
        schema["security"] = [{name: []} for name in schemes]
        for path in WITHOUT_KEY:
            for operation in schema["paths"][path].values():
                operation["security"] = []
        app.openapi_schema = schema
    return app.openapi_schema
