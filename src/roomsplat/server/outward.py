"""What a pipeline tells, in words that may leave the service: without the paths of the computer that runs it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, cast

from roomsplat.server.records import JobRecord

_ELSEWHERE = re.compile(r"""(?<![\w.:/])/(?:[^\s/:,;'"()]+/)+([^\s/:,;'"()]*)""")
"""A path with a folder in it; what follows a letter or a colon is a fraction or an address of the web."""

FOLDER = "the job's folder"


class Outward:
    """Puts the names that a job's owner knows for the places of its files."""

    def __init__(self, job: JobRecord, storage: Path, out: Path, video: Path) -> None:
        """Args: ``storage``: the folder of the service. ``out``, ``video``: what the pipeline writes and reads."""
        inside = PurePosixPath(job.source_path).name
        self._names = (
            (str(video), job.source_name),
            (f"{out}/", ""),
            (str(out), FOLDER),
            (f"{storage}/", ""),
            (str(storage), "the storage folder"),
            (inside, job.source_name),
        )

    def event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The event as its owner may read it."""
        told = cast("dict[str, Any]", self._value(event))
        told.pop("out", None)
        return told

    def text(self, text: str) -> str:
        """Names for the places that we know; of a path to anywhere else only the last part."""
        for place, name in self._names:
            text = text.replace(place, name)
        return _ELSEWHERE.sub(r"\1", text)

    def _value(self, value: object) -> object:
        match value:
            case str():
                return self.text(value)
            case Mapping():
                entries = cast("Mapping[str, object]", value)
                return {key: self._value(entry) for key, entry in entries.items()}
            case list():
                return [self._value(entry) for entry in cast("Sequence[object]", value)]
            case _:
                return value
