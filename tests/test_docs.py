"""What the documents promise is what the programs take."""

import ast
import re
import runpy
import shlex
from pathlib import Path
from typing import Any

import pytest
import tyro

import roomsplat
from roomsplat.cli.arguments import Command

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def code_lines(page: Path) -> list[str]:
    """Lines of the indented and fenced blocks of a page."""
    text = page.read_text("utf-8")
    fenced = [
        line for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
    ]
    return [line.strip() for line in text.splitlines() if line.startswith("    ")] + fenced


def commands(program: str) -> list[str]:
    """Every line of code in the documents that starts ``program``."""
    return sorted(
        {
            line.split("  #")[0].strip()
            for page in PAGES
            for line in code_lines(page)
            if line.startswith(program)
        }
    )


@pytest.mark.parametrize("line", commands("roomsplat "))
def test_the_command_line_takes_what_the_documents_show(line: str) -> None:
    """Every ``roomsplat …`` line in a document is accepted by the argument parser."""
    parse: Any = tyro.cli
    parse(Command, prog="roomsplat", args=shlex.split(line)[1:])


@pytest.mark.parametrize("line", commands("make "))
def test_make_has_the_targets_that_the_documents_show(line: str) -> None:
    """Every ``make …`` line in a document names targets that the Makefile has."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    variables = set(re.findall(r"^([A-Z]+) \?=", makefile, re.MULTILINE))
    words = shlex.split(line)[1:]
    assert {word for word in words if "=" not in word} <= targets
    assert {word.split("=")[0] for word in words if "=" in word} <= variables


def test_the_documents_show_both_programs() -> None:
    """The laws above look at something."""
    assert len(commands("roomsplat ")) >= 4
    assert len(commands("make ")) >= 2


def test_the_readme_calls_functions_that_exist() -> None:
    """The Python in the README is valid and uses only the public API."""
    text = (ROOT / "README.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        for node in ast.walk(ast.parse(block)):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "roomsplat"
            ):
                assert node.attr in roomsplat.__all__


def test_the_settings_page_is_the_settings() -> None:
    """``docs/settings.md`` says what the code says; after a change run `make docs`."""
    script = runpy.run_path(str(ROOT / "docs" / "write_settings.py"))
    assert script["PAGE"].read_text("utf-8") == script["page"](), "out of date: run `make docs` and commit"


def test_the_architecture_names_every_kernel_file() -> None:
    """Each CUDA source stands in the architecture with what it does."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    files = [path.name for path in (ROOT / "src/roomsplat/render/cuda").glob("*.cu")]
    assert files
    assert [name for name in files if f"`{name}`" not in text] == []
