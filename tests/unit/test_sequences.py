"""GIFs, zips of pictures, live chunks, and the sound of a trimmed clip."""

from __future__ import annotations

import zipfile
from fractions import Fraction
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from mmfa_core.errors import MMFAError
from mmfa_core.media import (
    ChunkWriter,
    ClipWriter,
    GifWriter,
    PicturesWriter,
    open_output,
    probe_clip,
    read_clip,
)
from tests.clips import ffmpeg

RATE = Fraction(24000, 1001)


def frames(count, height=36, width=48):
    """Make frames that can be told apart: a bright column that wanders."""
    made = np.full((count, height, width, 3), 40, np.uint8)
    for number in range(count):
        made[number, :, number % width] = 250
    return list(made)


def test_a_zip_holds_every_frame_unchanged(tmp_path):
    made = frames(7)
    with PicturesWriter(tmp_path / "o.zip") as writer:
        for frame in made:
            writer.write(frame)
    with zipfile.ZipFile(tmp_path / "o.zip") as archive:
        for name, frame in zip(sorted(archive.namelist()), made, strict=True):
            assert (np.asarray(Image.open(BytesIO(archive.read(name)))) == frame).all()


@pytest.mark.parametrize(("fps", "count"), [(RATE, 24), (Fraction(100), 12)])
def test_a_gif_loops_and_keeps_its_length_and_above_50_a_second_drops_frames(tmp_path, fps, count):
    with GifWriter(tmp_path / "o.gif", 48, 36, fps) as writer:
        for frame in frames(24):
            writer.write(frame)
    with Image.open(tmp_path / "o.gif") as picture:
        assert picture.n_frames == count
        assert picture.info["loop"] == 0
        lasted = 0
        for number in range(count):
            picture.seek(number)
            lasted += picture.info["duration"]
    assert lasted / 1000 == pytest.approx(float(24 / fps), abs=0.03)


@pytest.mark.parametrize("name", ["o.gif", "o.zip"])
def test_after_an_error_nothing_is_left_and_a_partial_file_only_when_asked(tmp_path, name):
    def write(*, keep_partial):
        made = (
            GifWriter(tmp_path / name, 48, 36, RATE, keep_partial=keep_partial)
            if name.endswith("gif")
            else PicturesWriter(tmp_path / name, keep_partial=keep_partial)
        )
        with pytest.raises(KeyboardInterrupt), made as writer:
            for frame in frames(5):
                writer.write(frame)
            raise KeyboardInterrupt

    write(keep_partial=False)
    assert list(tmp_path.iterdir()) == []
    write(keep_partial=True)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_without_a_frame_there_is_no_file_but_a_sentence(tmp_path):
    with pytest.raises(MMFAError, match="not one frame"), PicturesWriter(tmp_path / "o.zip"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_existing_gif_is_kept_unless_told_otherwise(tmp_path):
    (tmp_path / "o.gif").write_bytes(b"mine")
    with pytest.raises(MMFAError, match="already there"):
        GifWriter(tmp_path / "o.gif", 48, 36, RATE)


@pytest.mark.parametrize("name", ["o.mp4", "o.gif", "o.zip"])
def test_a_file_that_came_meanwhile_is_kept(tmp_path, name):
    with (
        pytest.raises(MMFAError, match="already there"),
        open_output(tmp_path / name, (48, 36), RATE) as writer,
    ):
        writer.write(frames(1)[0])
        (tmp_path / name).write_bytes(b"mine")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"mine"


def test_large_chunks_are_shown_smaller(tmp_path):
    chunks = ChunkWriter(tmp_path, 1000, 501, RATE, 0.5)
    paths = [chunks.write(frame) for frame in frames(6, 501, 1000)]
    assert paths[:5] == [None] * 5
    info = probe_clip(paths[5])
    assert (info.width, info.height, info.frames) == (720, 360, 6)


def test_an_abandoned_chunk_leaves_no_file(tmp_path):
    chunks = ChunkWriter(tmp_path, 48, 36, RATE)
    chunks.write(frames(1)[0])
    chunks.abandon()
    assert list(tmp_path.iterdir()) == []
    assert chunks.finish() is None


def test_a_part_of_a_clip_has_exactly_its_frames(tmp_path):
    with ClipWriter(tmp_path / "a.mp4", 48, 36, RATE) as writer:
        for frame in frames(40):
            writer.write(frame)
    info = probe_clip(tmp_path / "a.mp4")
    part = info.trimmed(float(10 / RATE), float(25 / RATE))
    assert (part.frames, part.first_frame, part.end_frame, part.fps) == (15, 10, 25, RATE)
    again = part.trimmed(float(5 / RATE))
    assert (again.frames, again.first_frame) == (10, 15)
    assert info.trimmed(0, 99) is info
    for wanted, first in ((part, 10), (again, 15)):
        read = list(read_clip(tmp_path / "a.mp4", info=wanted))
        assert len(read) == wanted.frames
        bright = [int(frame.mean((0, 2)).argmax()) for frame in read]
        assert bright == pytest.approx(range(first, first + wanted.frames), abs=1)


@pytest.mark.parametrize("codec", ["aac", "libopus"])
def test_the_sound_of_a_part_stays_in_step_with_its_pictures(tmp_path, codec):
    """Silence and then, from 1 s on, a tone: in a part that begins at 0.6 s it comes at 0.4 s."""
    source = tmp_path / "s.mkv"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc=s=64x48:r=30000/1001:d=2",
        "-f", "lavfi", "-i", "sine=d=2:r=48000,volume=enable='lt(t,1)':volume=0",
        "-c:a", codec, "-pix_fmt", "yuv420p", source,
    )  # fmt: skip
    info = probe_clip(source).trimmed(18 * 1001 / 30000, 48 * 1001 / 30000)
    with ClipWriter(
        tmp_path / "a.mp4", 64, 48, info.fps, source, sound_start_s=info.trim_s
    ) as writer:
        for frame in read_clip(source, info=info):
            writer.write(frame)
    made = probe_clip(tmp_path / "a.mp4")
    assert (made.frames, made.fps) == (30, Fraction(30000, 1001))
    raw = ffmpeg("-i", tmp_path / "a.mp4", "-f", "s16le", "-ac", "1", "-ar", "8000", "-")
    sound = np.abs(np.frombuffer(raw, "<i2").astype(int))
    begins = np.flatnonzero(sound > 300)[0] / 8000
    assert begins == pytest.approx(1 - info.trim_s, abs=0.03)
    assert len(sound) / 8000 == pytest.approx(made.duration_s, abs=0.05)
