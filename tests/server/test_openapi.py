"""The description of the API is true: what schemathesis makes of it is answered as described, and never with a 5xx."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.server.api_server import Api, running_api

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

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
    assert len(tried) >= 20
    assert api.ada.get("/api/jobs").status_code == 200


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
    assert set(described["components"]["securitySchemes"]) == {"bearer", "header"}
    assert described["paths"]["/health"]["get"]["security"] == []
    assert described["security"]
