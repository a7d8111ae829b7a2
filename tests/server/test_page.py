"""The page in the service: at ``/``, beside the API and never before it."""

import runpy
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from roomsplat.page.site import POLICY, Site
from tests.server.api_server import Api, code_of, running_api

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service with a small page, which asks for keys, and which a page elsewhere may use."""
    page = tmp_path_factory.mktemp("page")
    (page / "assets").mkdir()
    (page / "index.html").write_text("<!doctype html><title>room</title>")
    (page / "assets" / "main-1.js").write_text("1;")
    # files with names of the API's: a build gone wrong must not hide the API
    (page / "api").mkdir()
    (page / "api" / "jobs.json").write_text("{}")
    storage = tmp_path_factory.mktemp("storage")
    with running_api(storage, site=Site(page), cors_origins=("https://page.example",)) as running:
        yield running


@pytest.fixture
def anybody(api: Api) -> httpx.Client:
    """A browser without a key."""
    return api.anybody()


@pytest.mark.parametrize("path", ["/", "/jobs", "/jobs/abc"])
def test_every_screen_is_the_page(anybody: httpx.Client, path: str) -> None:
    """A reload of any screen shows it again, without a key, under the strict policy."""
    answer = anybody.get(path)
    assert answer.status_code == 200
    assert "<title>room" in answer.text
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert anybody.head(path).headers["content-length"] == str(len(answer.content))


def test_the_api_keeps_its_addresses_and_errors(api: Api, anybody: httpx.Client) -> None:
    """Unknown addresses are problems, known ones ask for a key, and a wrong method is told apart, as without a page."""
    assert code_of(anybody.get("/api/jobs")) == (401, "unauthorized")
    assert code_of(api.ada.get("/api/nothing")) == (404, "not_found")
    assert code_of(anybody.get("/nothing")) == (404, "not_found")
    assert code_of(anybody.get("/assets/none.js")) == (404, "not_found")
    assert code_of(anybody.post("/")) == (405, "method_not_allowed")
    assert code_of(api.ada.put("/api/jobs")) == (405, "method_not_allowed")
    assert code_of(anybody.get("/static/models/x.ply")) == (401, "unauthorized")
    assert anybody.get("/health").json() == {"status": "healthy"}
    assert anybody.get("/openapi.json").json()["openapi"]


def test_assets_are_asked_for_once(anybody: httpx.Client) -> None:
    """A browser with the asset gets 304, and may keep it for ever."""
    first = anybody.get("/assets/main-1.js")
    assert "immutable" in first.headers["cache-control"]
    again = anybody.get("/assets/main-1.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_without_a_page_the_service_says_so(tmp_path: Path) -> None:
    """An installation without a built page tells people how to get one; programs notice nothing."""
    with running_api(tmp_path / "storage", site=Site(tmp_path / "nothing")) as api:
        answer = api.anybody().get("/")
        assert answer.status_code == 404
        assert "make web" in answer.text
        assert api.ada.get("/api/jobs").status_code == 200


def test_the_limits_are_the_settings(api: Api, anybody: httpx.Client) -> None:
    """A page can refuse a file before it is sent."""
    said = anybody.get("/api/limits").json()
    settings = api.service.settings
    assert said["max_upload_bytes"] == settings.max_upload_bytes
    assert said["max_video_seconds"] == settings.max_video_seconds
    assert said["max_frames"] == settings.max_frames
    assert said["suffixes"] == [".mp4", ".mov", ".mkv", ".webm"]


def test_a_page_elsewhere_may_do_what_ours_does(api: Api) -> None:
    """Cross-origin: tus headers, event streams from where they stopped, and the CSRF header are let through."""
    headers = {
        "Origin": "https://page.example",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, content-type, last-event-id, tus-resumable, upload-length, "
        "upload-metadata, upload-offset, x-csrf-token",
    }
    asked = api.anybody().options("/api/uploads", headers=headers)
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == "https://page.example"
    allowed = asked.headers["access-control-allow-headers"].lower()
    assert all(
        name in allowed for name in ("tus-resumable", "upload-offset", "last-event-id", "x-csrf-token")
    )
    assert "PATCH" in asked.headers["access-control-allow-methods"]
    created = api.ada.post(
        "/api/uploads",
        headers={"Origin": "https://page.example", "Tus-Resumable": "1.0.0", "Upload-Length": "10"},
    )
    assert created.status_code == 201
    exposed = created.headers["access-control-expose-headers"]
    assert all(name in exposed for name in ("Location", "Upload-Offset", "Roomsplat-Job-Id", "ETag"))
    elsewhere = api.anybody().options("/api/uploads", headers={**headers, "Origin": "https://other.example"})
    assert "access-control-allow-origin" not in elsewhere.headers


def test_the_pages_types_are_made_from_this_service() -> None:
    """``web/openapi.json`` is what the service says; after a change run `make docs`."""
    script = runpy.run_path(str(ROOT / "docs" / "write_openapi.py"))
    assert script["FILE"].read_text("utf-8") == script["description"](), (
        "out of date: run `make docs` and commit"
    )
