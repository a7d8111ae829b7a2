"""Errors that a user can cause, each with a sentence, a hint and a stable code."""

from typing import ClassVar


class RoomsplatError(Exception):
    """Something that the user can understand and act on.

    The command line prints ``message`` and ``hint`` and exits with ``exit_code``; the service answers with the same
    three words as ``application/problem+json``. A bug of ours is an assertion, never one of these.
    """

    code: ClassVar[str] = "roomsplat_error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str) -> None:
        """Args: ``message``: one sentence, what happened and where. ``hint``: one sentence, what to do."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputNotFoundError(RoomsplatError):
    """The path that was given does not exist."""

    code = "input_not_found"
    exit_code = 3


class UnreadableVideoError(RoomsplatError):
    """The file is not a video that can be decoded (not a video, no video stream, damaged)."""

    code = "unreadable_video"
    exit_code = 4


class InputTooLargeError(RoomsplatError):
    """The input exceeds a stated limit on bytes, pixels or duration."""

    code = "input_too_large"
    exit_code = 5


class TooFewFramesError(RoomsplatError):
    """Fewer usable frames than a reconstruction needs (too short, black, frozen)."""

    code = "too_few_frames"
    exit_code = 6


class RegistrationError(RoomsplatError):
    """The cameras could not be recovered (no parallax, no texture, a check failed)."""

    code = "registration_failed"
    exit_code = 7


class OutputError(RoomsplatError):
    """A result could not be written (not writable, no space left)."""

    code = "output_not_writable"
    exit_code = 8


class InvalidFileError(RoomsplatError):
    """A scene, camera or settings file does not hold what its name says."""

    code = "invalid_file"
    exit_code = 9


class InvalidSettingError(RoomsplatError):
    """A setting is unknown or out of its range."""

    code = "invalid_setting"
    exit_code = 10


class EngineError(RoomsplatError):
    """The asked-for engine is not available, or the computer ran out of memory."""

    code = "engine_unavailable"
    exit_code = 11


class DeviceMemoryError(EngineError):
    """The GPU's memory is full."""

    code = "gpu_out_of_memory"
    exit_code = 13


class DeviceLostError(EngineError):
    """The GPU stopped answering in the middle of the work; whatever lay in its memory is lost."""

    code = "gpu_lost"
    exit_code = 14


class TrainingError(RoomsplatError):
    """Training diverged (a loss that is not a number)."""

    code = "training_failed"
    exit_code = 12


class NotInstalledError(RoomsplatError):
    """A part that is installed on request is asked for and not there."""

    code = "not_installed"
    exit_code = 15


class ServiceError(RoomsplatError):
    """The job service cannot start or go on as it was asked to (a port that is taken, a database that is not there)."""

    code = "service_unavailable"
    exit_code = 16


class WeightsError(RoomsplatError):
    """Weights of a network that is asked for are not to be had (offline, another file than the published one)."""

    code = "weights_unavailable"
    exit_code = 17


class MeshError(RoomsplatError):
    """No surface can be made of the scene."""

    code = "mesh_failed"
    exit_code = 18


class InterruptedRunError(RoomsplatError):
    """The user stopped the run; finished work is kept."""

    code = "interrupted"
    exit_code = 130
