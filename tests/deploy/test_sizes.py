"""How large the images are, by the wheels that their locks name (``deploy/sizes.py`` measured them)."""

import re

import pytest
from packaging.markers import Marker

from tests.deploy.laws import DEPLOY, ROOT

DEBIAN_BYTES = 182_000_000
"""debootstrap's minimal Debian 12 with Python and certificates (deploy/README.md)."""
OURS_AND_COMPILED = 0.15
"""Our own package and the bytecode that pip writes, as a share of what is unpacked."""
LIMIT_BYTES = 3_000_000_000
LOCKS = {
    "cpu": ("requirements/server.lock",),
    "cuda": ("requirements/server.lock", "requirements/cuda.lock"),
    "runpod": (
        "requirements/server.lock",
        "requirements/cuda.lock",
        "deploy/runpod/requirements.lock",
    ),
}


def pins(lock: str) -> dict[str, str]:
    """Name and version of what a lock installs in an image."""
    found = re.findall(
        r"^([a-z0-9-]+)==(\S+)(?: ; (.+?))? \\$", (ROOT / lock).read_text("utf-8"), re.MULTILINE
    )
    here = {"platform_machine": "x86_64", "sys_platform": "linux", "python_version": "3.11"}
    return {name: version for name, version, marker in found if not marker or Marker(marker).evaluate(here)}


def measured() -> dict[str, tuple[int, int]]:
    """Bytes of each library, as a wheel and unpacked."""
    lines = (DEPLOY / "sizes.tsv").read_text("utf-8").splitlines()[1:]
    return {line.split("\t")[0]: (int(line.split("\t")[2]), int(line.split("\t")[3])) for line in lines}


@pytest.mark.parametrize("kind", LOCKS)
def test_an_image_stays_under_its_limit(kind: str) -> None:
    """Every library of the image was measured, and all of them with Debian make at most 3 GB."""
    sizes = measured()
    names = {name for lock in LOCKS[kind] for name in pins(lock)}
    assert len(names) > 40, "the pins are not read"
    assert sorted(names - sizes.keys()) == [], "run: .venv/bin/python deploy/sizes.py"
    unpacked = sum(sizes[name][1] for name in names)
    assert DEBIAN_BYTES + unpacked * (1 + OURS_AND_COMPILED) <= LIMIT_BYTES
    page = (DEPLOY / "README.md").read_text("utf-8")
    written = re.search(rf"^\| {kind} \| ([\d,]+) MB \| ([\d,]+) MB \|", page, re.MULTILINE)
    assert written, f"README.md has no figure for {kind}"
    said = [int(figure.replace(",", "")) for figure in written.groups()]
    wheels = sum(sizes[name][0] for name in names)
    assert said == pytest.approx([wheels / 1e6, unpacked / 1e6], rel=0.02), "README.md says otherwise"


def test_the_table_is_of_the_versions_that_are_locked() -> None:
    """Nearly: a new version of a library hardly changes its size, so a few may differ until it is measured again."""
    rows = [line.split("\t") for line in (DEPLOY / "sizes.tsv").read_text("utf-8").splitlines()[1:]]
    table = {name: version for name, version, *_ in rows}
    locked = {name: version for lock in LOCKS["runpod"] for name, version in pins(lock).items()}
    assert set(table) == set(locked), "run: .venv/bin/python deploy/sizes.py"
    other = [name for name in locked if table[name] != locked[name]]
    assert len(other) <= len(locked) / 4, "run: .venv/bin/python deploy/sizes.py"
