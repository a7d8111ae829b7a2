"""RunPod's serverless worker: one request is one run of the ordinary pipeline.

The input of a request is ``{"video_url": "https://…"}`` or ``{"video_base64": "…"}``, and if you like ``"config"``, any
part of the pipeline's settings. A finished request tells its figures and where its files are in the bucket; without a
bucket its files come back in the answer, as far as they are small. A failed one has as its ``error`` the JSON text of
``{"code", "message", "hint"}``, as a job of the service has. README.md beside this file says how to set it up.
"""

import asyncio
import base64
import binascii
import json
import logging
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from deploy.runpod.fetch import fetch_video
from deploy.runpod.results import deliver
from roomsplat.errors import InputTooLargeError, InterruptedRunError, OutputError, RoomsplatError
from roomsplat.server.child import PipelineChild
from roomsplat.server.endings import error_of
from roomsplat.server.files import FileStore
from roomsplat.server.probe import ProbeLimits, Prober
from roomsplat.server.problems import InvalidRequestError
from roomsplat.server.progress import Progress
from roomsplat.server.records import JobError
from roomsplat.server.settings import ServerSettings
from roomsplat.server.stores import open_store

log = logging.getLogger("roomsplat.serverless")

Tell = Callable[[Mapping[str, Any], Any], None]
"""RunPod's ``progress_update(job, progress)``."""

MAX_INLINE_BYTES = 7 * 1024 * 1024
"""A video inside the request: RunPod takes requests of 10 MB, and base64 makes a third more of it."""
DOWNLOAD_SECONDS = 900.0
CHILD_SECONDS = 60.0
"""The pipeline ends when this process has not been heard of for so long."""
SECONDS_BETWEEN_TELLS = 2.0
TICK = 0.2

_ASKED = frozenset({"video_url", "video_base64", "config"})
_HINT = "Send {'video_url': 'https://…'} or {'video_base64': '…'}, and 'config' with settings if you like."
_BUG = JobError(
    code="internal_error",
    message="The worker failed by a bug of ours.",
    hint="Try again; if it fails once more, please report it with the worker's log.",
)
_FRESH_WORKER = frozenset({"gpu_lost"})
"""After these errors this worker's device is of no use to the next request."""


class Request:
    """One request of RunPod's: from its input to its answer."""

    def __init__(
        self,
        job: Mapping[str, Any],
        settings: ServerSettings,
        tell: Tell,
        *,
        store: FileStore | None = None,
        stop: threading.Event | None = None,
        fetch: Callable[..., None] = fetch_video,
    ) -> None:
        """Make it.

        Args:
            job: RunPod's, with ``id`` and ``input``.
            settings: the worker's.
            tell: takes the progress.
            store: the bucket for results, if there is one.
            stop: is set when nobody waits any more.
            fetch: gets a video.
        """
        self._store = store
        self._job, self._settings, self._tell, self._fetch = job, settings, tell, fetch
        self._stop = stop or threading.Event()
        self._progress = Progress()
        self._told: dict[str, Any] = {}
        self._told_at = 0.0
        given = str(job.get("id", ""))
        self.id = given if re.fullmatch(r"[A-Za-z0-9_-]{1,100}", given) else secrets.token_urlsafe(16)

    def answer(self) -> dict[str, Any]:
        """Do the work; whatever goes wrong is in the answer, as RunPod wants it."""
        try:
            return self._work()
        except RoomsplatError as error:
            return self._failed(JobError(code=error.code, message=error.message, hint=error.hint))
        except OSError as error:
            log.exception("request %s: files could not be read or written", self.id)
            sentence = (
                f"The worker could not read or write its files ({error.strerror or type(error).__name__})."
            )
            hint = "Look at the worker's disk and at the bucket, then try again."
            return self._failed(JobError(code=OutputError.code, message=sentence, hint=hint))
        except Exception:
            log.exception("request %s failed by a bug", self.id)
            return self._failed(_BUG)

    def _failed(self, error: JobError) -> dict[str, Any]:
        log.warning("request %s failed: %s: %s", self.id, error.code, error.message)
        answer: dict[str, Any] = {"error": json.dumps(asdict(error), ensure_ascii=False)}
        return answer | ({"refresh_worker": True} if error.code in _FRESH_WORKER else {})

    def _work(self) -> dict[str, Any]:
        asked = _checked(self._job.get("input"))
        self._settings.storage.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="request-", dir=self._settings.storage) as folder:
            place = Path(folder)
            video, out, config = place / "video", place / "out", place / "config.json"
            self._bring(asked, video)
            prober = Prober(_limits(self._settings), at_once=1)
            wanted = json.dumps(asked["config"]) if "config" in asked else None
            probed = prober.probe(video, name="the video", config=wanted)
            config.write_text(json.dumps(probed.config), encoding="utf-8")
            video = video.rename(video.with_suffix(probed.film.suffix))
            failure = self._run(video, out, config)
            if failure is not None:
                return self._failed(failure)
            files = deliver(self._store, self._settings, self.id, out)
            seen = self._progress
            return {"status": "completed", "counts": seen.counts, "timings": seen.timings, **files}

    def _bring(self, asked: Mapping[str, Any], video: Path) -> None:
        limit = self._settings.max_upload_bytes
        if "video_base64" in asked:
            video.write_bytes(_decoded(asked["video_base64"], min(limit, MAX_INLINE_BYTES)))
            return
        self._fetch(
            asked["video_url"], video, max_bytes=limit, seconds=DOWNLOAD_SECONDS, stopped=self._stop.is_set
        )

    def _run(self, video: Path, out: Path, config: Path) -> JobError | None:
        """Run the pipeline to its end; why it failed, if it did."""
        out.mkdir()
        notes = out.parent / "pipeline.log"
        files = (str(video), "-o", str(out), "--config", str(config), "--events", "jsonl")
        command = [*self._settings.pipeline_command, *files]
        child = PipelineChild(command, until=time.monotonic() + CHILD_SECONDS, log=notes)
        try:
            code = self._follow(child)
        finally:
            child.close()
        if self._stop.is_set():
            raise InterruptedRunError("The request was cancelled.", hint="Send it again.")
        failure = error_of(code, self._progress)
        if failure is not None and failure.code == "pipeline_crashed":
            log.error("the pipeline wrote: %s", notes.read_text("utf-8", "replace")[-4000:])
        return failure

    def _follow(self, child: PipelineChild) -> int:
        kill_at: float | None = None
        while (code := child.ended()) is None:
            now = time.monotonic()
            child.extend(now + CHILD_SECONDS)
            for event in child.events(TICK):
                self._progress.take(event)
            self._report(now)
            if kill_at is not None and now > kill_at:
                child.kill()
            elif kill_at is None and self._stop.is_set():
                child.interrupt()
                kill_at = now + self._settings.cancel_seconds
        return code

    def _report(self, now: float) -> None:
        """Tell how far it is, if there is news: a new stage at once, a bar that moved every other second."""
        seen = self._progress
        news = {
            "status": seen.status.value,
            "stage": seen.stage,
            "progress": round(seen.progress, 4),
            "counts": dict(seen.counts),
        }
        same_stage = news["stage"] == self._told.get("stage")
        if news == self._told or (same_stage and now - self._told_at < SECONDS_BETWEEN_TELLS):
            return
        self._told, self._told_at = news, now
        self._tell(self._job, news)


def _checked(asked: object) -> dict[str, Any]:
    """The input, if it is one.

    Raises:
        InvalidRequestError: it is none.
    """
    if not isinstance(asked, dict):
        raise InvalidRequestError("The request has no input.", hint=_HINT)
    found = cast("dict[str, Any]", asked)
    unknown = sorted(set(found) - _ASKED)
    if unknown:
        raise InvalidRequestError(f"The input has an unknown key {str(unknown[0])[:40]!r}.", hint=_HINT)
    if ("video_url" in found) == ("video_base64" in found):
        raise InvalidRequestError("The input needs either video_url or video_base64.", hint=_HINT)
    for name in ("video_url", "video_base64"):
        if name in found and not isinstance(found[name], str):
            raise InvalidRequestError(f"{name} is no text.", hint=_HINT)
    return found


def _decoded(text: str, max_bytes: int) -> bytes:
    if len(text) > max_bytes * 4 // 3 + 4:
        raise InputTooLargeError(
            f"The video inside the request has more than {max_bytes} bytes.",
            hint="Put it on the web and send its address as video_url.",
        )
    with suppress(binascii.Error, ValueError):
        return base64.b64decode(text, validate=True)
    raise InvalidRequestError("video_base64 is no base64.", hint=_HINT)


def _limits(settings: ServerSettings) -> ProbeLimits:
    return ProbeLimits(
        max_bytes=settings.max_upload_bytes,
        max_duration_s=settings.max_video_seconds,
        max_pixels=settings.max_video_pixels,
        max_fps=settings.max_video_fps,
        max_frames=settings.max_frames,
    )


def make_handler(
    settings: ServerSettings, tell: Tell, store: FileStore | None = None
) -> Callable[[dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]]:
    """The function that RunPod calls with each request."""

    async def handler(job: dict[str, Any]) -> dict[str, Any]:
        stop = threading.Event()
        try:
            return await asyncio.to_thread(Request(job, settings, tell, store=store, stop=stop).answer)
        except asyncio.CancelledError:  # RunPod stops a request by cancelling its task
            stop.set()
            raise

    return handler


def main() -> None:
    """Take requests until RunPod ends the worker."""
    # only the image has it, and the laws run without
    runpod: Any = import_module("runpod.serverless")

    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"))
    settings = ServerSettings()
    try:  # before the first request pays for a GPU
        store = open_store(settings) if settings.bucket is not None else None
    except RoomsplatError as error:
        log.error("%s %s", error.message, error.hint)  # noqa: TRY400 - the sentence says it all
        raise SystemExit(error.exit_code) from None
    handler = make_handler(settings, runpod.progress_update, store)
    runpod.start({"handler": handler})


if __name__ == "__main__":
    main()
