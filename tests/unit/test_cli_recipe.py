"""Recipes of the page on the command line."""

import json
from pathlib import Path

import pytest

from mmfa_core import AnimateOptions
from mmfa_core.cli.commands import follow_options
from mmfa_core.cli.parser import parse_arguments
from mmfa_core.cli.recipe import CHOICES, KNOWN, RANGES, SWITCHES, read_recipe
from mmfa_core.errors import ConfigError
from studio.tabs.animate_settings import DriveSettings

SCHEMA = Path(__file__).resolve().parents[2] / "studio" / "recipe.schema.json"
VALUES = {
    "driver": "motion",
    "motion": "nod",
    "mode": "absolute",
    "smoothing": 0.4,
    "best_frame": False,
    "gain_rotation": 50,
    "lock_scale": True,
    "start_s": 0.5,
    "end_s": 2,
    "driving_face": 1,
    "shown": "portrait",
    "file_format": "gif",
}


def write(folder, *, tab="animate", version=1, **values):
    path = folder / "r.json"
    path.write_text(json.dumps({"version": version, "tab": tab, "values": values}))
    return path


def options(path, *more):
    where = ["--source", "p.jpg", "--driving", "c.mp4", "--output", "o.mp4", "--recipe", str(path)]
    return follow_options(parse_arguments(["animate", *where, *more]))


def test_a_recipe_means_on_the_command_line_what_it_means_on_the_page(tmp_path):
    page = DriveSettings(**VALUES).options(AnimateOptions.max_seconds)
    assert options(write(tmp_path, **VALUES)) == page
    assert options(write(tmp_path)) == AnimateOptions()


def test_an_argument_goes_before_the_recipe(tmp_path):
    chosen = options(write(tmp_path, **VALUES), "--mode", "relative", "--parts", "rotation")
    assert (chosen.mode, chosen.parts, chosen.smoothing) == ("relative", ("rotation",), 0.4)


def test_what_a_recipe_may_hold_is_what_its_schema_says():
    known = json.loads(SCHEMA.read_text())["$defs"]["animate"]["properties"]
    assert set(KNOWN) == set(known)
    for name in SWITCHES:
        assert known[name] == {"type": "boolean"}
    for name, choices in CHOICES.items():
        assert known[name]["enum"] == list(choices)
    for name, limits in RANGES.items():
        assert (known[name]["minimum"], known[name]["maximum"]) == limits


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tab": "pose"}, "The recipe is of the tab 'pose', not of animate."),
        ({"version": 2}, "The recipe has version 2; allowed is 1."),
        ({"smooth": 1}, "There is no setting 'smooth' in a recipe."),
        ({"smoothing": 3}, "smoothing is 3; allowed are numbers from 0 to 1."),
        ({"smoothing": float("nan")}, "smoothing is nan; allowed are numbers from 0 to 1."),
        (
            {"smoothing": 10**400},
            f"smoothing is 1{'0' * 36}...; allowed are numbers from 0 to 1.",
        ),
        ({"gain_scale": True}, "gain_scale is True; allowed are numbers from 0 to 200."),
        ({"driving_face": 0.5}, "driving_face is 0.5; it must be a whole number."),
        ({"lock_scale": 1}, "lock_scale is 1; it must be true or false."),
        ({"mode": ["relative"]}, "mode is ['relative']; allowed are relative, absolute."),
    ],
)
def test_what_is_wrong_in_a_recipe_is_told(tmp_path, changes, sentence):
    with pytest.raises(ConfigError) as told:
        read_recipe(write(tmp_path, **changes))
    assert told.value.message == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[", "r.json can't be read as JSON."),
        ("{}", "The recipe has no version."),
        ('{"version": 1, "tab": "animate"}', "The recipe has no values."),
        ('{"version": 1, "tab": "animate", "values": 3}', "The values of the recipe must be names"),
        ('{"other": 1}', "There is no key 'other' in a recipe."),
    ],
)
def test_a_file_that_is_no_recipe_is_told(tmp_path, text, sentence):
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as told:
        read_recipe(path)
    assert told.value.message.startswith(sentence)
