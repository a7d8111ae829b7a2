"""``/docs``: everything of it comes from this service, and the browser is told to load nothing else."""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from roomsplat.server.routes.description import FILES
from tests.server.api_server import Api, code_of, running_api

SWAGGER_UI_DIST = {
    "swagger-ui-bundle.js": "3f6abf70480db7e07914df4c98a77385f22ea585eaf457a3e6415ba0eae2d167",
    "swagger-ui.css": "c3cfe8248c4b0b89673600fb829924eafbac6de4bc4b2b06f5f5243483074d0a",
}
"""SHA-256 of the files in npm's ``swagger-ui-dist`` 5.34.0 (``npm pack swagger-ui-dist@VERSION`` gets another)."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A service."""
    with running_api(tmp_path_factory.mktemp("storage"), auth="none") as running:
        yield running


def test_every_part_of_the_page_is_here(api: Api) -> None:
    """The page names files of this service only, each is there, and its policy lets a browser load no others."""
    page = api.anybody().get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    named = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    parts = [name for name in named if not name.startswith("data:")]
    assert len(parts) >= 4
    for name in parts:
        assert "//" not in name
        answer = api.anybody().get(f"/{name}")
        assert (answer.status_code, answer.headers["x-content-type-options"]) == (200, "nosniff"), name
        assert answer.content
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert not re.search(r"https?:|\*|script-src[^;]*unsafe", policy)


def test_its_files_are_swagger_uis_own() -> None:
    """The package that brings Swagger UI brings the files that its makers published, byte for byte."""
    folder = resources.files("fastapi_swagger.resources")
    found = {name: hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest() for name in FILES}
    assert found == SWAGGER_UI_DIST


def test_nothing_else_is_there(api: Api) -> None:
    """Other names below it are no files, and the second page that FastAPI makes (from another host) is off."""
    for path in ("/docs/x.js", "/docs/..%2fapp.py", "/docs/oauth2-redirect", "/redoc"):
        assert code_of(api.anybody().get(path)) == (404, "not_found")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on this machine")
def test_a_browser_shows_it(api: Api, tmp_path: Path) -> None:
    """Under its policy the page lists the routes in a real browser, and the browser refuses nothing of it."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    command += ["--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom", f"{api.address}/docs"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "/api/jobs/upload" in run.stdout
    assert "Content Security Policy" not in run.stderr
