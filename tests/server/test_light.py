"""The API's process stays light: it decodes nothing and computes nothing."""

import subprocess
import sys
from pathlib import Path

HEAVY = ("numpy", "numba", "llvmlite", "av", "pycolmap", "cupy", "scipy", "PIL", "trimesh")

SCRIPT = f"""
import sys
from pathlib import Path
from roomsplat.server.app import create_app
from roomsplat.server.settings import ServerSettings
app = create_app(ServerSettings(storage=Path(sys.argv[1])))
app.openapi()
print(*[name for name in {HEAVY!r} if name in sys.modules])
"""


def test_the_api_loads_no_numeric_package(tmp_path: Path) -> None:
    """Making the whole app, its description included, imports none of the packages that see pixels."""
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert run.stdout.split() == []
