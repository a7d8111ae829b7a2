"""Is what was kept enough, and what should the user know about it?"""

from collections.abc import Mapping
from pathlib import Path

from roomsplat.capture.config import CaptureConfig
from roomsplat.core.progress import RunWarning
from roomsplat.errors import TooFewFramesError, UnreadableVideoError

_HINT = "Film the room for at least ten seconds while you walk slowly through it."
# Headers round, and the last frame's own time is missing: half a second and 2 % are no loss.
_TOLERANCE_S, _TOLERANCE = 0.5, 0.02
# A share of repeated frames that a user should hear of: a phone stutters now and then, a quarter is a fault.
_MANY = 0.25


def check_enough(
    source: Path, kept: int, seen: int, dropped: Mapping[str, int], config: CaptureConfig
) -> None:
    """Refuse a capture with fewer than ``config.required_frames``, with the reason that took most frames.

    ``seen``: frames that were decoded.

    Raises:
        TooFewFramesError: too short, black, nothing moves, or too few were asked for.
        UnreadableVideoError: nothing could be decoded.
    """
    if kept >= config.required_frames:
        return
    if seen == 0:
        raise UnreadableVideoError(
            f"{source}: not one frame could be decoded; the file is damaged.",
            hint="Copy it from the phone again, or convert it to H.264 in mp4.",
        )
    if seen < config.required_frames:
        noun = "a single frame" if seen == 1 else f"only {seen} frames"
        raise TooFewFramesError(
            f"{source} holds {noun}; at least {config.required_frames} are needed.", hint=_HINT
        )
    repeated = dropped.get("frozen", 0) + dropped.get("duplicate", 0)
    black = dropped.get("black", 0)
    if dropped.get("less_sharp", 0) > max(black, repeated):
        raise TooFewFramesError(
            f"{source} gave only {kept} of {seen} frames; at least {config.required_frames} are needed.",
            hint="Keep more of them (--frames 60, or a higher --fps), or film for longer.",
        )
    if black >= repeated:
        raise TooFewFramesError(
            f"{source} is black: {black} of {seen} frames show nothing.",
            hint="Uncover the lens or turn on the light, and film again.",
        )
    raise TooFewFramesError(
        f"{source} stands still: {repeated} of {seen} frames repeat what was seen, {kept} show something new.",
        hint="Film while you walk through the room; a camera on a tripod sees no depth.",
    )


def film_warnings(
    source: Path, *, expected: int, seen: int, promised_s: float, reached_s: float, dropped: Mapping[str, int]
) -> tuple[RunWarning, ...]:
    """What to tell about a film of which ``seen`` of ``expected`` frames were decoded.

    ``promised_s``: its length by its header, 0 = unknown; ``reached_s``: time of the last frame that was decoded.
    """
    found: list[RunWarning] = []
    if promised_s - reached_s > _TOLERANCE_S + _TOLERANCE * promised_s:
        found.append(
            RunWarning(
                code="truncated_video",
                message=f"Only the first {reached_s:.1f} of {promised_s:.1f} s of {source.name} could be read; "
                "copy it from the phone again if the rest matters.",
            )
        )
    if expected - seen > _TOLERANCE * expected:
        found.append(
            RunWarning(
                code="damaged_video",
                message=f"{expected - seen} of {expected} frames of {source.name} are damaged and were left out; "
                "copy it from the phone again if the room has holes.",
            )
        )
    return (*found, *_repetition_warning(source, seen, dropped))


def motion_warnings(source: Path, damaged: int) -> tuple[RunWarning, ...]:
    """What to tell where ``damaged`` packets of a film's motion track could not be read."""
    if not damaged:
        return ()
    message = (
        f"{damaged} readings of the motion sensor in {source.name} are damaged and were left out; "
        "look whether the room stands upright."
    )
    return (RunWarning(code="damaged_motion_track", message=message),)


def folder_warnings(source: Path, count: int, dropped: Mapping[str, int]) -> tuple[RunWarning, ...]:
    """What to tell about a folder of ``count`` pictures."""
    found = _repetition_warning(source, count, dropped)
    if dropped.get("less_sharp", 0):
        message = (
            f"{source.name} holds {count} pictures; the sharpest {count - sum(dropped.values())} were used."
        )
        found = (*found, RunWarning(code="pictures_thinned", message=message))
    return found


def _repetition_warning(source: Path, seen: int, dropped: Mapping[str, int]) -> tuple[RunWarning, ...]:
    repeated = dropped.get("black", 0) + dropped.get("frozen", 0) + dropped.get("duplicate", 0)
    if repeated <= _MANY * seen:
        return ()
    message = (
        f"{repeated} of {seen} frames of {source.name} are black or repeat what was seen; "
        "keep the camera moving slowly while you film."
    )
    return (RunWarning(code="repeated_frames", message=message),)
