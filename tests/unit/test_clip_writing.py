"""Clips written: rate, colour, sound, and what is left when something fails."""

from __future__ import annotations

import os
import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import psutil
import pytest

from mmfa_core.errors import MediaError, ResourceError
from mmfa_core.media import (
    CLIP_SUFFIXES,
    ClipWriter,
    check_output,
    probe_clip,
    read_clip,
    write_picture,
)
from tests.clips import (
    NTSC,
    children,
    ffmpeg,
    grey_frames,
    make_clip,
    sound_length_s,
    sound_packets,
    with_sound,
    with_unreadable_sound,
)


def write_grey(path: Path, count: int, sound_from: Path | None) -> ClipWriter:
    """Write a clip of grey frames, 25 a second, with the sound of another."""
    with ClipWriter(path, 32, 32, Fraction(25), sound_from) as writer:
        for frame in grey_frames(count):
            writer.write(frame)
    return writer


def test_ten_minutes_at_the_ntsc_rate_do_not_drift(tmp_path: Path) -> None:
    count = 17982  # 10 minutes
    frames = grey_frames(2, 16, 16)
    with ClipWriter(tmp_path / "a.mp4", 16, 16, NTSC) as writer:
        for i in range(count):
            writer.write(frames[i % 2])
    info = probe_clip(tmp_path / "a.mp4")
    assert info.fps == NTSC
    assert info.frames == count
    assert info.duration_s == pytest.approx(count * 1001 / 30000, abs=1e-6)
    assert sum(1 for _ in read_clip(tmp_path / "a.mp4", info=info)) == count


def test_a_written_clip_is_h264_that_browsers_play_from_the_start(tmp_path: Path) -> None:
    with ClipWriter(tmp_path / "a.mp4", 64, 64, Fraction(25)) as writer:
        for frame in grey_frames(5, 64, 64):
            writer.write(frame)
    assert writer.frames_written == 5
    data = (tmp_path / "a.mp4").read_bytes()
    assert 0 < data.find(b"moov") < data.find(b"mdat")
    assert b"avc1" in data
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", tmp_path / "a.mp4"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert "yuv420p(tv, bt709" in said
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 150, 120)])
def test_a_colour_comes_back_from_a_written_clip(tmp_path: Path, colour) -> None:
    with ClipWriter(tmp_path / "a.mp4", 32, 32, Fraction(25)) as writer:
        writer.write(np.full((32, 32, 3), colour, dtype=np.uint8))
    back = next(read_clip(tmp_path / "a.mp4"))[16, 16].astype(int)
    assert np.abs(back - colour).max() <= 2


@pytest.mark.parametrize(("width", "height"), [(33, 31), (33, 32), (32, 31)])
def test_an_odd_size_loses_its_last_column_or_row(tmp_path: Path, width: int, height: int) -> None:
    with ClipWriter(tmp_path / "a.mp4", width, height, Fraction(25)) as writer:
        writer.write(grey_frames(1, height, width)[0])
    info = probe_clip(tmp_path / "a.mp4")
    assert (info.width, info.height) == (width // 2 * 2, height // 2 * 2)


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    source = with_sound(tmp_path / "s.mp4", "aac", 1)
    for name in ("a.mp4", "b.mp4"):
        with ClipWriter(tmp_path / name, 32, 32, NTSC, source) as writer:
            for frame in grey_frames(12):
                writer.write(frame)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize(("name", "codec"), [("s.mp4", "aac"), ("s.mp4", "libmp3lame")])
def test_sound_that_mp4_can_hold_is_copied_packet_by_packet(tmp_path, name, codec) -> None:
    source = with_sound(tmp_path / name, codec, 1)
    write_grey(tmp_path / "a.mp4", 25, source)
    original, copied = sound_packets(source), sound_packets(tmp_path / "a.mp4")
    assert copied == original[: len(copied)]
    assert len(copied) >= len(original) - 1  # a packet that lies beyond the pictures may go
    assert probe_clip(tmp_path / "a.mp4").frames == 25


@pytest.mark.parametrize(("name", "codec"), [("s.webm", "libopus"), ("s.avi", "pcm_s16le")])
def test_sound_that_mp4_cannot_hold_is_converted(tmp_path, name, codec) -> None:
    source = with_sound(tmp_path / name, codec, 1)
    write_grey(tmp_path / "a.mp4", 25, source)
    assert b"mp4a" in (tmp_path / "a.mp4").read_bytes()
    assert sound_length_s(tmp_path / "a.mp4") == pytest.approx(1, abs=0.05)


def test_sound_of_a_kind_that_nobody_knows_is_no_sound(tmp_path: Path) -> None:
    source = with_unreadable_sound(tmp_path / "s.mov", b"zzzz")
    assert not probe_clip(source).has_sound
    write_grey(tmp_path / "a.mp4", 1, source)
    assert probe_clip(tmp_path / "a.mp4").frames == 1


def test_sound_that_can_not_be_decoded_is_left_out_and_the_pictures_are_kept(tmp_path) -> None:
    source = with_unreadable_sound(tmp_path / "s.mov", b"ac-4")
    writer = write_grey(tmp_path / "a.mp4", 5, source)
    assert writer.notes == ("The sound of s.mov can't be decoded and was left out.",)
    assert (probe_clip(tmp_path / "a.mp4").frames, probe_clip(tmp_path / "a.mp4").has_sound) == (
        5,
        False,
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "s.mov"]


@pytest.mark.parametrize(
    ("sound_s", "frames", "expected_s"),
    [(3.0, 25, 1.0), (0.4, 25, 0.4), (1.0, 25, 1.0)],
)
def test_sound_never_outlasts_nor_shortens_the_pictures(
    tmp_path, sound_s, frames, expected_s
) -> None:
    source = with_sound(tmp_path / "s.mp4", "aac", sound_s)
    write_grey(tmp_path / "a.mp4", frames, source)
    info = probe_clip(tmp_path / "a.mp4")
    assert info.frames == frames
    assert info.has_sound
    assert sound_length_s(tmp_path / "a.mp4") == pytest.approx(expected_s, abs=0.04)


def test_sound_stays_in_step_when_the_pictures_start_late(tmp_path: Path) -> None:
    # Silence for 0.5 s, then a tone; the pictures begin at 0.5 s, with the tone.
    ffmpeg(
        "-f", "lavfi", "-itsoffset", "0.5", "-i", "testsrc=s=64x48:r=25:d=1",
        "-f", "lavfi", "-i", "sine=d=1.5,volume=enable='lt(t,0.5)':volume=0",
        "-c:a", "aac", "-pix_fmt", "yuv420p", tmp_path / "s.mkv",
    )  # fmt: skip
    info = probe_clip(tmp_path / "s.mkv")
    assert info.start_s == pytest.approx(0.5, abs=0.05)
    with ClipWriter(tmp_path / "a.mp4", 64, 48, info.fps, tmp_path / "s.mkv") as writer:
        for frame in read_clip(tmp_path / "s.mkv", info=info):
            writer.write(frame)
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", tmp_path / "a.mp4",
        "-f", "s16le", "-ac", "1", "-ar", "8000", "-",
    ]  # fmt: skip
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    loud = np.flatnonzero(np.abs(np.frombuffer(raw, dtype="<i2").astype(int)) > 300)
    assert loud[0] / 8000 < 0.06


def test_stopping_while_the_sound_is_joined_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    sounding = with_sound(tmp_path / "s.mp4", "aac", 1)
    (tmp_path / "o").mkdir()

    def stop(command: list[str]) -> None:
        raise KeyboardInterrupt

    writer = ClipWriter(tmp_path / "o" / "a.mp4", 32, 32, Fraction(25), sound_from=sounding)
    with pytest.raises(KeyboardInterrupt), writer:
        for frame in grey_frames(5):
            writer.write(frame)
        monkeypatch.setattr("mmfa_core.media.writer.run", stop)
    assert list((tmp_path / "o").iterdir()) == []


def test_a_silent_clip_and_a_clip_without_a_sound_source_stay_silent(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "s.mp4", seconds=0.2)
    for name, sound in (("a.mp4", source), ("b.mp4", None)):
        write_grey(tmp_path / name, 1, sound)
        assert not probe_clip(tmp_path / name).has_sound


@pytest.mark.parametrize("keep", [False, True])
def test_an_exception_leaves_nothing_or_what_was_asked_to_be_kept(tmp_path: Path, keep) -> None:
    source = with_sound(tmp_path / "s.mp4", "aac", 1)
    target = tmp_path / "out" / "a.mp4"
    target.parent.mkdir()
    writer = ClipWriter(target, 32, 32, Fraction(25), source, keep_partial=keep)
    with pytest.raises(KeyboardInterrupt), writer:
        for frame in grey_frames(10):
            writer.write(frame)
        raise KeyboardInterrupt
    assert [p.name for p in target.parent.iterdir()] == (["a.mp4"] if keep else [])
    if keep:
        assert probe_clip(target).frames == 10
        assert probe_clip(target).has_sound


def test_a_clip_without_a_frame_is_not_written(tmp_path: Path) -> None:
    writer = ClipWriter(tmp_path / "a.mp4", 32, 32, Fraction(25))
    with pytest.raises(ResourceError, match="not one frame"), writer:
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_dies_gives_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    before = children()
    big = np.zeros((512, 512, 3), dtype=np.uint8)
    writer = ClipWriter(tmp_path / "a.mp4", 512, 512, Fraction(25))
    with pytest.raises(ResourceError) as caught, writer:
        for _ in range(3):
            writer.write(big)
        for pid in children() - before:
            psutil.Process(pid).kill()
        for _ in range(50):
            writer.write(big)
    assert caught.value.message == "The encoder stopped before a.mp4 was finished."
    assert list(tmp_path.iterdir()) == []
    assert children() - before == set()


def test_an_existing_clip_is_kept_unless_overwritten(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", seconds=0.2)
    content = path.read_bytes()
    with pytest.raises(ResourceError, match=r"a\.mp4 is already there and was kept\."):
        ClipWriter(path, 32, 32, Fraction(25))
    assert path.read_bytes() == content
    with ClipWriter(path, 32, 32, Fraction(25), overwrite=True) as writer:
        writer.write(grey_frames(1)[0])
    assert probe_clip(path).frames == 1


def test_a_clip_may_replace_the_one_it_takes_its_sound_from(tmp_path: Path) -> None:
    path = with_sound(tmp_path / "a.mp4", "aac", 1)
    with ClipWriter(path, 32, 32, Fraction(25), path, overwrite=True) as writer:
        for frame in grey_frames(25):
            writer.write(frame)
    info = probe_clip(path)
    assert (info.width, info.has_sound) == (32, True)


def test_a_name_of_long_letters_leaves_room_for_its_hidden_file(tmp_path: Path) -> None:
    path = tmp_path / ("\N{CJK UNIFIED IDEOGRAPH-4EBA}" * 83 + ".png")  # 253 bytes
    write_picture(path, grey_frames(1)[0])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [
        ("a.txt", MediaError, "a.txt ends in .txt; the possible endings are .mp4, .m4v, .mov."),
        ("a", MediaError, "a ends in nothing; the possible endings are .mp4, .m4v, .mov."),
        ("gone/a.mp4", ResourceError, "There is no folder named gone to write a.mp4 to."),
        ("folder.mp4", ResourceError, "folder.mp4 is a folder."),
        (
            f"{'a' * 300}.mp4",
            ResourceError,
            f"{'a' * 300}.mp4 can't be written to its folder (File name too long).",
        ),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_work(
    tmp_path, name, error, sentence
) -> None:
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(error) as caught:
        ClipWriter(tmp_path / name, 32, 32, Fraction(25))
    assert caught.value.message == sentence
    assert caught.value.hint


def test_an_unwritable_folder_is_refused_before_work(tmp_path: Path, monkeypatch) -> None:
    # The tests may run as an administrator, for whom every folder is writable.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ResourceError, match=r"a\.mp4 can't be written to its folder"):
        check_output(tmp_path / "a.mp4", overwrite=False, suffixes=CLIP_SUFFIXES)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((32, 32), np.uint8),
        np.zeros((32, 32, 4), np.uint8),
        np.zeros((32, 32, 3), np.float32),
        np.zeros((16, 32, 3), np.uint8),
    ],
)
def test_a_frame_of_another_kind_is_a_programmers_mistake(tmp_path: Path, frame) -> None:
    writer = ClipWriter(tmp_path / "a.mp4", 32, 32, Fraction(25))
    with pytest.raises(ValueError, match="frame"), writer:
        writer.write(frame)
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_length_of_a_clip(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4", size="320x240", seconds=12)
    process = psutil.Process()
    grown = []
    for frame in read_clip(tmp_path / "a.mp4"):
        assert frame.shape == (240, 320, 3)
        grown.append(process.memory_info().rss)
    assert max(grown[50:]) - grown[50] < 20 * frame.nbytes  # 300 frames would be 69 MB
