"""One tree of settings: what is saved can be read, and what is wrong is refused by name."""

import itertools
import json
from dataclasses import replace

import pytest

from roomsplat.errors import InvalidSettingError
from roomsplat.formats.scene_files import WRITTEN_SUFFIXES
from roomsplat.pipeline.config import (
    FORMATS,
    PRESETS,
    PipelineConfig,
    config_from_json,
    config_to_json,
    for_quality,
    with_focal,
)


@pytest.mark.parametrize("quality", list(PRESETS))
def test_a_saved_tree_reads_back_the_same(quality: str) -> None:
    """config_from_json inverts config_to_json for every preset."""
    config = for_quality(quality)  # pyright: ignore[reportArgumentType] - the keys of PRESETS are the qualities
    assert config_from_json(config_to_json(config)) == config


def test_a_part_of_the_tree_changes_only_that_part() -> None:
    """What the JSON does not name comes from the preset."""
    given = json.dumps({"quality": "preview", "train": {"max_steps": 7}})
    config = config_from_json(given)
    preset = for_quality("preview")
    assert config == replace(preset, train=replace(preset.train, max_steps=7))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"qualty": "high"}', "qualty"),
        ('{"train": {"steps": 3}}', r"train\.steps"),
        ('{"train": {"max_steps": "many"}}', r"train\.max_steps"),
        ('{"quality": "best"}', "best"),
        ('{"quality": ["a"]}', "quality"),
        ('{"export": {"tour_seconds": -4}}', "tour_seconds"),
        ('{"export": {"formats": ["gif"]}}', r"export\.formats"),
        ('{"export": {"formats": ["sog", "sog"]}}', r"export\.formats"),
        ('{"mesh": {"resolution": 3}}', r"mesh\.resolution"),
        ('{"engine": "abacus"}', "engine"),
        ('{"device": -1}', "device is -1"),
        ('{"engine": "cpu", "device": 0}', "device is 0"),
        ("[1]", "object"),
        ("{", "JSON"),
    ],
)
def test_wrong_settings_are_refused_by_name(text: str, named: str) -> None:
    """Unknown keys, wrong types and broken JSON each end in one sentence that names the culprit."""
    with pytest.raises(InvalidSettingError, match=named):
        config_from_json(text)


def test_better_quality_never_asks_for_less() -> None:
    """Size, steps and cap grow from preview to high, and the mesh does not shrink."""
    ladder = [PRESETS["preview"], PRESETS["standard"], PRESETS["high"]]
    for lower, higher in itertools.pairwise(ladder):
        assert higher.max_side > lower.max_side
        assert higher.max_steps > lower.max_steps
        assert higher.max_gaussians > lower.max_gaussians
        for name in ("resolution", "max_views", "max_side", "max_faces", "texture_side"):
            assert getattr(higher.mesh, name) >= getattr(lower.mesh, name)


@pytest.mark.parametrize("every", [1, -2])
def test_holding_everything_out_is_refused(every: int) -> None:
    """eval_every 1 would leave nothing to train on."""
    with pytest.raises(InvalidSettingError, match="eval_every"):
        PipelineConfig(eval_every=every)


def test_a_stated_focal_length_is_where_mapping_begins() -> None:
    """What the film says is taken where the user says nothing; a user's number stands; no word changes nothing."""
    plain = for_quality("preview")
    assert with_focal(plain, None) is plain
    known = with_focal(plain, 0.75)
    assert known.sfm.focal_ratio == 0.75
    assert known == replace(plain, sfm=replace(plain.sfm, focal_ratio=0.75))
    assert with_focal(known, 0.9) is known


def test_every_format_can_be_written() -> None:
    """What ``export.formats`` may name is what the writers know, and nothing of it is the scene.ply itself."""
    assert all(f".{name}" in WRITTEN_SUFFIXES for name in FORMATS)
    assert "ply" not in FORMATS
