"""The command line: one JSON line for what was done, one sentence for what can't be."""

import json
import os
import signal
import struct
import subprocess
import sys
import wave
import zlib
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mmfa_core.cli.main import main
from mmfa_core.media import ClipWriter, probe_clip, read_clip, read_picture, write_picture
from tests.tiny_model import save_tiny

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_tiny(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Run a command in an empty folder; gives its code, JSON lines and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MMFA_DEBUG", raising=False)

    def command(*words):
        before = signal.getsignal(signal.SIGTERM)
        code = main([str(word) for word in words])
        signal.signal(signal.SIGTERM, before)
        done = capsys.readouterr()
        lines = [json.loads(line) for line in done.out.splitlines()]
        return SimpleNamespace(code=code, lines=lines, stderr=done.err)

    return command


@pytest.fixture
def animate(run, model, examples):
    """Run animate on shipped files, with some arguments replaced."""

    def command(*more, source="london_009_neutral.jpg", driving="driving_turn.mp4", out="o.mp4"):
        where = {"--source": examples / source, "--driving": examples / driving, "--output": out}
        words = [word for pair in where.items() for word in pair]
        if "--model" not in more:
            words += ["--model", model]
        return run("animate", *words, "--threads", 1, *more)

    return command


def assert_refused(done, sentence, hint=True):
    """Check that exactly one line of at most two sentences came, on stderr, and code 2."""
    assert done.code == 2
    assert done.lines == []
    assert sentence in done.stderr
    assert done.stderr.endswith(".\n")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert not hint or done.stderr.count(". ") >= 1


# -------------------------------------------------------------------------- what is done


def test_animate_says_in_one_json_line_what_it_did(animate, examples, tmp_path):
    done = animate("--mode", "absolute", "--gain-rotation", 0.5, "--smoothing", 0)
    assert (done.code, done.stderr) == (0, "")
    (line,) = done.lines
    driver = probe_clip(examples / "driving_turn.mp4")
    assert line["command"] == "animate"
    assert line["output"] == "o.mp4"
    assert line["frames"] == line["frames_in"] == driver.frames
    assert Fraction(line["fps_in"]) == Fraction(line["fps_out"]) == driver.fps
    assert line["model_id"] == "tiny"
    assert len(line["model_hash"]) == 12
    assert line["notes"] == []
    assert line["seconds"]["total"] > 0
    assert probe_clip(tmp_path / "o.mp4").frames == driver.frames


def test_progress_comes_as_json_lines_before_the_final_one(animate):
    done = animate("--json-progress")
    *progress, last = done.lines
    assert last["command"] == "animate"
    stages = [line["progress"]["stage"] for line in progress]
    assert {"survey", "render"} == set(stages)
    final = progress[-1]["progress"]
    assert final["done"] == final["total"] == last["frames"]


def test_a_part_of_the_clip_can_drive_and_the_output_can_be_a_gif(animate, tmp_path):
    done = animate("--start", 0.5, "--end", 1.0, out="o.gif")
    assert (done.code, done.stderr) == (0, "")
    assert done.lines[0]["frames"] == probe_clip(tmp_path / "o.gif").frames == 6


def test_motion_is_saved_and_drives_as_its_clip_does(run, animate, model, examples, tmp_path):
    words = ("--driving", examples / "driving_turn.mp4", "--model", model, "--threads", 1)
    done = run("motion", *words, "--output", "turn.safetensors", "--end", 0.5)
    (line,) = done.lines
    assert (line["frames"], line["frames_with_face"], line["fps"]) == (6, 6, "6021/500")
    assert line["model_id"] == "tiny"
    again = run("motion", *words, "--output", "turn.safetensors")
    assert_refused(again, "turn.safetensors is already there and was kept.")
    animate("--end", 0.5, out="clip.mp4")
    animate(driving=tmp_path / "turn.safetensors", out="motion.mp4")
    frames = [list(read_clip(tmp_path / name)) for name in ("clip.mp4", "motion.mp4")]
    assert len(frames[0]) == 6
    assert np.array_equal(*frames)


def test_a_driving_picture_makes_a_picture(animate, tmp_path):
    done = animate(driving="london_034_smiling.jpg", out="o.png")
    assert done.code == 0
    assert read_picture(tmp_path / "o.png").shape == (64, 64, 3)
    assert done.lines[0]["frames"] == 1


def test_what_a_command_wrote_is_signed_and_verify_says_how_it_was_made(animate, run):
    assert animate("--end", 0.3).lines[0]["signed"] is True
    done = run("verify", "o.mp4")
    assert (done.code, done.stderr) == (0, "")
    (line,) = done.lines
    assert (line["intact"], line["trusted"]) == (True, False)
    assert line["declared"]["operation"] == "animate"
    assert [i["role"] for i in line["declared"]["ingredients"]] == ["portrait", "driving"]


def test_verify_ends_with_3_when_the_file_was_altered_and_with_4_when_it_says_nothing(
    animate, run, examples, tmp_path
):
    animate("--end", 0.3)
    data = bytearray((tmp_path / "o.mp4").read_bytes())
    data[-200] ^= 1
    (tmp_path / "o.mp4").write_bytes(data)
    altered = run("verify", "o.mp4")
    assert (altered.code, altered.lines[0]["intact"]) == (3, False)
    silent = run("verify", examples / "driving_turn.mp4")
    assert (silent.code, silent.lines[0]["intact"], silent.lines[0]["declared"]) == (4, None, None)


def test_verify_of_what_is_no_picture_is_refused_in_a_sentence(run, tmp_path):
    (tmp_path / "notes.png").write_text("notes", encoding="utf-8")
    assert_refused(run("verify", "notes.png"), "notes.png is no picture or clip that can be read")
    assert_refused(run("verify", "missing.png"), "missing.png can't be opened.")


@pytest.mark.parametrize("command", ["edit", "interpolate"])
def test_the_badge_can_be_left_out_and_the_signature_stays(run, model, examples, tmp_path, command):
    first, last = (examples / f"london_009_{name}.jpg" for name in ("neutral", "smiling"))
    sources = (
        ("--source", first) if command == "edit" else ("--a", first, "--b", last, "--steps", 2)
    )
    shown = []
    for name, more in (("a", ()), ("b", ("--no-badge",))):
        output = f"{name}.png" if command == "edit" else name
        words = (*sources, "--model", model, "--threads", 1, "--output", output, *more)
        assert run(command, *words).lines[0]["signed"] is True
        path = tmp_path / (output if command == "edit" else f"{name}/001.png")
        assert run("verify", path).code == 0
        shown.append(read_picture(path))
    changed = np.argwhere((shown[0] != shown[1]).any(-1))
    assert len(changed) > 100
    assert changed.min() > 64 // 2  # in the lower right corner


def test_several_faces_take_the_largest_and_the_line_says_so(run, model, examples, tmp_path):
    faces = [read_picture(examples / f"london_{n}_neutral.jpg") for n in ("009", "034")]
    write_picture(tmp_path / "two.png", np.concatenate((faces[0], faces[1]), axis=1))
    words = ("--source", "two.png", "--model", model, "--threads", 1)
    done = run("edit", *words, "--output", "o.png")
    assert done.code == 0
    assert "2 faces were found in two.png; the largest was taken." in done.lines[0]["notes"][0]
    assert run("edit", *words, "--output", "p.png", "--face-index", 1).lines[0]["notes"] == []
    assert_refused(
        run("edit", *words, "--output", "q.png", "--face-index", 2),
        "Face number 2 was asked for, but two.png has 2 faces (numbers 0 to 1).",
    )


def test_a_clip_whose_face_leaves_for_two_seconds_is_held_and_the_line_says_so(
    animate, examples, tmp_path
):
    frames = list(read_clip(examples / "driving_turn.mp4"))[:6]
    with ClipWriter(tmp_path / "leaves.mp4", 256, 256, Fraction(12)) as writer:
        for frame in [*frames, *[np.full_like(frames[0], 90)] * 24, *frames]:
            writer.write(frame)
    done = animate(driving=tmp_path / "leaves.mp4")
    assert done.code == 0
    assert done.lines[0]["notes"] == [
        "The face was not found from 0.5 s to 2.5 s; the last motion was held."
    ]
    assert done.lines[0]["frames"] == 36


def test_timeline_moves_a_still_and_goes_over_a_clip(run, model, examples, tmp_path):
    keys = {"seconds": 0.5, "fps": "24000/1001", "keyframes": [
        {"time_s": 0, "easing": "linear"}, {"time_s": 0.5, "edit": {"yaw_deg": 15}}]}  # fmt: skip
    (tmp_path / "k.json").write_text(json.dumps(keys))
    words = ("timeline", "--source", examples / "london_009_neutral.jpg", "--model", model)
    words = (*words, "--keyframes", tmp_path / "k.json")
    still = run(*words, "--output", "s.mp4").lines[0]
    assert (still["frames"], still["fps_out"]) == (12, "24000/1001")
    driver = examples / "driving_turn.mp4"
    driven = run(*words, "--output", "d.mp4", "--driving", driver).lines[0]
    assert (driven["frames"], driven["fps_out"]) == (23, "6021/500")
    (tmp_path / "k.json").write_text('{"keyframes": [{"time": 0}]}')
    refused = run(*words, "--output", "x.mp4")
    assert (refused.code, refused.lines) == (2, [])
    assert refused.stderr == "The keyframe has an unknown key 'time'. Did you mean 'time_s'?\n"


def test_edit_writes_a_picture_and_says_what_it_changed(run, model, examples, tmp_path):
    source = examples / "london_114_neutral.jpg"
    words = ("edit", "--source", source, "--model", model, "--output")
    plain = run(*words, "plain.png")
    turned = run(*words, "turned.png", "--yaw", 15, "--tx", -0.1, "--expression-gain", 0)
    assert (plain.code, turned.code) == (0, 0)
    assert plain.lines[0]["edit"] == {}
    assert turned.lines[0]["edit"] == {"yaw_deg": 15.0, "tx": -0.1, "expression_gain": 0.0}
    before, after = (read_picture(tmp_path / f"{n}.png") for n in ("plain", "turned"))
    assert (before != after).any()


def test_interpolate_writes_a_folder_of_pictures_or_a_clip(run, model, examples, tmp_path):
    people = (
        "--a",
        examples / "london_009_neutral.jpg",
        "--b",
        examples / "london_034_smiling.jpg",
    )
    words = ("interpolate", *people, "--model", model, "--steps", 5)
    pictures = run(*words, "--output", "strip", "--path", "slerp")
    assert pictures.code == 0
    assert sorted(p.name for p in (tmp_path / "strip").iterdir()) == [
        f"{n:03d}.png" for n in range(5)
    ]
    assert run(*words, "--output", "strip.mp4").lines[0]["frames"] == 5
    assert probe_clip(tmp_path / "strip.mp4").frames == 5
    assert_refused(run(*words, "--output", "strip"), "strip already holds pictures")
    fewer = run(*words[:-1], 3, "--output", "strip", "--overwrite")
    assert fewer.code == 0
    assert sorted(p.name for p in (tmp_path / "strip").iterdir()) == [
        "000.png",
        "001.png",
        "002.png",
    ]


def test_stopping_while_a_folder_is_written_leaves_none(
    run, model, examples, tmp_path, monkeypatch
):
    portrait = examples / "london_009_neutral.jpg"
    written = []

    def write(path, *more, **named):
        written.append(path)
        if len(written) == 3:
            raise KeyboardInterrupt
        return write_picture(path, *more, **named)

    monkeypatch.setattr("mmfa_core.inference.saving.write_picture", write)
    done = run("interpolate", "--a", portrait, "--b", portrait, "--model", model, "--output", "o")
    assert done.code == 130
    assert len(written) == 3
    assert not (tmp_path / "o").exists()


def test_keypoints_writes_numbers_and_a_picture(run, model, examples, tmp_path):
    done = run(
        "keypoints", "--source", examples / "astronaut.jpg", "--model", model,
        "--output", "k.json", "--picture", "k.png",
    )  # fmt: skip
    assert done.code == 0
    values = json.loads((tmp_path / "k.json").read_text())
    assert np.asarray(values["posed"]).shape == (done.lines[0]["keypoints"], 3)
    assert values["model_id"] == "tiny"
    assert read_picture(tmp_path / "k.png").shape == (64, 64, 3)


def test_bench_tells_speed_by_stage_memory_and_threads(run, model, examples):
    done = run(
        *("bench", "--model", model, "--driving", examples / "driving_turn.mp4"),
        *("--threads", 1, "--dtype", "bfloat16"),
    )
    (line,) = done.lines
    assert line["fps"] > 0
    assert {"decode", "crop", "estimate", "render", "encode"} <= set(line["ms_per_frame"])
    assert 0 < line["resident_mb"] <= line["peak_resident_mb"] * 1.01
    assert (line["threads"], line["precision"]) == (1, "bfloat16")
    assert line["model_id"] == "tiny"


# ---------------------------------------------------------------------- what can't be used


def not_a_picture(path):
    path.write_text("This is a letter.")


def truncated_jpeg(path):
    path.write_bytes((ROOT / "examples" / "london_009_neutral.jpg").read_bytes()[:3000])


def png(width, height):
    """Write a PNG by hand, so that a huge one costs nothing."""

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    def write(path):
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        rows = zlib.compress(b"\0" * (1 + 3 * width) * height)
        parts = chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)

    return write


def no_face(path):
    noise = np.random.default_rng(0).integers(0, 256, (160, 160, 3), np.uint8)
    write_picture(path, noise)


def missing(path):
    assert not path.exists()


BAD_PORTRAITS = [
    ("letter.jpg", not_a_picture, "letter.jpg is not a picture that can be read."),
    ("half.jpg", truncated_jpeg, "half.jpg is damaged or cut short."),
    ("dot.png", png(1, 1), "dot.png has 1 x 1 px; the smallest"),
    ("wide.png", png(30_000, 40), "wide.png has 30000 x 40 px; the limit is 20000 px a side"),
    ("noise.png", no_face, "No face was found in noise.png."),
    ("gone.png", missing, "The picture gone.png is not there."),
]


@pytest.mark.parametrize(
    ("name", "make", "sentence"), BAD_PORTRAITS, ids=[bad[0] for bad in BAD_PORTRAITS]
)
@pytest.mark.parametrize("command", ["animate", "edit", "keypoints"])
def test_a_portrait_that_cannot_be_used_gets_one_sentence(
    run, animate, model, tmp_path, command, name, make, sentence
):
    make(tmp_path / name)
    if command == "animate":
        done = animate(source=tmp_path / name)
    else:
        out = "o.png" if command == "edit" else "o.json"
        done = run(command, "--source", name, "--output", out, "--model", model)
    assert_refused(done, sentence)
    assert str(tmp_path) not in done.stderr
    assert {p.name for p in tmp_path.iterdir()} <= {name}


def empty(path):
    path.write_bytes(b"")


def sound_only(path):
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * 8000)


def clip_without_a_face(path):
    with ClipWriter(path, 64, 64, Fraction(10)) as writer:
        for grey in range(10):
            writer.write(np.full((64, 64, 3), 80 + grey, np.uint8))


BAD_DRIVERS = [
    ("empty.mp4", empty, "empty.mp4 is empty: it has 0 bytes."),
    ("song.wav", sound_only, "song.wav holds only sound."),
    ("letter.mp4", not_a_picture, "letter.mp4 is not a clip that can be read."),
    ("letter.safetensors", not_a_picture, "letter.safetensors is damaged, or not a motion file."),
    ("empty.safetensors", empty, "empty.safetensors is empty: it has 0 bytes."),
    ("grey.mp4", clip_without_a_face, "No face was found in grey.mp4"),
    ("gone.mp4", missing, "The clip gone.mp4 is not there."),
]


@pytest.mark.parametrize(
    ("name", "make", "sentence"), BAD_DRIVERS, ids=[bad[0] for bad in BAD_DRIVERS]
)
def test_a_driver_that_cannot_be_used_gets_one_sentence(animate, tmp_path, name, make, sentence):
    make(tmp_path / name)
    done = animate(driving=tmp_path / name)
    assert_refused(done, sentence)
    assert not (tmp_path / "o.mp4").exists()


def test_a_clip_beyond_the_limit_is_refused_with_both_lengths(animate):
    done = animate("--max-seconds", 1)
    assert_refused(done, "driving_turn.mp4 is 1.9 s long; the limit is 1 s.")
    assert done.stderr.endswith(" Use a shorter part of it, or raise --max-seconds.\n")


@pytest.mark.parametrize(
    ("command", "output"),
    [("animate", "o.mp4"), ("edit", "o.png"), ("keypoints", "o.json"), ("interpolate", "o.mp4")],
)
def test_an_existing_output_is_kept_unless_overwrite_is_said(
    run, model, examples, tmp_path, command, output
):
    (tmp_path / output).write_text("precious")
    portrait = examples / "london_009_neutral.jpg"
    inputs = {
        "animate": ("--source", portrait, "--driving", examples / "driving_turn.mp4"),
        "interpolate": ("--a", portrait, "--b", portrait, "--steps", 2),
    }.get(command, ("--source", portrait))
    words = (command, *inputs, "--output", output, "--model", model, "--threads", 1)
    assert_refused(run(*words), f"{output} is already there and was kept.")
    assert (tmp_path / output).read_text() == "precious"
    assert run(*words, "--overwrite").code == 0
    assert (tmp_path / output).read_bytes() != b"precious"


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        ("nowhere/o.mp4", "There is no folder named nowhere to write o.mp4 to."),
        ("o.avi", "o.avi ends in .avi; the possible endings are .mp4"),
        ("o", "o ends in nothing; the possible endings are .mp4"),
        ("o.png", "o.png can't hold the result: the driver is a clip"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_any_work(animate, out, sentence):
    assert_refused(animate(source="missing.jpg", out=out), sentence)


def test_an_output_in_a_locked_folder_is_refused_before_any_work(animate, monkeypatch, tmp_path):
    (tmp_path / "locked").mkdir()
    access = os.access  # root may write anywhere, so the answer is made up
    monkeypatch.setattr(os, "access", lambda p, mode: Path(p).name != "locked" and access(p, mode))
    done = animate(source="missing.jpg", out="locked/o.mp4")
    assert_refused(done, "o.mp4 can't be written to its folder.")


def truncate_model(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])


def other_version(folder):
    file = folder / "config.json"
    file.write_text(file.read_text().replace('"format_version": 1', '"format_version": 9'))


def make_pickle(folder):
    (folder / "model.safetensors").unlink()
    (folder / "model.pth").write_bytes(b"\x80\x02}.")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (truncate_model, "model.safetensors is damaged"),
        (other_version, "The model has format version 9; this program reads 1."),
        (make_pickle, "model.pth is a pickle, and pickles are never opened"),
    ],
)
def test_a_model_that_cannot_be_used_gets_one_sentence(animate, tmp_path, damage, sentence):
    folder = save_tiny(tmp_path / "model")
    damage(folder)
    assert_refused(animate("--model", folder), sentence)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nothing", "There is no model folder 'nothing'."),
        ("weights.ckpt", "weights.ckpt is a pickle, and pickles are never opened"),
        ("org/name", "and HF_HUB_OFFLINE forbids to ask the Hugging Face Hub."),
    ],
)
def test_a_model_that_is_not_there_gets_one_sentence(animate, name, sentence):
    assert_refused(animate("--model", name), sentence)


EDIT = ("edit", "--source", "p.jpg", "--output", "o.png")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("dance",), "invalid choice: 'dance'"),
        (("animate",), "the following arguments are required: --source, --driving, --output"),
        ((*EDIT, "--jaw", 3), "unrecognized arguments: --jaw 3"),
        ((*EDIT, "--yaw", "left"), "argument --yaw: invalid float value: 'left'"),
        ((*EDIT, "--yaw", 90), "yaw_deg is 90; allowed are -60 to 60 degrees."),
        ((*EDIT, "--scale", "nan"), "scale is nan; allowed are 0.5 to 2 factor."),
        ((*EDIT, "--crop", "1,2"), "argument --crop: '1,2' is not X0,Y0,SIDE"),
        ((*EDIT, "--crop", "a,b,c"), "argument --crop: 'a,b,c' is not X0,Y0,SIDE"),
        ((*EDIT, "--sourc", "x"), "unrecognized arguments: --sourc x"),
        (("evaluate", "--protocol", "other"), "argument --protocol: invalid choice: 'other'"),
    ],
)
def test_a_wrong_argument_gets_one_sentence(run, words, sentence):
    assert_refused(run(*words), sentence)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--gain-scale", 3), "gain_scale is 3, allowed are 0 to 2"),
        (("--smoothing", 2), "smoothing is 2, allowed are 0 to 1"),
        (("--parts", "mouth"), "parts are mouth; known are rotation"),
        (("--mode", "both"), "argument --mode: invalid choice: 'both'"),
        (("--threads", 0), "threads is 0; allowed are 1 to 256."),
        (("--device", "abacus"), "The device 'abacus' is not there."),
        (("--crop", "0,0,8"), "The crop is 8 x 8 px; it must be 32 px or more."),
        (("--size", 33), "size_px is 33, allowed are even numbers from 64 to 2048"),
    ],
)
def test_an_option_out_of_range_gets_one_sentence(animate, words, sentence):
    assert_refused(animate(*words), sentence)


def test_a_crop_that_reaches_beyond_the_border_may_be_typed(run, model, examples):
    done = run(
        "edit", "--source", examples / "london_009_neutral.jpg", "--model", model,
        "--crop", "-10,0,300", "--yaw", "-1e1", "--output", "o.png",
    )  # fmt: skip
    assert done.code == 0
    assert done.lines[0]["edit"] == {"yaw_deg": -10.0}


def test_a_timeline_takes_a_part_of_its_clip(run, model, examples, tmp_path):
    (tmp_path / "k.json").write_text('{"keyframes": [{"time_s": 0}]}')
    words = (
        "timeline", "--source", examples / "london_009_neutral.jpg", "--keyframes", "k.json",
        "--driving", examples / "driving_turn.mp4", "--model", model, "--output", "o.mp4",
    )  # fmt: skip
    assert_refused(run(*words, "--max-seconds", "0.5"), "the limit is 0.5 s")
    assert run(*words, "--end", "0.5").lines[0]["frames"] < 20


@pytest.mark.parametrize("flag", ["--start", "--end", "--max-seconds", "--driving-face-index"])
def test_a_part_of_a_clip_needs_a_clip(run, model, examples, tmp_path, flag):
    (tmp_path / "k.json").write_text('{"keyframes": [{"time_s": 0}]}')
    done = run(
        "timeline", "--source", examples / "london_009_neutral.jpg", "--keyframes", "k.json",
        "--model", model, "--output", "o.mp4", flag, 1,
    )  # fmt: skip
    assert_refused(done, f"{flag} needs --driving.")
    assert not (tmp_path / "o.mp4").exists()


@pytest.mark.parametrize("steps", [1, 5000])
def test_an_impossible_number_of_steps_gets_one_sentence(run, model, examples, steps):
    portrait = examples / "london_009_neutral.jpg"
    done = run(
        "interpolate", "--a", portrait, "--b", portrait, "--steps", steps, "--output", "o",
        "--model", model,
    )  # fmt: skip
    assert_refused(done, f"steps is {steps}; allowed are 2 to 1000.")


# ------------------------------------------------------------------- when things go wrong


def test_something_unexpected_gets_a_reference_and_code_1(run, monkeypatch):
    def fail(_arguments):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("mmfa_core.cli.commands.edit", fail)
    done = run(*EDIT)
    assert done.code == 1
    assert done.lines == []
    assert done.stderr.startswith("Something went wrong (ref ")
    assert "secret" not in done.stderr
    assert "Traceback" in run(*EDIT, "--debug").stderr
    monkeypatch.setenv("MMFA_DEBUG", "1")
    assert "secret detail" in run(*EDIT).stderr


def test_help_answers_and_ends_well(run, capsys):
    with pytest.raises(SystemExit) as ended:
        run("animate", "--help")
    assert ended.value.code == 0
    assert "--driving" in capsys.readouterr().out


def start(model, examples, *more):
    words = ["--source", examples / "london_009_neutral.jpg", "--model", model, *more]
    return [sys.executable, "-m", "mmfa_core", "animate", *map(str, words)]


# The signal comes from within, at the first frame: from outside, a fast machine would be done by
# the time that a slow one has sent it.
STOPPED_AT_A_FRAME = """
import os, sys
from mmfa_core.cli import main, output

def write_line(values):
    if values["progress"]["stage"] == "render":
        os.kill(os.getpid(), int(sys.argv[1]))

output.write_line = write_line
sys.exit(main.main(sys.argv[2:]))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_while_rendering_removes_the_partial_clip(model, examples, tmp_path, number, code):
    words = start(
        model, examples, "--driving", examples / "driving_expressive.mp4",
        "--output", tmp_path / "o.mp4", "--json-progress",
    )[3:]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_AT_A_FRAME, str(int(number)), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        # Where the tests run in the background, Ctrl-C is ignored, and a child would inherit that.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    assert done.returncode == code
    said = "Stopped; what was half made was removed.\n" if number == signal.SIGINT else ""
    assert done.stderr == said
    assert list(tmp_path.iterdir()) == []


def test_a_process_prints_nothing_but_the_line_or_the_sentence(model, examples, tmp_path):
    driving = ("--driving", examples / "driving_turn.mp4", "--output", tmp_path / "o.mp4")
    command = start(model, examples, *driving)
    good, bad = (
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        for _ in range(2)
    )
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["frames"] == 23
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.startswith("o.mp4 is already there and was kept.")
