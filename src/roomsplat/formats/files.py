"""Opening and replacing files, with the sentences that a user reads when that fails."""

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from roomsplat.errors import InputNotFoundError, InvalidFileError, OutputError


@contextmanager
def open_input(path: Path) -> Generator[BinaryIO]:
    """Open for reading.

    Raises:
        InputNotFoundError: there is no such file.
        InvalidFileError: it is a folder, may not be read, or the disk fails while reading.
    """
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as error:
        raise InputNotFoundError(f"{path} does not exist.", hint="Check the path.") from error
    except OSError as error:
        raise InvalidFileError(
            f"{path} could not be read ({error.strerror or error}).", hint="Give a file that may be read."
        ) from error


@contextmanager
def open_output(path: Path) -> Generator[BinaryIO]:
    """Open for writing; the file appears under its name only when it is complete.

    The bytes go to a temporary file in the same folder, reach the disk, and take the name in one step. Whatever goes
    wrong, an older file of that name stays as it was and no temporary file is left.

    Raises:
        OutputError: the folder does not exist or may not be written, or there is no space left.
    """
    temporary = path.with_name(f".{path.name[:32]}.{secrets.token_hex(4)}.part")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _output_error(path, error) from error
    finally:
        # gone after the rename; where nothing can be written there is nothing left to do
        with suppress(OSError):
            temporary.unlink()


def _output_error(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path} could not be written ({error.strerror or error}).",
        hint="Free some space or choose another output folder.",
    )
