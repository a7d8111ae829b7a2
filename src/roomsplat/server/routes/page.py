"""The page at ``/``: its files, and its own addresses. What belongs to the API is never answered here."""

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from roomsplat.page.site import Answer, Site

VIEWS = ("/", "/jobs", "/jobs/{job_id}", "/sign-in", "/view")
"""Addresses of the page's own screens: each is index.html, which looks at the address itself."""


def page_router(site: Site) -> APIRouter:
    """Routes for every file of the page and each of its screens, and no others: the API keeps its own 404 and 405."""
    router = APIRouter(include_in_schema=False)

    def screen(request: Request) -> Response:
        found = site.answer("index.html", request.headers)
        return _response(request, found or site.not_built())

    def file(request: Request) -> Response:
        found = site.answer(request.url.path.removeprefix("/"), request.headers)
        if found is None:
            raise HTTPException(404, "The page has no such file.")
        return _response(request, found)

    for path in VIEWS if site.built else VIEWS[:1]:
        router.add_api_route(path, screen, methods=["GET", "HEAD"])
    for name in site.names:
        router.add_api_route(f"/{name}", file, methods=["GET", "HEAD"])
    return router


def _response(request: Request, answer: Answer) -> Response:
    body = b"" if request.method == "HEAD" else answer.body
    length = {} if answer.status == 304 else {"Content-Length": str(len(answer.body))}
    return Response(body, answer.status, {**answer.headers, **length})
