"""The public names are what they say, whatever else was imported."""

import subprocess
import sys


def test_render_is_the_function_whatever_is_imported_later() -> None:
    """``roomsplat.render`` stays the public function although a sub-package has the same name."""
    script = (
        "import roomsplat; first = roomsplat.render; assert callable(first), first;"
        "from roomsplat.render.engines import select_engine; from roomsplat.render.view import render_view;"
        "assert roomsplat.render is first, roomsplat.render"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_public_names_exist() -> None:
    """Every name of ``__all__`` can be imported, and importing them loads no numerics."""
    script = (
        "import sys, roomsplat; missing = [n for n in roomsplat.__all__ if not hasattr(roomsplat, n)];"
        "heavy = [n for n in ('numpy', 'numba', 'pycolmap', 'av') if n in sys.modules]; print(missing + heavy)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
