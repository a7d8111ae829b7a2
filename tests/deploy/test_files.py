"""The files of ``deploy/``: they agree with each other and with the service. ``deploy/check`` runs their steps."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from roomsplat._version import __version__
from tests.deploy.laws import DEPLOY, ROOT, SETTINGS

KINDS = ("cpu", "cuda")
SCRIPTS = ("build.sh", "install.sh", "check", "runpod/start.sh")


def instructions(kind: str) -> list[tuple[str, str]]:
    """The instructions of a container file (by its kind or its path), continued lines joined, without comments."""
    text = (DEPLOY / (kind if "/" in kind else f"Containerfile.{kind}")).read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def last_stage(kind: str) -> list[tuple[str, str]]:
    """What ends up in the image."""
    found = instructions(kind)
    begins = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    return found[begins:]


@pytest.mark.parametrize("kind", KINDS)
def test_the_image_runs_as_nobody_special_and_is_watched(kind: str) -> None:
    """The image has a health check, and everything after the installation, the doctor too, runs as its own user."""
    stage = last_stage(kind)
    words = [word for word, _ in stage]
    user = words.index("USER")
    assert stage[user][1] not in {"root", "0"}
    assert words.count("USER") == 1
    assert "HEALTHCHECK" in words
    doctor = stage.index(("RUN", '["roomsplat", "doctor", "--strict"]'))
    assert doctor > user
    assert [word for word in words[doctor + 1 :] if word in {"RUN", "COPY", "ADD"}] == [], (
        "the last build step"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_image_has_no_compiler_and_starts_small(kind: str) -> None:
    """The last layer begins from a slim Debian and installs Python and certificates, nothing more."""
    stage = last_stage(kind)
    assert stage[0] == ("FROM", "debian:bookworm-slim")
    [installed] = [
        found[1].split()
        for _, rest in stage
        if (found := re.search(r"apt-get install --yes --no-install-recommends ([\w\s-]+)", rest))
    ]
    assert set(installed) == {"python3", "ca-certificates"}


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_is_copied_is_there_and_let_through(kind: str) -> None:
    """What the file copies exists, and ``.dockerignore`` lets it pass."""
    passed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = [
        source
        for word, rest in instructions(kind)
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source in passed


@pytest.mark.parametrize("kind", KINDS)
def test_the_locks_that_are_installed_exist(kind: str) -> None:
    """The container file installs by the script, from locks that are in requirements/."""
    [locks] = [
        rest.split()[2:] for word, rest in instructions(kind) if rest.startswith("deploy/install.sh /opt")
    ]
    assert "server" in locks
    assert [lock for lock in locks if not (ROOT / "requirements" / f"{lock}.lock").exists()] == []
    assert ("cuda" in locks) == (kind == "cuda")


def test_check_installs_what_the_container_files_install() -> None:
    """The proof uses the packages and the script of the container file."""
    check = (DEPLOY / "check").read_text("utf-8")
    build = next(rest for word, rest in instructions("cpu") if word == "RUN" and "python3-venv" in rest)
    found = re.search(r"--no-install-recommends ([\w\s-]+) &&", build)
    assert found
    assert " ".join(found[1].split()) in check
    assert "deploy/install.sh /opt/roomsplat server" in check


def test_the_containers_settings_are_settings() -> None:
    """The environment of the images names settings that exist."""
    for kind in KINDS:
        said = {name for _, rest in instructions(kind) for name in re.findall(r"(ROOMSPLAT_\w+)=", rest)}
        assert said
        assert said <= SETTINGS


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_scripts_are_programs(name: str) -> None:
    """Each is executable, stops at the first error and is valid for a plain POSIX shell."""
    path = DEPLOY / name
    assert path.stat().st_mode & stat.S_IXUSR
    assert "\nset -eu\n" in path.read_text("utf-8")
    shell = shutil.which("dash") or "/bin/sh"
    run = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree of its own, committed, as far as build.sh looks at it."""
    root = tmp_path / "tree"
    shutil.copytree(DEPLOY, root / "deploy")
    version = Path("src") / "roomsplat" / "_version.py"
    (root / version).parent.mkdir(parents=True)
    shutil.copyfile(ROOT / version, root / version)
    who = ("-c", "user.name=law", "-c", "user.email=law@example.org")
    for words in (["init", "--quiet"], ["add", "--all"], [*who, "commit", "--quiet", "--message", "all"]):
        subprocess.run(["git", *words], cwd=root, check=True)  # noqa: S607 - whichever git there is
    return root


def test_build_takes_what_it_says_and_nothing_else(tree: Path, tmp_path: Path) -> None:
    """A stand-in for docker gets file, tags, labels and, if asked for, the pushes; a wrong word ends in the usage."""
    heard = tmp_path / "heard"
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho "$@" >> {heard}\n')
    docker.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "IMAGE": "registry.example/splat"}

    def build(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(tree / "deploy" / "build.sh"), *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert build("cuda", "--push").returncode == 0
    built, *pushed = heard.read_text().splitlines()
    name = "registry.example/splat"
    assert built.startswith("build --platform linux/amd64 --file deploy/Containerfile.cuda ")
    assert f" --tag {name}:{__version__}-cuda --tag {name}:cuda ." in built
    assert re.search(r"image\.revision=[0-9a-f]{40} ", built)
    assert f"image.version={__version__} " in built
    assert pushed == [f"push {name}:{__version__}-cuda", f"push {name}:cuda"]
    heard.unlink()
    assert build("runpod").returncode == 0
    assert (
        f"--file deploy/runpod/Containerfile --build-arg BASE={name}:{__version__}-cuda " in heard.read_text()
    )
    for wrong in ([], ["gpu"], ["cpu", "--pull"]):
        assert build(*wrong).returncode == 2
    assert len(heard.read_text().splitlines()) == 1
    (tree / "src" / "new.py").touch()
    refused = build("cpu", "--push")
    assert (refused.returncode, "--dirty" in refused.stderr) == (1, True)
    (tree / "src" / "roomsplat" / "page").mkdir()
    unbuilt = build("cpu", "--dirty")
    assert (unbuilt.returncode, "make web" in unbuilt.stderr) == (1, True)
    (tree / "src" / "roomsplat" / "page").rmdir()
    assert build("cpu", "--dirty").returncode == 0
    assert re.search(r"image\.revision=[0-9a-f]{40}-dirty ", heard.read_text().splitlines()[1])


def test_install_without_words_says_how() -> None:
    """The installer refuses to guess where to and what."""
    run = subprocess.run([str(DEPLOY / "install.sh")], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "usage:" in run.stderr
