"""Marks: every kind of file is signed, and whoever alters it is told of."""

from __future__ import annotations

import dataclasses
import datetime
import http.server
import io
import re
import subprocess
import sys
import threading
import zipfile
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import c2pa
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from mmfa_core import AnimateOptions, MMFAError, MotionEdit, verify
from mmfa_core.errors import UnreadableError
from mmfa_core.media import ClipWriter, PicturesWriter, read_clip, read_picture, write_picture
from mmfa_core.provenance import Mark, hash_file, hash_pixels, hash_settings
from mmfa_core.provenance import mark as mark_module
from mmfa_core.provenance.certificate import own_identity
from mmfa_core.provenance.manifest import SYNTHETIC, manifest_definition
from mmfa_core.provenance.mark import UNSIGNED_NOTE
from mmfa_core.provenance.origin import PORTRAIT
from mmfa_core.provenance.signing import offline_settings, sign_bytes
from mmfa_core.provenance.verification import BESIDE, GONE, PICTURE, STATEMENT
from mmfa_core.version import VERSION
from tests.marked import ORIGIN, SUFFIXES, boxes, shaded, write_marked

ROOT = Path(__file__).resolve().parents[2]
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """One signed file of each kind."""
    folder = tmp_path_factory.mktemp("signed")
    return {suffix: write_marked(folder / f"made{suffix}", Mark(ORIGIN)) for suffix in SUFFIXES}


def altered_at(path, place, target):
    """Copy a file with one bit of one byte turned."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    target.write_bytes(data)
    return target


# ------------------------------------------------------------------------------ signing


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_written_file_declares_how_it_was_made_and_is_intact(signed, suffix):
    found = verify(signed[suffix])
    assert (found.intact, found.altered, found.trusted) == (True, (), False)
    declared = found.declared
    assert (declared.tool, declared.tool_version, declared.synthetic) == (
        "MMFA Studio",
        VERSION,
        True,
    )
    assert (declared.operation, declared.model_id, declared.model_hash) == (
        "animate",
        "tiny",
        "0123456789ab",
    )
    assert declared.settings_hash == ORIGIN.settings_hash
    assert declared.ingredients == ORIGIN.ingredients
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", declared.made_at)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_validator_of_c2pa_itself_calls_it_valid(signed, suffix):
    with c2pa.Reader(str(signed[suffix])) as reader:
        assert reader.get_validation_state() == "Valid"


def test_a_signed_clip_still_plays_frame_by_frame(signed):
    assert len(list(read_clip(signed[".mp4"]))) == 6


def test_every_picture_of_a_zip_is_signed(tmp_path):
    mark = Mark(ORIGIN)
    with PicturesWriter(tmp_path / "o.zip", mark=mark) as writer:
        for frame in shaded(3):
            writer.write(frame)
    assert mark.signed
    with zipfile.ZipFile(tmp_path / "o.zip") as archive:
        archive.extractall(tmp_path)
    assert [verify(p).intact for p in sorted(tmp_path.glob("*.png"))] == [True] * 3


MEASURE = """
import resource, sys
from pathlib import Path
from mmfa_core.provenance import Mark, verify
from tests.marked import ORIGIN
small, large = map(Path, sys.argv[1:])
for path in (small, large):
    mark = Mark(ORIGIN)
    mark.seal_file(path)
    assert mark.signed and verify(path).intact
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss is kB there")
def test_a_long_clip_is_signed_and_verified_in_constant_memory(tmp_path):
    small = write_marked(tmp_path / "small.mp4", None)
    data = bytearray(small.read_bytes())
    *_, (kind, first, end) = boxes(data)
    assert (kind, end) == ("mdat", len(data))
    more = 96 * 2**20
    data[first : first + 4] = (end - first + more).to_bytes(4, "big")
    large = tmp_path / "large.mp4"
    large.write_bytes(data + bytes(more))
    measure = [sys.executable, "-c", MEASURE, str(small), str(large)]
    done = subprocess.run(measure, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    before_kb, after_kb = map(int, done.stdout.split())
    assert after_kb - before_kb < more / 2**10 / 4


def test_what_was_begun_and_left_is_signed_too(tmp_path):
    class LeftError(Exception):
        pass

    with (
        pytest.raises(LeftError),
        ClipWriter(
            tmp_path / "o.mp4", 96, 96, Fraction(25), keep_partial=True, mark=Mark(ORIGIN)
        ) as writer,
    ):
        writer.write(shaded()[0])
        raise LeftError
    assert verify(tmp_path / "o.mp4").intact


def test_nothing_but_the_file_itself_is_left_behind(signed):
    folder = signed[".mp4"].parent
    assert {path.name for path in folder.iterdir()} == {f"made{suffix}" for suffix in SUFFIXES}


def test_a_file_that_cannot_be_signed_is_kept_and_the_note_says_so(tmp_path, monkeypatch):
    def fails(*_arguments):
        raise OSError("no room")

    monkeypatch.setattr(mark_module, "sign_file", fails)
    monkeypatch.setattr(mark_module, "sign_bytes", fails)
    for suffix in (".mp4", ".png"):
        mark = Mark(ORIGIN)
        path = write_marked(tmp_path / f"o{suffix}", mark)
        assert path.stat().st_size > 0
        assert (mark.signed, mark.notes) == (False, (UNSIGNED_NOTE,))
        assert verify(path).intact is False  # its plain metadata say that it was once marked
    assert {path.name for path in tmp_path.iterdir()} == {"o.mp4", "o.png"}


# ------------------------------------------------------------------------------ altered


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.5, 0.7, 0.98, 1.0])
@pytest.mark.parametrize("kind", ["ftyp", "uuid", "moov", "mdat", "free"])
def test_a_clip_with_one_byte_changed_is_altered_wherever_the_byte_is(
    signed, tmp_path, kind, share
):
    data = signed[".mp4"].read_bytes()
    _, first, end = [box for box in boxes(data) if box[0] == kind][-1]
    place = first + round(share * (end - 1 - first))
    found = verify(altered_at(signed[".mp4"], place, tmp_path / "altered.mp4"))
    assert found.intact is False
    assert found.altered


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_changed_byte_anywhere_is_told_or_lies_in_padding(signed, tmp_path, suffix):
    data = signed[suffix].read_bytes()
    places = range(3, len(data), max(1, len(data) // 200))
    target = tmp_path / f"altered{suffix}"
    missed = 0
    for place in places:
        altered_at(signed[suffix], place, target)
        missed += verify(target).intact is not False
    assert missed <= (0 if suffix == ".mp4" else len(places) / 5)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_changed_byte_of_the_picture_is_told_as_such(signed, tmp_path, suffix):
    size = signed[suffix].stat().st_size
    place = {".mp4": -200, ".png": -40, ".webp": 200}.get(suffix, size - 60)
    found = verify(altered_at(signed[suffix], place, tmp_path / f"altered{suffix}"))
    assert found.intact is False
    assert PICTURE in found.altered


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_model_in_the_statement_is_told(signed, tmp_path, suffix):
    data = signed[suffix].read_bytes()
    other = data.replace(b"settings_sha256", b"settings_sha257")
    assert other != data
    (tmp_path / f"o{suffix}").write_bytes(other)
    found = verify(tmp_path / f"o{suffix}")
    assert found.intact is False
    assert STATEMENT in found.altered


def test_what_only_the_checksum_sees_is_named(signed, tmp_path):
    found = verify(altered_at(signed[".mp4"], 9, tmp_path / "brand.mp4"))
    assert found.altered == (BESIDE,)


def test_a_clip_that_lost_its_end_is_altered(signed, tmp_path):
    (tmp_path / "cut.mp4").write_bytes(signed[".mp4"].read_bytes()[:-80])
    assert verify(tmp_path / "cut.mp4").intact is False


def test_a_file_whose_statement_was_cut_out_says_that_it_once_had_one(signed, tmp_path):
    unmarked = write_marked(tmp_path / "o.mp4", None)
    program = imageio_ffmpeg.get_ffmpeg_exe()
    again = [program, "-loglevel", "error", "-i", signed[".mp4"], "-c", "copy", tmp_path / "c.mp4"]
    subprocess.run([str(word) for word in again], check=True)
    found = verify(tmp_path / "c.mp4")
    assert (found.intact, found.altered) == (False, (GONE,))
    assert verify(unmarked).intact is None


# ------------------------------------------------------------------- what isn't in the file


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_sources_are_in_the_file_by_hash_only(tmp_path, examples, suffix):
    portrait = tmp_path / "secret-name-of-a-person.png"
    write_picture(portrait, read_picture(examples / "london_009_neutral.jpg"))
    origin = dataclasses.replace(ORIGIN, ingredients=(hash_file(portrait, PORTRAIT),))
    made = write_marked(tmp_path / f"o{suffix}", Mark(origin)).read_bytes()
    assert b"secret-name" not in made
    assert str(tmp_path).encode() not in made
    assert portrait.read_bytes()[1000:1032] not in made
    assert len(made) - write_marked(tmp_path / f"p{suffix}", None).stat().st_size < 12_000
    assert b"c2pa.thumbnail" not in made


def test_a_file_is_hashed_as_sha256sum_does_and_pixels_by_themselves(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert hash_file(tmp_path / "abc", PORTRAIT).sha256.startswith("ba7816bf8f01cfea414140de5dae")
    frame = shaded()[0]
    assert hash_pixels(frame, PORTRAIT) == hash_pixels(np.asfortranarray(frame), PORTRAIT)
    assert hash_pixels(frame, PORTRAIT).hashed == "pixels"


def test_equal_settings_have_equal_hashes_and_the_badge_is_no_setting():
    options = AnimateOptions()
    assert hash_settings(options) == hash_settings(options.changed(badge=False, overwrite=True))
    assert hash_settings(options) != hash_settings(options.changed(mode="absolute"))
    assert hash_settings(MotionEdit(yaw_deg=1)) == hash_settings(MotionEdit(yaw_deg=1.0))


# -------------------------------------------------------------------------- plain metadata


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_plain_metadata_of_pictures_say_that_they_are_synthetic(signed, suffix):
    with Image.open(signed[suffix]) as picture:
        texts = [*map(str, picture.info.values()), *map(str, picture.getexif().values())]
        xmp = picture.info.get("xmp") or picture.info["XML:com.adobe.xmp"]
    assert any("Generated with MMFA Studio" in text and "0123456789ab" in text for text in texts)
    description = next(ElementTree.fromstring(xmp).iter(f"{RDF}Description"))
    assert SYNTHETIC in description.attrib.values()


def test_plain_metadata_of_clips_say_so_too(signed):
    program = imageio_ffmpeg.get_ffmpeg_exe()
    told = subprocess.run([program, "-i", signed[".mp4"]], capture_output=True, check=False).stderr
    assert re.search(rb"comment *: Generated with MMFA Studio", told)
    with Image.open(signed[".gif"]) as picture:
        assert picture.info["comment"].startswith(b"Generated with MMFA Studio")


# ---------------------------------------------------------------------------------- badge


def corner(frame):
    return frame[-len(frame) // 5 :, -len(frame) // 3 :].astype(int)


@pytest.mark.parametrize("grey", [0, 90, 160, 255])
def test_the_badge_is_seen_on_any_ground(tmp_path, grey):
    plain = np.full((256, 256, 3), grey, np.uint8)
    path = write_picture(tmp_path / "o.png", plain, mark=Mark(ORIGIN))
    shown = corner(read_picture(path))
    assert shown.max() - shown.min() > 100
    rest = read_picture(path)[: 256 * 4 // 5]
    assert (rest == grey).all()


@pytest.mark.parametrize("shape", [(64, 64), (65, 300), (720, 1280), (2048, 512)])
def test_the_badge_grows_with_the_frame_and_stays_in_its_corner(shape):
    frame = np.zeros((*shape, 3), np.uint8)
    changed = np.argwhere(Mark(ORIGIN).draw(frame).any(-1))
    height, width = np.ptp(changed, 0) + 1
    assert height == max(14, round(0.065 * min(shape)))
    assert width < 2 * height
    assert (changed.max(0) < np.array(shape) - 2).all()
    assert not frame.any()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_without_the_badge_the_pixels_are_those_of_an_unmarked_file(tmp_path, suffix):
    with_mark = write_marked(tmp_path / f"a{suffix}", Mark(ORIGIN, badge=False))
    without = write_marked(tmp_path / f"b{suffix}", None)
    read = (lambda p: next(iter(read_clip(p)))) if suffix in (".mp4", ".gif") else read_picture
    assert (read(with_mark) == read(without)).all()
    assert verify(with_mark).intact


# -------------------------------------------------------------------------------- network


@pytest.fixture
def asked():
    """A server that remembers what it was asked for; its address is the first entry's ``url``."""
    paths = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # http.server calls it so
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_statement_that_lies_on_a_server_is_not_fetched(asked, tmp_path):
    url, paths = asked
    identity = own_identity()
    key = c2pa.C2paSignerInfo(
        c2pa.C2paSigningAlg.ES256, identity.chain.encode(), identity.key.encode(), None
    )
    plain = write_marked(tmp_path / "plain.jpg", None)
    with (
        c2pa.Context.from_dict(offline_settings()) as context,
        c2pa.Signer.from_info(key) as signer,
        c2pa.Builder({"claim_generator_info": [{"name": "other"}]}, context=context) as builder,
    ):
        builder.set_remote_url(f"{url}/manifest")
        builder.set_no_embed()
        builder.sign_file(plain, tmp_path / "remote.jpg", signer)
    with pytest.raises(UnreadableError, match="another server, and none is asked"):
        verify(tmp_path / "remote.jpg")
    assert paths == []


# -------------------------------------------------------------------------- other people's


def test_a_file_of_another_tool_is_read_too(tmp_path):
    now = datetime.datetime.now(datetime.timezone.utc)
    definition = manifest_definition(ORIGIN, now, checksum=False)
    definition["claim_generator_info"] = [{"name": "Other Camera", "version": "9"}]
    data = write_marked(tmp_path / "plain.png", None).read_bytes()
    (tmp_path / "o.png").write_bytes(sign_bytes(data, ".png", definition, own_identity()))
    found = verify(tmp_path / "o.png")
    assert found.intact
    assert (found.declared.tool, found.declared.model_id) == ("Other Camera", "")


def hostile_files():
    """Name and content of files that no honest person sends."""
    png = io.BytesIO()
    Image.fromarray(shaded()[0]).save(png, "PNG")
    rng = np.random.default_rng(1)
    huge = (2**32 - 1).to_bytes(4, "big") + b"ftypisom" + bytes(50)
    wide = b"\0\0\0\1mdat" + (2**63 - 1).to_bytes(8, "big") + bytes(50)
    yield "empty.mp4", b""
    yield "random.mp4", rng.bytes(5000)
    yield "random.png", rng.bytes(5000)
    yield "picture.mp4", png.getvalue()
    yield "cut.png", png.getvalue()[:100]
    yield "length.mp4", huge
    yield "long.mp4", b"\0\0\0\x14ftypisom\0\0\0\0isom" + wide
    yield "zeros.mp4", bytes(1000)
    yield "notes.txt", b"these are notes"


@pytest.mark.parametrize(("name", "content"), list(hostile_files()), ids=lambda v: str(v)[:16])
def test_a_hostile_file_gives_one_sentence_or_declares_nothing(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    try:
        found = verify(tmp_path / name)
    except MMFAError as error:
        assert error.message.endswith(".")
        assert "\n" not in error.message
        assert str(tmp_path) not in str(error)
    else:
        assert found.intact is None


def test_a_statement_nested_a_thousand_deep_is_read_without_a_failure(tmp_path):
    nested: object = "end"
    for _ in range(60):
        nested = {"a": nested}
    now = datetime.datetime.now(datetime.timezone.utc)
    definition = manifest_definition(ORIGIN, now, checksum=False)
    definition["assertions"].append({"label": "com.example.deep", "data": nested, "kind": "Json"})
    data = write_marked(tmp_path / "plain.png", None).read_bytes()
    (tmp_path / "o.png").write_bytes(sign_bytes(data, ".png", definition, own_identity()))
    assert verify(tmp_path / "o.png").intact


@pytest.mark.parametrize("name", ["missing.mp4", "folder"])
def test_a_file_that_is_not_there_is_told_in_a_sentence(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnreadableError, match="can't be opened"):
        verify(tmp_path / name)
