"""Write ``web/openapi.json``, which the page's types are made from: ``make docs``. A law compares."""

import json
import tempfile
from pathlib import Path

from roomsplat.server.app import create_app
from roomsplat.server.settings import ServerSettings

FILE = Path(__file__).resolve().parents[1] / "web" / "openapi.json"


def description() -> str:
    """What the service says about itself, as JSON text; its version is left out, which changes without the API."""
    with tempfile.TemporaryDirectory() as storage:
        app = create_app(ServerSettings(storage=Path(storage), database_url=None, auth="none"))
        described = app.openapi()
        app.state.service.database.dispose()
    described["info"]["version"] = "0"
    return json.dumps(described, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(description(), encoding="utf-8")
