"""Options and a settings file: what was typed wins, what was not typed stays the file's."""

from dataclasses import replace
from pathlib import Path

import pytest

from roomsplat.cli.arguments import Reconstruct
from roomsplat.cli.reconstruct import settings
from roomsplat.errors import InvalidSettingError
from roomsplat.pipeline.config import for_quality


def test_a_settings_file_keeps_what_no_option_names(tmp_path: Path) -> None:
    """eval_every and threads of the file survive; --eval-every replaces only itself."""
    file = tmp_path / "config.json"
    file.write_text('{"quality": "preview", "eval_every": 0, "threads": 1}')
    plain = settings(Reconstruct(source=Path("film.mp4"), out=Path("out"), config=file))
    assert (plain.quality, plain.eval_every, plain.threads) == ("preview", 0, 1)
    typed = settings(Reconstruct(source=Path("film.mp4"), out=Path("out"), config=file, eval_every=4))
    assert (typed.eval_every, typed.threads) == (4, 1)


def test_a_files_gpu_is_not_for_the_cpu_engine(tmp_path: Path) -> None:
    """--device overrides the file's; --engine cpu drops it instead of being refused for it."""
    file = tmp_path / "settings.json"
    file.write_text('{"engine": "cuda", "device": 1}')
    source, out = Path("a"), Path("b")
    assert settings(Reconstruct(source=source, out=out, config=file)).device == 1
    assert settings(Reconstruct(source=source, out=out, config=file, device=2)).device == 2
    on_cpu = settings(Reconstruct(source=source, out=out, config=file, engine="cpu"))
    assert (on_cpu.engine, on_cpu.device) == ("cpu", None)


def test_options_alone_give_the_preset() -> None:
    """Without any option the standard preset is taken as it is."""
    assert settings(Reconstruct(source=Path("film.mp4"), out=Path("out"))) == for_quality("standard")


def test_a_file_and_a_preset_contradict(tmp_path: Path) -> None:
    """--config with --quality is refused instead of one being ignored."""
    file = tmp_path / "config.json"
    file.write_text("{}")
    with pytest.raises(InvalidSettingError, match="--quality"):
        settings(Reconstruct(source=Path("film.mp4"), out=Path("out"), config=file, quality="high"))


def test_no_mesh_leaves_only_the_mesh_out(tmp_path: Path) -> None:
    """--no-mesh changes that one setting; a file that leaves it out is obeyed without the option."""
    source, out = Path("a"), Path("b")
    preset = for_quality("standard")
    without = replace(preset, mesh=replace(preset.mesh, enabled=False))
    assert settings(Reconstruct(source=source, out=out, mesh=False)) == without
    file = tmp_path / "settings.json"
    file.write_text('{"mesh": {"enabled": false}}')
    assert settings(Reconstruct(source=source, out=out, config=file)) == without
