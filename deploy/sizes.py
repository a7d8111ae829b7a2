"""What the images hold: the size of every locked library, as a wheel and unpacked, into ``deploy/sizes.tsv``.

``python deploy/sizes.py`` downloads the wheels that the container files install (500 MB), and needs no container.
Run it when a lock got a library that the table does not know: ``tests/deploy`` says so, and holds the sum under its
limit.
"""

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "deploy" / "sizes.tsv"
LOCKS = ("requirements/server.lock", "requirements/cuda.lock", "deploy/runpod/requirements.lock")


def main() -> None:
    """Measure and write."""
    rows: dict[str, str] = {}
    for lock in LOCKS:
        with tempfile.TemporaryDirectory() as folder:
            options = ["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--dest", folder]
            command = [sys.executable, "-m", "pip", "download", *options, "-r", str(ROOT / lock)]
            subprocess.run(command, check=True)  # noqa: S603 - pip, with our own lock
            for wheel in sorted(Path(folder).iterdir()):
                name, version = wheel.name.split("-")[:2]
                packed = wheel.stat().st_size
                with zipfile.ZipFile(wheel) as archive:
                    unpacked = sum(item.file_size for item in archive.infolist())
                name = re.sub(r"[-_.]+", "-", name).lower()
                rows[name] = f"{name}\t{version}\t{packed}\t{unpacked}"
    lines = [
        "# library, version, bytes of its wheel for linux/amd64 and Python 3.11, bytes unpacked (deploy/sizes.py)"
    ]
    TABLE.write_text("\n".join([*lines, *(rows[name] for name in sorted(rows)), ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
