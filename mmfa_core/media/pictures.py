"""Pictures in and out: the only place that knows PIL.

In: picture files of any kind. Out: upright sRGB frames; and the other way round. Knows nothing
about clips.
"""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np

from mmfa_core.errors import TooLongError, UnreadableError
from mmfa_core.media.files import Frame, check_frame, check_output, existing, part_file, unwritable
from mmfa_core.media.marking import Marking, picture_metadata

SMALLEST_PICTURE_PX: Final = 32
LARGEST_PICTURE_PX: Final = 20_000  # a side
LARGEST_PICTURE_MPX: Final = 100
KEPT_PICTURE_PX: Final = 4096  # a larger picture is made smaller while it is read
PICTURE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp")

_WRITTEN: Final = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_PICTURE_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM", "JPEG2000")
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)


def read_picture(path: str | Path) -> Frame:
    """Read a picture file as an upright sRGB frame.

    EXIF orientation and a colour profile are applied, transparency is laid over white, 16-bit
    and CMYK pictures are converted, and a picture above 4096 px a side is made smaller.

    Args:
        path: a JPEG, PNG, WebP, AVIF, BMP, GIF (first frame), TIFF or JPEG 2000 file.

    Returns:
        (H, W, 3) uint8, sRGB.

    Raises:
        UnreadableError: missing, damaged, not a picture, or under 32 px a side.
        TooLongError: over 20,000 px a side or 100 megapixels.
    """
    from PIL import Image, UnidentifiedImageError

    path = existing(path, "picture")
    hint = "Choose a JPEG, PNG or WebP picture."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PIL warns of large pictures: limited below
            Image.init()
            formats = [name for name in _PICTURE_FORMATS if name in Image.OPEN]
            with Image.open(path, formats=formats) as picture:
                _check_picture_size(path, *picture.size)
                if picture.format == "JPEG":  # decode at a fraction of the size where it is huge
                    picture.draft(None, (KEPT_PICTURE_PX, KEPT_PICTURE_PX))
                picture.load()
                frame = _as_srgb(picture)
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\d{6,}", str(error))
        size = f"{int(pixels[0]) / 1e6:.0f} megapixels" if pixels else "far too many pixels"
        raise _too_large(path, size) from error
    except UnidentifiedImageError as error:
        raise UnreadableError(f"{path.name} is not a picture that can be read.", hint) from error
    except _DAMAGED as error:
        raise UnreadableError(f"{path.name} is damaged or cut short.", hint) from error
    if min(frame.shape[:2]) < SMALLEST_PICTURE_PX:
        raise _too_small(path, frame.shape[1], frame.shape[0])
    return frame


def write_picture(
    path: str | Path, frame: Frame, *, overwrite: bool = False, mark: Marking | None = None
) -> Path:
    """Write a frame as PNG, JPEG or WebP, by the ending of the name.

    The file appears under its name only when it is complete.

    Args:
        path: where to; an existing file is kept unless `overwrite`.
        frame: (H, W, 3) uint8, sRGB.
        overwrite: whether an existing file may be replaced.
        mark: marks picture and file; None leaves them as they are.

    Returns:
        The path written.

    Raises:
        MediaError: the ending is not one of .png, .jpg, .jpeg, .webp.
        ResourceError: the file exists, or the folder can't be written.
    """
    check_frame(frame)
    path = check_output(path, overwrite=overwrite, suffixes=PICTURE_SUFFIXES)
    part = part_file(path)
    try:
        part.write_bytes(pack_picture(frame, path.suffix.lower(), mark))
        part.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        part.unlink(missing_ok=True)
    return path


def pack_picture(frame: Frame, suffix: str, mark: Marking | None = None, **options: Any) -> bytes:
    """Encode a frame as the content of a picture file.

    Args:
        frame: (H, W, 3) uint8, sRGB.
        suffix: of PICTURE_SUFFIXES.
        mark: marks picture and file; None leaves them as they are.
        **options: of PIL, such as ``compress_level``.
    """
    from PIL import Image

    if suffix != ".png":
        options.setdefault("quality", 95)
    if suffix in (".jpg", ".jpeg"):
        options["subsampling"] = 0
    shown = frame if mark is None else mark.draw(frame)
    packed = BytesIO()
    Image.fromarray(shown).save(
        packed, _WRITTEN[suffix], **picture_metadata(mark, suffix), **options
    )
    return packed.getvalue() if mark is None else mark.seal(packed.getvalue(), suffix)


def _check_picture_size(path: Path, width: int, height: int) -> None:
    if max(width, height) > LARGEST_PICTURE_PX or width * height > LARGEST_PICTURE_MPX * 1e6:
        raise _too_large(path, f"{width} x {height} px")
    if min(width, height) < SMALLEST_PICTURE_PX:
        raise _too_small(path, width, height)


def _too_large(path: Path, size: str) -> TooLongError:
    limit = f"{LARGEST_PICTURE_PX} px a side and {LARGEST_PICTURE_MPX} megapixels"
    return TooLongError(f"{path.name} has {size}; the limit is {limit}.", "Make it smaller first.")


def _too_small(path: Path, width: int, height: int) -> UnreadableError:
    least = SMALLEST_PICTURE_PX
    return UnreadableError(
        f"{path.name} has {width} x {height} px; the smallest usable size is {least} x {least} px.",
        "Choose a larger picture.",
    )


def _as_srgb(picture: Any) -> Frame:
    """Turn an opened PIL picture upright, opaque, 8-bit and sRGB."""
    from PIL import Image, ImageOps

    with suppress(*_DAMAGED, TypeError, KeyError):  # a damaged EXIF block must not lose the picture
        picture = ImageOps.exif_transpose(picture)
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I") or picture.mode == "F":
        picture = _in_8_bits(picture)
    elif picture.mode in ("P", "1"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    if max(picture.size) > KEPT_PICTURE_PX:
        kept = (KEPT_PICTURE_PX, KEPT_PICTURE_PX)
        picture.thumbnail(kept, Image.Resampling.LANCZOS, reducing_gap=2.0)
    opacity = None
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        opacity = picture.getchannel("A")
        picture = picture.convert("RGB")
    picture = _without_profile(picture, profile).convert("RGB")
    if opacity is not None:
        picture = Image.composite(picture, Image.new("RGB", picture.size, "white"), opacity)
    return np.array(picture, dtype=np.uint8)


def _in_8_bits(picture: Any) -> Any:
    """Scale a grey picture of 16 or 32 bits, or of floats, to 8 bits by its nominal range."""
    from PIL import Image

    values = np.nan_to_num(np.asarray(picture, dtype=np.float32))
    highest = float(values.max())
    top = next(top for top in (1.0, 255.0, 65535.0, highest) if highest <= top)
    if picture.mode != "F":
        top = max(top, 65535.0 if picture.mode.startswith("I;16") else 255.0)
    return Image.fromarray((values.clip(0, top) * (255 / top)).round().astype(np.uint8))


def _without_profile(picture: Any, profile: bytes | None) -> Any:
    """Convert from an embedded colour profile to sRGB; a profile that fails is ignored."""
    from PIL import ImageCms

    if profile is None or picture.mode not in ("RGB", "CMYK", "L"):
        return picture
    with suppress(ImageCms.PyCMSError, *_DAMAGED):
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, source, target, outputMode="RGB") or picture
    return picture
