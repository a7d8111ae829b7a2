"""The description of the API is true: what schemathesis makes of it is answered as described, and never with a 5xx."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi.routing import iter_route_contexts
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from roomsplat.page.site import Site
from roomsplat.server.routes.page import VIEWS
from tests.server.api_server import Api, running_api

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

UNDESCRIBED = {
    *("GET /openapi.json", "HEAD /openapi.json", "GET /docs", "GET /docs/{name}"),  # the description itself
    *("HEAD /static/models/{job_id}.ply", "HEAD /api/jobs/{job_id}/files/{name}"),  # as GET, without the file
    "POST /api/uploads/{upload_id}",  # tus for clients that can only post: X-HTTP-Method-Override names the method
}
"""What the description leaves out."""

PAGE = {
    f"{method} {path}"
    for path in (*VIEWS, *(f"/{name}" for name in Site().names))
    for method in ("GET", "HEAD")
}
"""The page is for people: tests/server/test_page.py and web/e2e hold its laws."""

EXAMPLES = 6
"""Requests of each operation: enough to reach every kind of parameter, few enough for every run of the tests."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service with a job in each end state."""
    with running_api(tmp_path_factory.mktemp("storage"), max_webhooks_per_user=0) as running:
        running.completed(files={"models/ID.ply": b"ply", "models/ID/scene.ply": b"ply"})
        yield running


@pytest.fixture(scope="module")
def described(api: Api) -> dict[str, Any]:
    """The description as clients get it."""
    return api.anybody().get("/openapi.json").json()


def test_schemathesis_finds_nothing(api: Api, described: dict[str, Any]) -> None:
    """Whatever the description allows is answered as it says, in the kind and form that it says, and never by a 5xx."""
    schema = schemathesis.openapi.from_dict(described)
    tried: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            answer = case.call(base_url=api.address, headers=dict(api.ada.headers), timeout=20)
            if answer.status_code == 503 and case.path == "/ready":
                return  # no worker runs here, and that is what it says
            case.validate_response(answer, checks=CHECKS)

        ask()
        tried.append(operation.label)
    assert set(tried) == routes(api) - UNDESCRIBED
    assert api.ada.get("/api/jobs").status_code == 200


def routes(api: Api) -> set[str]:
    """Every method of every address that the running app answers, as the app itself has them, but the page's."""
    found = [route for route in iter_route_contexts(api.app.routes) if route.path]
    return {
        f"{method} {(route.path or '').replace(':path', '')}"
        for route in found
        for method in route.methods or ()
    } - PAGE


def test_what_is_not_described_is_known(api: Api) -> None:
    """Nothing is served that neither the description names nor this list, and each of these does no harm."""
    described = api.anybody().get("/openapi.json").json()["paths"]
    named = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods}
    assert routes(api) - named == UNDESCRIBED
    for label in UNDESCRIBED:
        method, path = label.split(" ", 1)
        for text in ("x", "A" * 22, "%00", "..", "é" * 500):
            answer = api.ada.request(
                method, re.sub(r"\{.*?\}", text, path), headers={"Tus-Resumable": "1.0.0"}
            )
            assert answer.status_code < 500, label


def test_every_error_is_a_problem(described: dict[str, Any]) -> None:
    """Each described error has the one form of our errors, and every operation has a sentence of its own."""
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            place = f"{method} {path}"
            assert operation["description"], place
            for status, answer in operation["responses"].items():
                if status.startswith(("4", "5")) and path != "/ready":
                    assert list(answer["content"]) == ["application/problem+json"], place
    problem = described["components"]["schemas"]["Problem"]
    assert {"type", "title", "status", "code", "detail", "hint"} <= set(problem["required"])


def test_the_description_names_the_keys(described: dict[str, Any]) -> None:
    """A generated client knows how to send a key, and that health needs none."""
    assert set(described["components"]["securitySchemes"]) == {"bearer", "header", "cookie"}
    assert described["paths"]["/health"]["get"]["security"] == []
    assert described["security"]
