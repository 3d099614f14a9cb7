"""Pictures and clips in and out, with every file made on the spot."""

from __future__ import annotations

import itertools
import os
import subprocess
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import psutil
import pytest
from PIL import Image, ImageCms

from mmfa_core.errors import MediaError, ResourceError, TooLongError, UnreadableError
from mmfa_core.media import (
    CLIP_SUFFIXES,
    ClipWriter,
    Frame,
    check_output,
    probe_clip,
    read_clip,
    read_picture,
    write_picture,
)
from mmfa_core.media.timing import read_timing

NTSC = Fraction(30000, 1001)
RED, WHITE = (200, 40, 30), (255, 255, 255)


def ffmpeg(*arguments: str | Path) -> None:
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-loglevel", "error", "-y", "-threads", "1", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def make_clip(
    path: Path, *more: str, size: str = "64x48", rate: str = "25", seconds: float = 1.0
) -> Path:
    source = f"testsrc=s={size}:r={rate}:d={seconds}"
    ffmpeg("-f", "lavfi", "-i", source, *more, "-pix_fmt", "yuv420p", path)
    return path


def with_sound(path: Path, codec: str, sound_s: float, video_s: float = 1.0) -> Path:
    ffmpeg(
        "-f", "lavfi", "-i", f"testsrc=s=64x48:r=25:d={video_s}",
        "-f", "lavfi", "-i", f"sine=f=440:r=44100:d={sound_s}",
        "-c:a", codec, "-strict", "-2", "-pix_fmt", "yuv420p", path,
    )  # fmt: skip
    return path


def with_unreadable_sound(path: Path, kind: bytes) -> Path:
    """Write a clip whose sound says that it is of another kind, four letters."""
    whole = with_sound(path, "pcm_s16le", 1).read_bytes()
    assert whole.count(b"sowt") == 1
    path.write_bytes(whole.replace(b"sowt", kind))
    return path


def sound_packets(path: Path) -> list[str]:
    """List the sizes and checksums of a clip's sound packets."""
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", path, "-map", "0:a",
        "-c", "copy", "-f", "framecrc", "-",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    rows = [line.split(",") for line in done.stdout.splitlines() if line.startswith("0,")]
    return [row[4] + row[5] for row in rows]


def sound_length_s(path: Path) -> float:
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", path, "-map", "0:a",
        "-f", "s16le", "-ac", "1", "-ar", "8000", "-",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=True)
    return len(done.stdout) / 2 / 8000


def grey_frames(count: int, height: int = 32, width: int = 32) -> list[Frame]:
    return [np.full((height, width, 3), 10 + 2 * (i % 100), dtype=np.uint8) for i in range(count)]


def save(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)
    return path


# ----------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("rgb.png", Image.new("RGB", (40, 50), RED)),
        ("rgb.bmp", Image.new("RGB", (40, 50), RED)),
        ("palette.gif", Image.new("RGB", (40, 50), RED).quantize(4)),
        ("palette.png", Image.new("RGB", (40, 50), RED).convert("P")),
        ("opaque.png", Image.new("RGBA", (40, 50), (*RED, 255))),
        ("opaque.webp", Image.new("RGBA", (40, 50), (*RED, 255))),
        ("plain.jpg", Image.new("RGB", (40, 50), RED)),
        ("print.jpg", Image.new("RGB", (40, 50), RED).convert("CMYK")),
        ("print.tif", Image.new("RGB", (40, 50), RED).convert("CMYK")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_picture_of_any_colour_mode_is_read_as_its_colour(
    tmp_path: Path, name: str, picture: Image.Image
) -> None:
    frame = read_picture(save(tmp_path / name, picture))
    assert frame.shape == (50, 40, 3)
    assert frame.dtype == np.uint8
    assert np.abs(frame.reshape(-1, 3).mean(axis=0) - RED).max() < 20  # palettes and JPEG are rough


@pytest.mark.parametrize(
    ("mode", "dtype", "value", "expected"),
    [
        ("L", np.uint8, 100, 100),
        ("I;16", np.uint16, 100 * 257, 100),
        ("I", np.int32, 40000, 156),
        ("F", np.float32, 0.5, 128),
        ("F", np.float32, 100.0, 100),
        ("1", np.bool_, True, 255),
    ],
)
def test_a_grey_picture_of_any_depth_keeps_its_brightness(
    tmp_path: Path, mode: str, dtype: type, value: float, expected: int
) -> None:
    picture = Image.fromarray(np.full((40, 40), value, dtype=dtype))
    assert picture.mode == mode
    frame = read_picture(save(tmp_path / "grey.tif", picture))
    assert (frame == expected).all()


@pytest.mark.parametrize(
    ("mode", "colour"), [("RGBA", (0, 0, 0, 0)), ("LA", (0, 0)), ("PA", (0, 0))]
)
def test_what_is_transparent_becomes_white(
    tmp_path: Path, mode: str, colour: tuple[int, ...]
) -> None:
    picture = Image.new("RGBA" if mode == "PA" else mode, (40, 40), colour if mode != "PA" else 0)
    if mode == "PA":
        picture = picture.quantize(2)
    frame = read_picture(save(tmp_path / "clear.png", picture))
    assert (frame == WHITE).all()


def test_half_transparent_is_half_white(tmp_path: Path) -> None:
    frame = read_picture(save(tmp_path / "half.png", Image.new("RGBA", (40, 40), (0, 0, 0, 128))))
    assert (np.abs(frame.astype(int) - 127) <= 1).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_turned_upright(tmp_path: Path, orientation: int) -> None:
    upright = np.zeros((60, 80, 3), dtype=np.uint8)
    upright[:30, :40] = 255  # white upper left quarter
    undo = {
        1: upright,
        2: upright[:, ::-1],
        3: np.rot90(upright, 2),
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright.transpose(1, 0, 2), 2),
        8: np.rot90(upright, 3),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undo[orientation]))
    frame = read_picture(save(tmp_path / "turned.png", stored, exif=exif))
    assert np.array_equal(frame, upright)


def test_a_colour_profile_is_converted_to_srgb(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    lab = Image.merge("LAB", [Image.new("L", (40, 40), v) for v in (128, 200, 128)])
    to_lab = ImageCms.profileToProfile(
        lab, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    linear = BytesIO(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    same = read_picture(save(tmp_path / "srgb.png", to_lab, icc_profile=linear.getvalue()))
    assert np.abs(same.astype(int) - np.asarray(to_lab)).max() <= 1
    broken = read_picture(save(tmp_path / "broken.png", to_lab, icc_profile=b"no profile"))
    assert np.array_equal(broken, np.asarray(to_lab))


def test_a_large_picture_is_made_smaller_while_it_is_read(tmp_path: Path) -> None:
    for suffix in ("png", "jpg"):
        path = save(tmp_path / f"large.{suffix}", Image.new("RGB", (9000, 900), RED))
        frame = read_picture(path)
        assert frame.shape == (410, 4096, 3)


def a_truncated_jpeg(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:9000])


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda p: None, UnreadableError, "The picture p.png is not there."),
        (lambda p: p.mkdir(), UnreadableError, "The picture p.png is not a file."),
        (lambda p: p.write_bytes(b""), UnreadableError, "p.png is not a picture that can be read."),
        (
            lambda p: p.write_text("hello"),
            UnreadableError,
            "p.png is not a picture that can be read.",
        ),
        (a_truncated_jpeg, UnreadableError, "p.png is damaged or cut short."),
        (
            lambda p: Image.new("RGB", (1, 1)).save(p),
            UnreadableError,
            "p.png has 1 x 1 px; the smallest usable size is 32 x 32 px.",
        ),
        (
            lambda p: Image.new("1", (30_000, 1000)).save(p),
            TooLongError,
            "p.png has 30000 x 1000 px; the limit is 20000 px a side and 100 megapixels.",
        ),
        (
            lambda p: Image.new("1", (11_000, 11_000)).save(p),
            TooLongError,
            "p.png has 11000 x 11000 px; the limit is 20000 px a side and 100 megapixels.",
        ),
        (
            lambda p: Image.new("1", (20_000, 20_000)).save(p),
            TooLongError,
            "p.png has 400 megapixels; the limit is 20000 px a side and 100 megapixels.",
        ),
        (
            lambda p: Image.new("RGB", (19_000, 40)).save(p),
            UnreadableError,
            "p.png has 4096 x 9 px; the smallest usable size is 32 x 32 px.",
        ),
    ],
)
def test_a_bad_picture_gives_one_sentence(tmp_path, make, error, sentence) -> None:
    path = tmp_path / "p.png"
    make(path)
    with pytest.raises(error) as caught:
        read_picture(path)
    assert caught.value.message == sentence
    assert caught.value.hint
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(("name", "error"), [("a.png", 0), ("a.jpg", 3), ("a.webp", 6)])
def test_a_written_picture_reads_back(tmp_path: Path, name: str, error: int) -> None:
    frame = np.zeros((48, 40, 3), dtype=np.uint8)
    frame[:, :20] = RED
    assert write_picture(tmp_path / name, frame) == tmp_path / name
    back = read_picture(tmp_path / name).astype(int)
    assert np.abs(back - frame)[:, 4:16].max() <= error
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_written_picture_is_kept_unless_overwritten(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "a.png", grey_frames(1)[0])
    with pytest.raises(ResourceError, match=r"a\.png is already there and was kept\."):
        write_picture(path, grey_frames(2)[1])
    assert (read_picture(path) == 10).all()
    write_picture(path, grey_frames(2)[1], overwrite=True)
    assert (read_picture(path) == 12).all()


# ------------------------------------------------------------------------------------- reading


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


def test_a_clip_that_is_too_long_is_refused_at_once(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4", size="32x32", rate="2", seconds=94)
    with pytest.raises(TooLongError) as caught:
        read_clip(tmp_path / "a.mp4", max_seconds=60)
    assert caught.value.message == "a.mp4 is 94 s long; the limit is 60 s."
    assert "--max-seconds" in caught.value.hint
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


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children() if "ffmpeg" in child.name()}


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


# ------------------------------------------------------------------------------------- writing


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
    with ClipWriter(tmp_path / "a.mp4", 32, 32, Fraction(25), source) as writer:
        for frame in grey_frames(25):
            writer.write(frame)
    original, copied = sound_packets(source), sound_packets(tmp_path / "a.mp4")
    assert copied == original[: len(copied)]
    assert len(copied) >= len(original) - 1  # a packet that lies beyond the pictures may go
    assert probe_clip(tmp_path / "a.mp4").frames == 25


@pytest.mark.parametrize(("name", "codec"), [("s.webm", "libopus"), ("s.avi", "pcm_s16le")])
def test_sound_that_mp4_cannot_hold_is_converted(tmp_path, name, codec) -> None:
    source = with_sound(tmp_path / name, codec, 1)
    with ClipWriter(tmp_path / "a.mp4", 32, 32, Fraction(25), source) as writer:
        for frame in grey_frames(25):
            writer.write(frame)
    assert b"mp4a" in (tmp_path / "a.mp4").read_bytes()
    assert sound_length_s(tmp_path / "a.mp4") == pytest.approx(1, abs=0.05)


def test_sound_of_a_kind_that_nobody_knows_is_no_sound(tmp_path: Path) -> None:
    source = with_unreadable_sound(tmp_path / "s.mov", b"zzzz")
    assert not probe_clip(source).has_sound
    with ClipWriter(tmp_path / "a.mp4", 32, 32, Fraction(25), source) as writer:
        writer.write(grey_frames(1)[0])
    assert probe_clip(tmp_path / "a.mp4").frames == 1


def test_sound_that_can_not_be_decoded_is_left_out_and_the_pictures_are_kept(tmp_path) -> None:
    source = with_unreadable_sound(tmp_path / "s.mov", b"ac-4")
    with ClipWriter(tmp_path / "a.mp4", 32, 32, Fraction(25), source) as writer:
        for frame in grey_frames(5):
            writer.write(frame)
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
    with ClipWriter(tmp_path / "a.mp4", 32, 32, Fraction(25), source) as writer:
        for frame in grey_frames(frames):
            writer.write(frame)
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


def test_a_silent_clip_and_a_clip_without_a_sound_source_stay_silent(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "s.mp4", seconds=0.2)
    for name, sound in (("a.mp4", source), ("b.mp4", None)):
        with ClipWriter(tmp_path / name, 32, 32, Fraction(25), sound) as writer:
            writer.write(grey_frames(1)[0])
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
