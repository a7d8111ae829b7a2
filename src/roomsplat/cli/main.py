"""``roomsplat``: reads the command, runs it, and turns every known error into one sentence and an exit code."""

import os
import signal
import sys
from typing import Any, NoReturn

import tyro

from roomsplat._version import __version__
from roomsplat.cli.arguments import (
    Command,
    Convert,
    Demo,
    Doctor,
    Evaluate,
    Keys,
    Reconstruct,
    Render,
    Serve,
    View,
    Worker,
)
from roomsplat.errors import InterruptedRunError, RoomsplatError

DESCRIPTION = (
    "Turn a phone video of a room into a 3D Gaussian splat, on any computer. --version prints the version."
)


def main() -> NoReturn:
    """Run the command line and exit."""
    if "--version" in sys.argv[1:2]:
        print(f"roomsplat {__version__}")
        raise SystemExit(0)
    arguments = sys.argv[1:] or ["--help"]
    # tyro's overloads cannot express a union of subcommands to a type checker
    command: Any = tyro.cli(Command, prog="roomsplat", description=DESCRIPTION, args=arguments)  # pyright: ignore[reportCallIssue, reportArgumentType]
    signal.signal(signal.SIGTERM, _terminate)
    try:
        run(command)
    except RoomsplatError as error:
        _tell(error)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        _tell(InterruptedRunError("Stopped.", hint="Run the same command again."))
        raise SystemExit(InterruptedRunError.exit_code) from None
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    raise SystemExit(0)


def run(command: Any) -> None:
    """Run one command; each is imported only when it is asked for, so that ``--help`` stays instant.

    Raises:
        RoomsplatError: whatever a user can cause.
    """
    match command:
        case Reconstruct():
            from roomsplat.cli.reconstruct import run_reconstruct

            run_reconstruct(command)
        case Demo():
            from roomsplat.cli.demo import run_demo

            run_demo(command)
        case Render():
            from roomsplat.cli.render import run_render

            run_render(command)
        case View():
            from roomsplat.cli.view import run_view

            run_view(command)
        case Evaluate():
            from roomsplat.cli.evaluate import run_evaluate

            run_evaluate(command)
        case Convert():
            from roomsplat.cli.convert import run_convert

            run_convert(command)
        case Doctor():
            from roomsplat.cli.doctor import run_doctor

            run_doctor(command)
        case Serve() | Worker() | Keys():
            from roomsplat.cli.service import run_service

            run_service(command)
        case _:
            raise AssertionError(f"no handler for {type(command).__name__}")


def _terminate(_signal: int, _frame: object) -> None:
    """A polite kill is an interrupt: the run stops cleanly and can be resumed."""
    raise KeyboardInterrupt


def _tell(error: RoomsplatError) -> None:
    print(f"roomsplat: {error.message}\n  hint: {error.hint}", file=sys.stderr)
