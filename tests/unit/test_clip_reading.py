"""Clips read: rates, turns, sizes, and what is refused; every file is made on the spot."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmfa_core.errors import TooLongError, UnreadableError
from mmfa_core.media import (
    probe_clip,
    read_clip,
)
from mmfa_core.media.timing import read_timing
from tests.clips import NTSC, children, ffmpeg, make_clip, save


@pytest.mark.parametrize(
    ("name", "rate", "fps"),
    [
        ("ntsc.mp4", "30000/1001", NTSC),
        ("film.mp4", "24000/1001", Fraction(24000, 1001)),
        ("film.mkv", "24000/1001", Fraction(24000, 1001)),  # stamps in whole milliseconds
        ("ntsc.webm", "30000/1001", NTSC),
        ("true24.mkv", "24", Fraction(24)),
        ("pal.avi", "25", Fraction(25)),
        ("fast.mov", "60000/1001", Fraction(60000, 1001)),
        ("odd.mp4", "12042/1000", Fraction(6021, 500)),
        ("half.mkv", "25/2", Fraction(25, 2)),
        ("ntsc.ts", "30000/1001", NTSC),
        ("anim.gif", "10", Fraction(10)),
    ],
)
def test_the_frame_rate_is_exact_in_every_container(tmp_path, name, rate, fps) -> None:
    seconds = 1.2
    codec = ["-c:v", "libvpx", "-deadline", "realtime"] if name.endswith("webm") else []
    source = f"testsrc=s=64x48:r={rate}:d={seconds}"
    ffmpeg("-f", "lavfi", "-i", source, *codec, tmp_path / name)
    info = probe_clip(tmp_path / name)
    assert info.fps == fps
    assert not info.variable_rate
    assert info.frames == sum(1 for _ in read_clip(tmp_path / name, info=info))
    assert float(info.frames / info.fps) == pytest.approx(seconds, abs=float(1 / fps))
    assert info.duration_s == pytest.approx(float(info.frames / info.fps))


def test_a_rate_survives_a_copy_into_a_container_with_coarse_time_stamps(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mkv", rate="30000/1001", seconds=3)
    ffmpeg("-i", tmp_path / "a.mkv", "-c", "copy", tmp_path / "b.mp4")
    assert probe_clip(tmp_path / "b.mp4").fps == NTSC


def packets(ticks: list[int], base: str, duration: int = 1) -> str:
    rows = [f"0, {tick}, {tick}, {duration}, 99, 0x0" for tick in ticks]
    return "\n".join([f"#tb 0: {base}", *rows])


@pytest.mark.parametrize(
    ("ticks", "base", "nominal", "fps", "variable"),
    [
        ([i * 1001 for i in range(9)], "1/30000", None, NTSC, False),
        ([round(i * 1001 / 30) for i in range(20000)], "1/1000", None, NTSC, False),
        ([round(i * 1000 / 30) for i in range(20000)], "1/1000", None, Fraction(30), False),
        ([0, 42, 83, 125], "1/1000", 23.98, Fraction(24000, 1001), False),  # both rates fit
        ([0, 42, 83, 125], "1/1000", 24.0, Fraction(24), False),
        ([3 * i + i % 2 for i in range(90)], "1/90", 30.0, Fraction(30), False),  # jitter
        ([0, 1, 2, 4, 5, 6], "1/30", None, Fraction(30), True),  # a frame is missing
        ([0, 33, 66, 900, 933, 966, 999], "1/1000", None, Fraction(30), True),
        ([0, 1, 2, 3, 500, 501], "1/1000", None, Fraction(60), True),  # at most 60 a second
        ([0], "1/25", None, Fraction(25), False),
    ],
)
def test_the_rate_is_found_from_time_stamps(ticks, base, nominal, fps, variable) -> None:
    timing = read_timing(packets(ticks, base), nominal)
    assert timing is not None
    assert timing.fps == fps
    assert timing.variable_rate == variable


def test_a_clip_with_a_varying_rate_is_evenly_resampled_without_drift(tmp_path: Path) -> None:
    # Brightness tells the time: frame n of 100 is shown at its own moment, some are dropped.
    keep = "select='not(mod(n,7)-3)+lt(mod(n,3),2)'"
    ffmpeg(
        "-f", "lavfi", "-i", "color=black:s=64x64:r=30:d=4", "-vf",
        f"geq=lum='16+1.5*N':cb=128:cr=128,{keep}", "-fps_mode", "vfr", "-crf", "1",
        "-pix_fmt", "yuv420p", tmp_path / "vfr.mkv",
    )  # fmt: skip
    info = probe_clip(tmp_path / "vfr.mkv")
    assert info.variable_rate
    assert info.fps == 30
    frames = list(read_clip(tmp_path / "vfr.mkv", info=info))
    assert len(frames) == pytest.approx(120, abs=2)
    assert info.frames == pytest.approx(len(frames), abs=1)
    shown = np.array([(frame.mean() * 219 / 255) / 1.5 for frame in frames])  # number of the frame
    assert np.abs(shown - np.arange(len(frames))).max() < 2.5  # the last one that was kept


@pytest.mark.parametrize(
    ("turn", "shape", "white"),
    [(0, (48, 64), (12, 16)), (90, (64, 48), (48, 12)), (180, (48, 64), (36, 48)),
     (270, (64, 48), (16, 36))],
)  # fmt: skip
def test_rotation_metadata_is_honoured(tmp_path, turn, shape, white) -> None:
    box = "drawbox=x=0:y=0:w=32:h=24:color=white:t=fill"
    ffmpeg("-f", "lavfi", "-i", "color=black:s=64x48:r=25:d=0.2", "-vf", box, tmp_path / "a.mp4")
    ffmpeg("-display_rotation", str(turn), "-i", tmp_path / "a.mp4", "-c", "copy",
           tmp_path / "b.mp4")  # fmt: skip
    info = probe_clip(tmp_path / "b.mp4")
    assert (info.height, info.width) == shape
    frame = next(read_clip(tmp_path / "b.mp4"))
    assert frame.shape == (*shape, 3)
    assert frame[white].min() > 200
    assert frame.mean() == pytest.approx(255 / 4, abs=10)


@pytest.mark.parametrize(
    ("size", "limit", "shape"),
    [("640x360", 0, (360, 640)), ("640x360", 320, (180, 320)), ("64x48", 320, (48, 64)),
     ("90x160", 80, (80, 45))],
)  # fmt: skip
def test_a_large_clip_is_made_smaller_and_a_small_one_is_not(tmp_path, size, limit, shape) -> None:
    make_clip(tmp_path / "a.mp4", size=size, seconds=0.2)
    assert next(read_clip(tmp_path / "a.mp4", max_side_px=limit)).shape == (*shape, 3)


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4", "-vf", "setsar=4/3", size="72x58", seconds=0.2)
    info = probe_clip(tmp_path / "a.mp4")
    assert (info.width, info.height) == (96, 58)


def test_a_clip_that_was_trimmed_without_encoding_is_as_long_as_what_it_shows(
    tmp_path: Path,
) -> None:
    make_clip(tmp_path / "whole.mp4", "-g", "50", "-bf", "2", rate="25", seconds=4)
    ffmpeg("-ss", "3", "-i", tmp_path / "whole.mp4", "-c", "copy", tmp_path / "part.mp4")
    info = probe_clip(tmp_path / "part.mp4")
    shown = sum(1 for _ in read_clip(tmp_path / "part.mp4"))
    assert info.frames == shown < 40
    assert info.duration_s == pytest.approx(shown / 25)


def test_a_clip_that_is_too_long_is_refused_at_once(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4", size="32x32", rate="2", seconds=94)
    with pytest.raises(TooLongError) as caught:
        read_clip(tmp_path / "a.mp4", max_seconds=60)
    assert caught.value.message == "a.mp4 is 94 s long; the limit is 60 s."
    assert caught.value.hint == "Use a shorter part of it."  # the page has no flags to raise
    assert sum(1 for _ in read_clip(tmp_path / "a.mp4", max_seconds=94)) == 188


def not_one_frame(path: Path) -> None:
    make_clip(path, "-frames:v", "0", "-c:v", "mpeg4", "-f", "avi")


def sound_with_a_cover(path: Path) -> None:
    cover = save(path.with_suffix(".png"), Image.new("RGB", (64, 64)))
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-i", cover, "-map", "0", "-map", "1",
           "-disposition:v", "attached_pic", "-c:v", "png", path)  # fmt: skip


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda p: None, "The clip c.mp4 is not there."),
        (lambda p: p.mkdir(), "The clip c.mp4 is not a file."),
        (lambda p: p.write_bytes(b""), "c.mp4 is empty: it has 0 bytes."),
        (lambda p: p.write_text("hello"), "c.mp4 is not a clip that can be read."),
        (
            lambda p: ffmpeg("-f", "lavfi", "-i", "sine=d=1", p),
            "c.mp4 holds only sound.",
        ),
        (sound_with_a_cover, "c.mp4 holds only sound."),
        (not_one_frame, "c.mp4 has a picture track without a single frame."),
        (
            lambda p: p.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nx.ts\n"),
            "c.mp4 is not a clip that can be read.",
        ),
    ],
)
def test_a_bad_clip_gives_one_sentence(tmp_path, make, sentence) -> None:
    path = tmp_path / "c.mp4"
    make(path)
    for use in (probe_clip, read_clip):
        with pytest.raises(UnreadableError) as caught:
            use(path)
        assert caught.value.message == sentence
        assert caught.value.hint
        assert str(tmp_path) not in str(caught.value)


def test_a_clip_in_an_unknown_codec_is_refused(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.avi", "-c:v", "mjpeg", seconds=0.4)
    path.write_bytes(path.read_bytes().replace(b"MJPG", b"ZZZZ"))
    with pytest.raises(UnreadableError, match="not one frame of it can be decoded"):
        probe_clip(path)


def test_a_clip_that_is_cut_short_gives_the_frames_that_are_left(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", "-movflags", "+faststart", "-g", "5", seconds=4)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    info = probe_clip(path)
    assert 20 < info.frames < 80
    assert sum(1 for _ in read_clip(path)) == pytest.approx(info.frames, abs=2)


def test_leaving_a_clip_early_stops_its_decoder(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4", size="320x240", seconds=8)
    before = children()
    frames = read_clip(tmp_path / "a.mp4")
    assert next(frames).shape == (240, 320, 3)
    assert len(children() - before) == 1
    frames.close()
    assert children() - before == set()
    for _ in read_clip(tmp_path / "a.mp4"):
        break
    assert children() - before == set()


def test_each_frame_is_an_array_of_its_own(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4", seconds=0.2)
    first, second = itertools.islice(read_clip(tmp_path / "a.mp4"), 2)
    first[:] = 0
    assert second.max() > 0
