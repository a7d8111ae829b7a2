"""A pipeline in a second: the arguments, events, exit codes and resumable folders of ``roomsplat reconstruct``.

What it shall do stands in the settings of the job: ``{"seconds": {"train": 1.0}, "die": ["sfm", "SIGSEGV"], …}``.
Every stage that really runs adds a line to ``OUT/trace.txt``: stage, process, first step, what happened.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

STAGES = {"capture": (0.0, 0.1), "sfm": (0.1, 0.3), "train": (0.3, 0.9), "export": (0.9, 1.0)}
STEPS = 20
SECONDS = float(os.environ.get("FAKE_STAGE_SECONDS", "0.02"))
"""A stage takes so long where the settings say nothing else."""


class Fake:
    """One run."""

    def __init__(self, out: Path, config: dict[str, Any]) -> None:
        """Args: the folder of results, the settings."""
        self.out, self.config = out, config
        self.stage: str | None = None
        (out / "work").mkdir(parents=True, exist_ok=True)

    def say(self, event: str, **fields: object) -> None:
        """One line of JSON."""
        self.write(json.dumps({"event": event, "stage": self.stage, "progress": 0.0, **fields}))

    def write(self, line: str) -> None:
        """One line."""
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def trace(self, *words: object) -> None:
        """What really happened, for the law to read."""
        with (self.out / "trace.txt").open("a") as file:
            file.write(" ".join(map(str, words)) + "\n")

    def run(self) -> None:
        """All stages."""
        self.say("run_started", message="fake", source="", out=str(self.out), engine="cpu")
        self.write("a library prints this")
        if self.config.get("leave"):
            subprocess.Popen(["sleep", "60"])  # noqa: S607 - a grandchild that nobody waits for
        for stage in STAGES:
            self.stage = stage
            self.say("stage_started", message=stage)
            done = self.out / "work" / stage
            reused = done.exists()
            if not reused:
                self.do(stage)
                self.finish(stage, done)
            self.say("stage_finished", message=stage, seconds=self.config.get("took", 0.1), reused=reused)
            if stage == "sfm":
                self.show_cameras()
        self.stage = None
        (self.out / "live" / "scene.splat").unlink(missing_ok=True)
        (self.out / "scene.ply").write_text(f"ply of {self.config.get('name', '')}")
        summary = {"frames_extracted": 9, "frames_registered": 8, "num_gaussians": 7, "eval_psnr": 30.5}
        self.say("run_finished", message="done", summary=summary)

    def finish(self, stage: str, done: Path) -> None:
        """The stage's folder appears whole, with its manifest."""
        part = done.with_name(f".{stage}.part")
        (part / "images").mkdir(parents=True, exist_ok=True)
        (part / "images" / "a.jpg").write_bytes(os.urandom(1000))
        (part / "manifest.json").write_text(json.dumps({"key": f"{stage} by {os.getpid()}"}))
        part.rename(done)
        if stage == "capture":
            (self.out / "thumbnail.jpg").write_bytes(b"small")

    def show_cameras(self) -> None:
        """As right after sfm."""
        images = self.out / "cameras" / "images"
        images.mkdir(parents=True, exist_ok=True)
        for number in range(9):
            (images / f"{number}.jpg").write_bytes(bytes([number]))
        (self.out / "cameras" / "transforms.json").write_text("{}")
        self.say("cameras_found", file="cameras/transforms.json", registered=8, frames=9)

    def show_scene(self, step: int) -> None:
        """A look at the scene in training."""
        live = self.out / "live" / "scene.splat"
        live.parent.mkdir(exist_ok=True)
        part = live.with_name(".scene.splat.part")
        part.write_bytes(bytes(32 * step))
        part.replace(live)
        self.say("snapshot_written", file="live/scene.splat", step=step, num_gaussians=step, bytes=32 * step)

    def do(self, stage: str) -> None:
        """The steps of a stage; training keeps a checkpoint at every step."""
        checkpoint = self.out / "work" / "checkpoint.txt"
        first = int(checkpoint.read_text()) if stage == "train" and checkpoint.exists() else 0
        self.trace(stage, os.getpid(), first, "begins")
        seconds = self.config.get("seconds", {}).get(stage, SECONDS)
        for step in range(first, STEPS):
            time.sleep(seconds / STEPS)
            if stage == "train":
                checkpoint.write_text(str(step + 1))
                self.show_scene(step + 1)
            self.say("stage_progress", message=stage, fraction=step / STEPS, metrics={"psnr": 20.0 + step})
            if step == STEPS // 2:
                self.misbehave(stage)
        self.trace(stage, os.getpid(), first, "ends")

    def misbehave(self, stage: str) -> None:
        """In the middle of the stage, whatever the settings ask for."""
        config = self.config
        if config.get("die", [""])[0] == stage:
            os.kill(os.getpid(), signal.Signals[config["die"][1]])
        if config.get("exit", [""])[0] == stage:
            raise SystemExit(config["exit"][1])
        if config.get("error") == stage:
            raise KnownError
        if config.get("silent") == stage:
            os._exit(0)
        if config.get("fill") == stage:
            self.fill(self.out / "work" / f".{stage}.part")
        if config.get("deaf") == stage:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            time.sleep(60)

    def fill(self, folder: Path) -> None:
        """Write until the disk is full, and leave it so, as the real stages do."""
        folder.mkdir()
        with (folder / "pictures").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 14))


class KnownError(Exception):
    """Stands for a ``RoomsplatError``."""


def main() -> int:
    """Run."""
    given = sys.argv[1:]
    out, config = Path(given[given.index("-o") + 1]), Path(given[given.index("--config") + 1])
    assert given[given.index("--events") + 1] == "jsonl"
    assert Path(given[0]).exists(), given[0]
    fake = Fake(out, json.loads(config.read_text()))
    with (out / "work" / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fake.run()
        except BlockingIOError:
            fake.trace("COLLISION")
            fake.say("run_failed", code="output_not_writable", message="Another run.", hint="Wait.")
            return 8
        except KnownError:
            fake.say("run_failed", code="registration_failed", message="No cameras.", hint="Move more.")
            return 7
        except OSError as error:
            fake.say(
                "run_failed", code="output_not_writable", message=f"{error.strerror}.", hint="Free some."
            )
            return 8
        except KeyboardInterrupt:
            fake.trace(fake.stage, os.getpid(), "interrupted")
            fake.say("run_failed", code="interrupted", message="Stopped.", hint="Again.")
            return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
