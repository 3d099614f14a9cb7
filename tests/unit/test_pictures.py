"""Pictures in and out, with every file made on the spot."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from mmfa_core.errors import ResourceError, TooLongError, UnreadableError
from mmfa_core.media import (
    read_picture,
    write_picture,
)
from tests.clips import RED, WHITE, grey_frames, save


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
