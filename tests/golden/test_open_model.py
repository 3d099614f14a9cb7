"""What the open model must do: come along, drive a shipped portrait, name no closed data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mmfa_core import Animator
from mmfa_core.face import FaceFinder
from mmfa_core.hub import BUNDLED, resolve_model
from mmfa_core.media import read_clip
from mmfa_core.training.run import read_settings

NAME = "mmfa-s-256-open"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CLIP = EXAMPLES / "driving_expressive.mp4"


@pytest.fixture(scope="module")
def animator() -> Animator:
    return Animator.from_pretrained(NAME, threads=2)


def test_it_is_found_by_its_name_and_differs_from_the_bundled_one(animator: Animator):
    assert animator.model_id == NAME
    assert resolve_model(NAME).parent == BUNDLED.parent
    assert animator.model_hash != Animator.from_pretrained(threads=1).model_hash


def test_its_configuration_trains_on_nothing_but_open_pictures():
    settings = read_settings(NAME)
    assert settings.tiers == "A"
    assert settings.start == ""
    config = json.loads((resolve_model(NAME) / "config.json").read_text(encoding="utf-8"))
    assert config["model"]["name"] == settings.model.name == NAME


def test_its_card_speaks_of_its_weights(animator: Animator):
    card = EXAMPLES.parent / "docs" / "model-card-open.md"
    assert animator.model_hash in card.read_text(encoding="utf-8")


def test_a_shipped_portrait_follows_a_clip_with_it(animator: Animator, tmp_path: Path):
    output = tmp_path / "out.mp4"
    animator.animate(EXAMPLES / "london_034_neutral.jpg", CLIP, output=output)
    with FaceFinder() as finder:
        yaws = []
        for path in (CLIP, output):
            found = [finder.detect_faces(f, max_faces=1, thorough=False) for f in read_clip(path)]
            yaws.append([faces[0].pose.yaw_deg if faces else np.nan for faces in found])
    driver, result = np.array(yaws)
    seen = np.isfinite(driver) & np.isfinite(result)
    assert np.isfinite(result).mean() >= 0.98
    assert np.corrcoef(driver[seen], result[seen])[0, 1] >= 0.8
