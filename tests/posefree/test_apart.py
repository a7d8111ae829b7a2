"""COLMAP stays out of the process of the run."""

import subprocess
import sys


def test_the_line_does_not_load_colmap() -> None:
    """It takes over signals (a polite kill was a crash) and zlib's symbols: only processes of their own import it."""
    code = "import sys, roomsplat.pipeline.run; sys.exit('pycolmap' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
