"""``docs/http-api.md`` says what the service does."""

import re
from pathlib import Path

from roomsplat.server.app import create_app
from roomsplat.server.problems import STATUS_OF_CODE
from roomsplat.server.settings import ServerSettings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "http-api.md").read_text("utf-8")

UNSAID = {"PIPELINE_COMMAND": "its default is this computer's Python"}


def test_every_route_stands_on_the_page(tmp_path: Path) -> None:
    """Each method of each address that the app describes is named, and no address that it has not."""
    paths = create_app(ServerSettings(storage=tmp_path)).openapi()["paths"]
    resumable = {path for path in paths if path.startswith("/api/uploads")}
    for path, methods in paths.items():
        for method in methods:
            if path in resumable:
                assert f"`{method.upper()}`" in PAGE.split("### Resumable uploads")[1], f"{method} {path}"
            else:
                name = re.escape(path).replace(re.escape(":path"), "")
                assert re.search(rf"`{method.upper()} {name}`", PAGE), f"{method.upper()} {path}"
    named = re.findall(r"`(?:GET|POST|DELETE) (/[^`\s]+)`", PAGE)
    assert set(named) <= {path.replace(":path", "") for path in paths}


def test_every_code_stands_on_the_page_with_its_status() -> None:
    """A program that reads the page knows every code that the API maps to a status."""
    table = PAGE.split("## Errors")[1].split("## Being told")[0]
    rows = re.findall(r"^\| (\d{3}) \| ([^|]+) \|", table, re.MULTILINE)
    said = {(code, int(status)) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    assert set(STATUS_OF_CODE.items()) <= said


def test_every_setting_stands_on_the_page_with_its_default() -> None:
    """The table of settings is the settings."""
    table = PAGE.split("## Limits and settings")[1]
    said = dict(re.findall(r"^\| `ROOMSPLAT_(\w+)` \| ([^|]*) \|", table, re.MULTILINE))
    fields = ServerSettings.model_fields
    assert set(said) == {name.upper() for name in fields}
    for name, field in fields.items():
        if name.upper() not in UNSAID:
            assert said[name.upper()] == shown(field.default), name


def shown(default: object) -> str:
    """A default as the page writes it."""
    if default is None or default == ():
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"
