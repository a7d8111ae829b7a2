"""RunPod's serverless worker: its requests run the ordinary pipeline, and end as the service's jobs end."""

import asyncio
import base64
import functools
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.runpod import handler as serverless
from deploy.runpod import results
from deploy.runpod.fetch import fetch_video
from deploy.runpod.handler import Request, make_handler
from deploy.runpod.results import deliver
from roomsplat.core.scene import SplatScene
from roomsplat.errors import DeviceLostError
from roomsplat.formats.scene_files import write_scene
from roomsplat.server.files import LocalFileStore
from roomsplat.server.settings import ServerSettings
from tests.capture import films
from tests.deploy.web import serving
from tests.formats.samples import make_gaussians

FAKE = Path(__file__).parents[1] / "server" / "fake_pipeline.py"
# The fake finds its wishes in the settings of the job, where the real settings have no place for them.
RUN_FAKE = """
import json, runpy, sys
wishes = sys.argv.pop(1)
place = sys.argv[sys.argv.index("--config") + 1]
assert json.load(open(place))["train"], "the settings of a job"
open(place, "w").write(wishes)
sys.argv[0] = sys.argv.pop(1)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class RunPod:
    """RunPod's side of a request, as far as a handler sees it (runpod 1.12)."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def progress_update(self, job: Mapping[str, Any], progress: Any) -> None:
        """The real one sends this in a thread of its own; what cannot be JSON would fail there."""
        assert job["id"]
        self.told.append(json.loads(json.dumps(progress)))

    def finish(self, output: dict[str, Any]) -> dict[str, Any]:
        """What RunPod makes of an answer: its ``error`` (a text) and ``refresh_worker`` are taken out."""
        json.dumps(output)
        error, fresh = output.pop("error", None), output.pop("refresh_worker", None)
        assert error is None or isinstance(error, str)
        return {"output": output, "error": error and json.loads(error), "stopPod": bool(fresh)}


@pytest.fixture(scope="module")
def film() -> bytes:
    """A small film that the probe takes."""
    with tempfile.TemporaryDirectory() as folder:
        place = films.write_film(Path(folder) / "film.mp4", films.moving_pictures(12, 96, 64))
        return place.read_bytes()


def settings(storage: Path, **wishes: object) -> ServerSettings:
    """A worker with the fake pipeline, which does as it is wished."""
    command = (sys.executable, "-c", RUN_FAKE, json.dumps(wishes), str(FAKE))
    return ServerSettings(storage=storage, pipeline_command=command, cancel_seconds=5)


def run(place: ServerSettings, asked: object) -> tuple[dict[str, Any], RunPod]:
    """One request, as RunPod runs it."""
    runpod = RunPod()
    handler = make_handler(place, runpod.progress_update)
    answer = asyncio.run(handler({"id": "a1b2-u1", "input": asked}))
    return runpod.finish(answer), runpod


def inline(film: bytes) -> dict[str, Any]:
    """An input with the film in it."""
    return {"video_base64": base64.b64encode(film).decode()}


def test_a_request_is_a_run_of_the_pipeline(film: bytes, tmp_path: Path) -> None:
    """The answer holds figures and scene, every stage was told in order without a path, and nothing is left behind."""
    answer, runpod = run(settings(tmp_path, name="inline"), inline(film) | {"config": {"quality": "preview"}})
    assert answer["error"] is None
    output = answer["output"]
    assert output["status"] == "completed"
    assert output["counts"]["gaussians"] == 7
    assert set(output["timings"]) == {"capture", "sfm", "train", "export"}
    assert base64.b64decode(output["files"]["scene.ply"]) == b"ply of inline"
    stages = list(dict.fromkeys(told["stage"] for told in runpod.told if told["stage"]))
    assert stages == ["capture", "sfm", "train", "export"]
    progress = [told["progress"] for told in runpod.told]
    assert progress == sorted(progress)
    assert str(tmp_path) not in json.dumps(runpod.told)
    assert list(tmp_path.iterdir()) == []


def test_a_video_comes_from_its_address(film: bytes, tmp_path: Path) -> None:
    """With video_url the worker fetches the film itself; from an inner address it does not."""
    with serving(film) as port:
        asked = {"video_url": f"http://127.0.0.1:{port}/film"}
        refused, _ = run(settings(tmp_path), asked)
        assert refused["error"]["code"] == "video_url_refused"
        trusting = functools.partial(fetch_video, allow_internal=True)
        answer = Request(
            {"id": "x", "input": asked}, settings(tmp_path), RunPod().progress_update, fetch=trusting
        )
        assert answer.answer()["status"] == "completed"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (None, "invalid_request"),
        ({}, "invalid_request"),
        ({"video_url": "https://a.example/", "video_base64": ""}, "invalid_request"),
        ({"video_url": 3}, "invalid_request"),
        ({"video_base64": "no base64!"}, "invalid_request"),
        ({"video_base64": "", "quality": "high"}, "invalid_request"),
        ({"video_base64": "A" * (serverless.MAX_INLINE_BYTES * 4 // 3 + 8)}, "input_too_large"),
        ({"video_base64": base64.b64encode(b"a text, no film").decode()}, "unsupported_file"),
    ],
)
def test_a_wrong_request_is_one_sentence(asked: object, code: str, tmp_path: Path) -> None:
    """Whatever is wrong with the input ends in code, message and hint, before any pipeline runs."""
    answer, runpod = run(settings(tmp_path), asked)
    assert answer["error"]["code"] == code
    assert set(answer["error"]) == {"code", "message", "hint"}
    assert answer["error"]["message"].endswith(".")
    assert (answer["output"], runpod.told, answer["stopPod"]) == ({}, [], False)


def test_wrong_settings_are_refused(film: bytes, tmp_path: Path) -> None:
    """The settings of a request are checked as a job's are."""
    answer, _ = run(settings(tmp_path), inline(film) | {"config": {"quality": "best"}})
    assert answer["error"]["code"] == "invalid_setting"


@pytest.mark.parametrize(
    ("wishes", "code"),
    [
        ({"error": "sfm"}, "registration_failed"),
        ({"die": ["train", "SIGSEGV"]}, "pipeline_crashed"),
        ({"die": ["train", "SIGKILL"]}, "out_of_memory"),
    ],
)
def test_a_failed_pipeline_fails_as_a_job_does(
    wishes: dict[str, object], code: str, film: bytes, tmp_path: Path
) -> None:
    """The pipeline's own error, or what its end means, is the error of the request."""
    answer, _ = run(settings(tmp_path, **wishes), inline(film))
    assert answer["error"]["code"] == code
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code", "fresh"),
    [
        (AssertionError("a secret"), "internal_error", False),
        (OSError(28, "No space left on device", "/a/secret"), "output_not_writable", False),
        (DeviceLostError("GPU 0 is gone.", hint="Again."), "gpu_lost", True),
    ],
)
def test_the_unforeseen_says_nothing_of_the_inside(
    error: Exception, code: str, fresh: bool, tmp_path: Path
) -> None:
    """A bug and a full disk end in a sentence without names and places; a lost GPU asks for a fresh worker."""

    def broken(*_words: object, **_more: object) -> None:
        raise error

    asked = {"video_url": "https://film.example/"}
    request = Request({"id": "x", "input": asked}, settings(tmp_path), RunPod().progress_update, fetch=broken)
    answer = RunPod().finish(request.answer())
    assert answer["error"]["code"] == code
    assert "secret" not in json.dumps(answer)
    assert answer["stopPod"] == fresh


def test_a_cancelled_request_frees_the_device(film: bytes, tmp_path: Path) -> None:
    """When RunPod cancels the task, the pipeline and everything of the request is gone soon after."""
    runpod = RunPod()

    async def scenario() -> None:
        job = {"id": "a1", "input": inline(film)}
        handler = make_handler(settings(tmp_path, seconds={"train": 120}), runpod.progress_update)
        task = asyncio.create_task(handler(job))
        while not any(told["stage"] == "train" for told in runpod.told):
            assert not task.done(), task.result()
            await asyncio.sleep(0.05)
        assert processes_of(tmp_path)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())  # waits for the thread, as RunPod's own loop goes on
    until = time.monotonic() + 30
    while processes_of(tmp_path) or list(tmp_path.iterdir()):
        assert time.monotonic() < until
        time.sleep(0.05)


def processes_of(storage: Path) -> list[str]:
    """The processes whose words name this folder."""
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(storage).encode() in words:
                found.append(entry.name)
    return found


def test_the_results_go_into_the_bucket(film: bytes, tmp_path: Path) -> None:
    """With a store every file of the result is in it, under the request's name, and the answer lists them."""
    store = LocalFileStore(tmp_path / "bucket")
    place = settings(tmp_path / "scratch").model_copy(update={"bucket": "splats", "bucket_prefix": "here"})
    handler = make_handler(place, RunPod().progress_update, store)
    output = asyncio.run(handler({"id": "a1b2-u1", "input": inline(film)}))
    assert (output["bucket"], output["prefix"]) == ("splats", "here/serverless/a1b2-u1")
    assert output["files"].keys() >= {"scene.ply"}
    stored = store.list_files("serverless/a1b2-u1")
    assert stored == [f"serverless/a1b2-u1/{name}" for name in sorted(output["files"])]
    assert not any("/work/" in name for name in stored)


def test_without_a_bucket_the_scene_comes_as_far_as_it_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is, or else as .splat; small files come along while there is room; one that never fits is an error."""
    place, out = ServerSettings(storage=tmp_path), tmp_path / "out"
    out.mkdir()
    write_scene(out / "scene.ply", SplatScene(gaussians=make_gaussians(100, degree=3)))
    (out / "preview.png").write_bytes(bytes(results.MAX_ANSWER_BYTES))
    (out / "run.json").write_text("{}")
    assert set(deliver(None, place, "x", out)["files"]) == {"scene.ply", "run.json"}
    monkeypatch.setattr(results, "MAX_ANSWER_BYTES", 4000)
    files = deliver(None, place, "x", out)["files"]
    assert set(files) == {"scene.splat", "run.json"}
    assert len(base64.b64decode(files["scene.splat"])) == 100 * 32
    monkeypatch.setattr(results, "MAX_ANSWER_BYTES", 3000)
    with pytest.raises(results.ResultTooLargeError):
        deliver(None, place, "x", out)


def test_runpods_library_is_loaded_by_main_only() -> None:
    """The logic runs, and these laws with it, where the library is not installed."""
    assert "runpod" not in sys.modules
