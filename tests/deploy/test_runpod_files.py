"""RunPod's image and templates: they agree with the service, with the locks and with each other."""

import json
import re

import pytest

from roomsplat._version import __version__
from tests.deploy.laws import DEPLOY, ROOT, SETTINGS
from tests.deploy.test_files import instructions, last_stage

FOLDER = DEPLOY / "runpod"
CONTAINERFILE = "runpod/Containerfile"


def pins(lock: str) -> dict[str, str]:
    """Name and version of what a lock names."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE))


def test_the_image_is_the_gpu_image_and_locked_libraries() -> None:
    """Nothing is installed by name: pip takes the lock with its hashes, and everything else is the GPU image's."""
    found = instructions(CONTAINERFILE)
    installs = [rest for word, rest in found if word == "RUN" and " install " in rest and "pip" in rest]
    [libraries] = [rest for rest in installs if "requirements.lock" in rest]
    assert "--require-hashes --only-binary :all: -r /src/requirements.lock" in re.sub(r"\s+", " ", libraries)
    assert found[0] == ("ARG", "BASE=roomsplat:cuda")
    assert ("FROM", "${BASE} AS roomsplat") in found
    assert last_stage(CONTAINERFILE)[0] == ("FROM", "debian:bookworm-slim")


def test_its_libraries_are_those_of_the_service() -> None:
    """A library that the service has as well has the same version, so that one environment holds both."""
    ours = pins("deploy/runpod/requirements.lock")
    assert "runpod" in ours
    for lock in ("requirements/server.lock", "requirements/cuda.lock"):
        shared = pins(lock).keys() & ours.keys()
        assert {name: ours[name] for name in shared} == {name: pins(lock)[name] for name in shared}, (
            "run: make lock"
        )
    text = (FOLDER / "requirements.lock").read_text("utf-8")
    assert "://" not in text
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    assert all("--hash=sha256:" in block for block in blocks if block[0] != "#")


def test_everything_that_is_copied_is_there_and_let_through() -> None:
    """Every module of the handler is in the image, and ``.dockerignore`` lets it pass."""
    passed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = {
        source
        for word, rest in instructions(CONTAINERFILE)
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert {f"deploy/runpod/{path.name}" for path in FOLDER.glob("*.py")} <= copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source in passed


def test_the_last_step_is_the_doctor_as_the_user_of_the_image() -> None:
    """The image begins as root; its start hands everything but sshd to the user, and so its check runs, too."""
    stage = last_stage(CONTAINERFILE)
    steps = [step for step in stage if step[0] in {"RUN", "COPY", "ADD"}]
    assert steps[-1] == ("RUN", '["/opt/serverless/start.sh", "check"]')
    start = (FOLDER / "start.sh").read_text("utf-8")
    assert "exec roomsplat doctor --strict" in start
    assert "setpriv --reuid=roomsplat --regid=roomsplat --init-groups" in start
    assert "--no-new-privs" in start
    assert [line for line in start.splitlines() if line.strip().startswith("exec ")] == ['exec "$@"']


@pytest.mark.parametrize("name", ["template.json", "template.serverless.json"])
def test_the_templates_say_what_the_image_does(name: str) -> None:
    """Version, command and settings are the image's; a key is a reference to a secret, never a value."""
    template = json.loads((FOLDER / name).read_text("utf-8"))
    assert template["imageName"].endswith(f"/roomsplat:{__version__}-runpod")
    [command] = template["dockerStartCmd"]
    assert f"\n  {command}) " in (FOLDER / "start.sh").read_text("utf-8")
    keys = {variable for variable in template["env"] if variable.startswith("AWS_")}
    assert set(template["env"]) - keys <= SETTINGS
    assert all(re.fullmatch(r"\{\{ RUNPOD_SECRET_\w+ \}\}", template["env"][key]) for key in keys)


def test_the_pod_is_as_users_of_the_older_recipe_know_it() -> None:
    """HTTP on 8000, SSH on 22, the volume at /app/storage."""
    template = json.loads((FOLDER / "template.json").read_text("utf-8"))
    assert template["ports"] == ["8000/http", "22/tcp"]
    assert ("EXPOSE", "8000 22") in last_stage(CONTAINERFILE)
    assert template["volumeMountPath"] == "/app/storage"
    assert ("VOLUME", "/app/storage") in last_stage(CONTAINERFILE)
