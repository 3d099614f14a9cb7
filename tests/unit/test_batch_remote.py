"""A cell in a process that has nothing but what is sent to it."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmfa_core.batch.maker import Failure
from mmfa_core.batch.remote import Parcel, Returned, make_remote
from mmfa_core.inference.options import AnimateOptions
from tests.tiny_model import save_tiny

ROOT = Path(__file__).resolve().parents[2]
SOURCE, DRIVING = "london_009_neutral.jpg", "london_034_smiling.jpg"
PORTRAIT = (ROOT / "examples" / SOURCE).read_bytes()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The files of a tiny model by name."""
    folder = save_tiny(tmp_path_factory.mktemp("model"))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def send(model, monkeypatch, tmp_path):
    """Send a portrait and a driving picture, with the worker's temporary folder in sight."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def make(source=PORTRAIT, **options):
        driving = (ROOT / "examples" / DRIVING).read_bytes()
        parcel = Parcel(
            source=f"people/{SOURCE}",
            source_digest=hashlib.sha256(source).hexdigest(),
            driving=DRIVING,
            driving_digest=hashlib.sha256(driving).hexdigest(),
            output="a__b.png",
            options=AnimateOptions(**options),
            model_hash="tiny",
            device="cpu",
            threads=1,
        )
        return make_remote(parcel, model, source, driving)

    return make


def test_the_result_comes_back_as_bytes_with_who_made_it(send):
    returned = send()
    assert isinstance(returned, Returned)
    assert returned.content.startswith(b"\x89PNG")
    assert returned.facts["frames"] == 1
    assert "/" in returned.worker


def picture(returned):
    return np.asarray(Image.open(io.BytesIO(returned.content)))


def test_the_same_cell_gives_the_same_picture_again(send):
    np.testing.assert_array_equal(picture(send()), picture(send()))


def test_other_options_count_although_the_process_keeps_its_model(send):
    assert (picture(send()) != picture(send(gain_expression=0.0, parts=()))).any()


def test_nothing_that_was_sent_stays_on_the_workers_disk(send, tmp_path):
    send()
    assert list(tmp_path.glob("mmfa-batch-*")) == []


def test_a_bad_portrait_comes_back_as_a_sentence_without_a_path_of_the_worker(send, tmp_path):
    failure = send(source=b"no picture")
    assert isinstance(failure, Failure)
    assert failure.why.startswith(f"{SOURCE} is not a picture that can be read.")
    assert str(tmp_path) not in failure.why
