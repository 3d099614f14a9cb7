"""Laws of motion files: whatever bytes come, there is a motion or a sentence."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmfa_core import MMFAError, load_motion
from mmfa_core.inference.motion_files import save_track
from tests.unit.test_motion_files import track_of


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("motion") / "m.safetensors"
    return save_track(path, track_of()).read_bytes()


def load(content: bytes) -> None:
    """Load and look at everything; an MMFAError is the only failure that is allowed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.safetensors"
        path.write_bytes(content)
        try:
            track = load_motion(path)
        except MMFAError as error:
            assert error.message.endswith(".")
            assert len(str(error)) < 300
            return
    for part in (track.frames, track.candidates):
        for values in (part.rotation, part.translation, part.scale, part.expression_code):
            assert np.isfinite(values).all()
    assert len(track) == len(track.frames) > 0
    assert 0 < track.fps <= 100_000


@settings(max_examples=300)
@given(data=st.data())
def test_a_motion_file_with_changed_bytes_is_read_or_refused_in_a_sentence(
    whole: bytes, data: st.DataObject
) -> None:
    content = bytearray(whole)
    places = st.integers(0, len(content) - 1) | st.integers(0, 900)  # the header is where it hurts
    for place in data.draw(st.lists(places, min_size=1, max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    load(bytes(content))


@settings(max_examples=100)
@given(data=st.data())
def test_a_motion_file_cut_or_lengthened_is_read_or_refused_in_a_sentence(
    whole: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    load(whole[:start] + data.draw(st.binary(max_size=40)) + whole[end:])


@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused_in_a_sentence(content: bytes) -> None:
    load(content)
