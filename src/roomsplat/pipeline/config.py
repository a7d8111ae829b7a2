"""All settings of a run in one tree: the command line, a job's JSON and the saved ``config.json`` are this."""

import dataclasses
import json
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from roomsplat.capture.config import CaptureConfig
from roomsplat.errors import InvalidSettingError
from roomsplat.meshing.config import MeshConfig
from roomsplat.pipeline.known_length import KnownLength
from roomsplat.pipeline.presets import PRESETS, Quality
from roomsplat.posefree.config import PosefreeConfig
from roomsplat.sfm.config import SfmConfig
from roomsplat.train.config import TrainConfig

EngineName = Literal["auto", "cpu", "cuda"]
SceneFormat = Literal["spz", "sog", "splat", "compressed.ply", "glb", "html"]
FORMATS: tuple[SceneFormat, ...] = get_args(SceneFormat)
"""What the scene may be written as, beside ``scene.ply``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """What is written at the end, beside the scene."""

    formats: tuple[SceneFormat, ...] = ("spz", "sog")
    """The scene as ``scene.spz``, ``scene.sog`` and so on, beside ``scene.ply``."""
    tour_seconds: float = 8.0
    """Length of the fly-through; 0 leaves it out."""
    live_seconds: float = 0.0
    """Write ``live/scene.splat`` so often while training, to watch the scene grow; 0 never does. Results do not depend
    on it."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InvalidSettingError: a format is named that there is not, or twice; the tour is shorter than nothing or
                longer than ten minutes; looks at the scene are further apart than an hour.
        """
        if len(set(self.formats)) < len(self.formats) or not set(self.formats) <= set(FORMATS):
            raise InvalidSettingError(
                f"export.formats is {list(self.formats)}.",
                hint=f"Name some of {', '.join(FORMATS)}, each once; scene.ply is always written.",
            )
        if not 0 <= self.tour_seconds <= 600:
            raise InvalidSettingError(
                f"export.tour_seconds is {self.tour_seconds}.", hint="Give 0 (no tour) to 600 seconds."
            )
        if not 0 <= self.live_seconds <= 3600:
            raise InvalidSettingError(
                f"export.live_seconds is {self.live_seconds}.", hint="Give 0 (never) to 3600 seconds."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineConfig:
    """Settings of every stage. ``for_quality`` makes the presets; a user changes the quality and little else."""

    quality: Quality = "standard"
    """The preset that the rest was made from."""
    engine: EngineName = "auto"
    """``auto`` takes an NVIDIA GPU where one answers, else the CPU."""
    device: int | None = None
    """Which GPU, as CUDA counts them; ``None`` takes the first. Results do not depend on it."""
    threads: int | None = None
    """CPU threads; ``None`` takes all cores."""
    eval_every: int = 8
    """Hold every n-th picture out of training to measure quality; 0 trains on all."""
    scale: str | None = None
    """A length in metres that makes the scene metric: ``camera-height=1.5`` (above the floor), ``path=12.3`` (walked
    while filming) or ``factor=0.8`` (of one unit of the scene without it). Only the last stage depends on it."""
    capture: CaptureConfig = field(default_factory=CaptureConfig)
    sfm: SfmConfig = field(default_factory=SfmConfig)
    posefree: PosefreeConfig = field(default_factory=PosefreeConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    mesh: MeshConfig = field(default_factory=MeshConfig)
    export: ExportConfig = field(default_factory=ExportConfig)

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            InvalidSettingError: ``eval_every`` is 1 or negative, ``threads`` is not positive, ``device`` is
                negative or given to the CPU engine, ``scale`` is no length.
        """
        if self.scale is not None:
            KnownLength.parse(self.scale)
        if self.eval_every == 1 or self.eval_every < 0:
            raise InvalidSettingError(
                f"eval_every is {self.eval_every}: nothing would be left to train on.",
                hint="Use 8 to hold every 8th picture out, or 0 to train on all of them.",
            )
        if self.threads is not None and self.threads < 1:
            raise InvalidSettingError(f"threads is {self.threads}.", hint="Use 1 or more, or leave it out.")
        if self.device is not None and (self.device < 0 or self.engine == "cpu"):
            raise InvalidSettingError(
                f"device is {self.device} with the engine {self.engine}: it is the number of a GPU, from 0.",
                hint="Leave --device out, or see what roomsplat doctor lists.",
            )


def for_quality(quality: Quality) -> PipelineConfig:
    """The preset's settings.

    Raises:
        InvalidSettingError: there is no such preset.
    """
    if quality not in PRESETS:
        raise InvalidSettingError(
            f"There is no quality {quality!r}.", hint=f"Use one of {', '.join(PRESETS)}."
        )
    return PipelineConfig(quality=quality, train=PRESETS[quality].train(), mesh=PRESETS[quality].mesh)


def with_focal(config: PipelineConfig, ratio: float | None) -> PipelineConfig:
    """With the focal length that the film's metadata states, where none was asked for."""
    if ratio is None or config.sfm.focal_ratio is not None:
        return config
    return replace(config, sfm=replace(config.sfm, focal_ratio=ratio))


def config_to_json(config: PipelineConfig) -> str:
    """The tree as JSON text."""
    return json.dumps(dataclasses.asdict(config), indent=2, default=str) + "\n"


def config_from_json(text: str) -> PipelineConfig:
    """Settings from JSON text: any part of the tree; what is missing comes from the preset that ``quality`` names.

    Raises:
        InvalidSettingError: no JSON, an unknown key, a value of the wrong type or out of its range.
    """
    try:
        parsed: object = json.loads(text)
    except ValueError as error:  # no JSON, or a number of thousands of digits
        raise InvalidSettingError(
            f"The settings are not valid JSON: {error}.", hint="Check commas and quotes."
        ) from error
    if not isinstance(parsed, dict):
        raise InvalidSettingError("The settings are not a JSON object.", hint='Write {"quality": "preview"}.')
    given = cast("dict[str, Any]", parsed)
    quality: Any = given.get("quality", "standard")
    if not isinstance(quality, str) or quality not in PRESETS:
        raise InvalidSettingError(
            f"There is no quality {quality!r}.", hint=f"Use one of {', '.join(PRESETS)}."
        )
    _refuse_unknown(PipelineConfig, given, "")
    merged = _merge(dataclasses.asdict(for_quality(quality)), given)
    try:
        return TypeAdapter(PipelineConfig).validate_python(merged)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidSettingError(
            f"The setting {place} is wrong: {first['msg']}.",
            hint="Compare with the config.json of an earlier run.",
        ) from error


def read_config(path: Path) -> PipelineConfig:
    """Settings from a JSON file.

    Raises:
        InvalidSettingError: the file is missing or wrong.
    """
    try:
        return config_from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettingError(
            f"The settings file {path} cannot be read.", hint="Check its path."
        ) from error


def _refuse_unknown(kind: type[Any], given: dict[str, Any], place: str) -> None:
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    for name, value in given.items():
        if name not in known:
            raise InvalidSettingError(
                f"There is no setting {place}{name}.", hint=f"Known here: {', '.join(sorted(known))}."
            )
        if is_dataclass(hints[name]) and isinstance(value, dict):
            _refuse_unknown(hints[name], cast("dict[str, Any]", value), f"{place}{name}.")


def _merge(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in given.items():
        old = merged.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[name] = _merge(cast("dict[str, Any]", old), cast("dict[str, Any]", value))
        else:
            merged[name] = value
    return merged
