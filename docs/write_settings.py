"""Write ``docs/settings.md`` from the settings themselves: ``make docs``. ``tests/test_docs.py`` compares."""

import ast
import inspect
import textwrap
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from roomsplat.pipeline.config import PRESETS, for_quality

PAGE = Path(__file__).with_name("settings.md")

HEAD = """# Settings

Written by `make docs` from the docstrings of the settings; do not edit.

Nobody needs this page to rebuild a room: `--quality preview|standard|high` is the one knob, and one set of values
serves every scene. Needing another one is a bug that we would like to hear of. For experiments, put any part of the
tree into a JSON file and give it with `--config`; what is missing comes from the preset that `quality` names, and an
unknown name is refused. A run leaves its whole tree in `config.json`.

    roomsplat reconstruct video.mp4 -o room --config settings.json

For example `{"quality": "preview", "train": {"max_steps": 5000}}`.
"""


def page() -> str:
    """The page as Markdown."""
    trees = {quality: for_quality(quality) for quality in PRESETS}
    names = list(trees)
    sections = [
        HEAD,
        "## What a quality means\n",
        _row(["setting", *names]),
        _row(["---"] * (len(names) + 1)),
    ]
    leaves = [_leaves(tree) for tree in trees.values()]
    sections += [
        _row([f"`{name}`", *(f"{tree[name]}" for tree in leaves)])
        for name in leaves[0]
        if len({str(tree[name]) for tree in leaves}) > 1
    ]
    sections += _tables(trees["standard"], "")
    return "\n".join(sections) + "\n"


def _tables(tree: Any, prefix: str) -> list[str]:
    """One table per dataclass, the tree's own fields before those of its parts."""
    notes = _field_notes(tree.__class__)
    own = [f.name for f in fields(tree) if not is_dataclass(getattr(tree, f.name))]
    lines = [
        f"\n## {prefix.rstrip('.') or 'The run'}\n",
        _row(["setting", "default", "meaning"]),
        _row(["---"] * 3),
    ]
    lines += [_row([f"`{prefix}{name}`", f"`{getattr(tree, name)!r}`", notes.get(name, "")]) for name in own]
    for part in fields(tree):
        if part.name not in own:
            lines += _tables(getattr(tree, part.name), f"{prefix}{part.name}.")
    return lines


def _leaves(tree: Any, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in fields(tree):
        value = getattr(tree, part.name)
        found |= (
            _leaves(value, f"{prefix}{part.name}.") if is_dataclass(value) else {prefix + part.name: value}
        )
    return found


def _field_notes(kind: type) -> dict[str, str]:
    """The docstring below each field of a dataclass, on one line."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    notes: dict[str, str] = {}
    for field, note in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(note, ast.Expr)
        ):
            notes[field.target.id] = " ".join(str(ast.literal_eval(note.value)).split()).replace("``", "`")
    return notes


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
