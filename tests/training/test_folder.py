"""A person's own folder becomes a corpus: real faces first, then the cache with made-up labels."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmfa_core.errors import MediaError, NotFoundError, ResourceError
from mmfa_core.evaluation.heldout import read_heldout
from mmfa_core.face import FaceFinder, whole_crop
from mmfa_core.media import ClipWriter, read_clip, read_picture, replace_file, write_picture
from mmfa_core.training import folder as folder_module
from mmfa_core.training.corpus import Corpus
from mmfa_core.training.folder import PreparedFolder, prepare_folder
from mmfa_core.training.labelling import Labels, Sample, label_file
from mmfa_core.training.shards import Clip, save_labels, write_shards

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def nothing(line: dict[str, Any]) -> None:
    del line


@pytest.fixture(scope="module")
def finder() -> Iterator[FaceFinder]:
    with FaceFinder() as found:
        yield found


def two_people_in_one_clip(path: Path) -> None:
    """Write a clip with a cut: ten frames of one person, ten of another in the same place."""
    with ClipWriter(path, 256, 256, Fraction(12)) as writer:
        for name in ("london_034_neutral.jpg", "london_101_smiling.jpg"):
            frame = read_picture(EXAMPLES / name)
            for _ in range(10):
                writer.write(frame)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[PreparedFolder, list[dict]]:
    """Four people: two portraits of one, a portrait, a clip with a cut, a clip; and bad files."""
    root = tmp_path_factory.mktemp("own") / "people"
    (root / "anna").mkdir(parents=True)
    for name in ("neutral", "smiling"):
        (root / f"anna/{name}.jpg").write_bytes((EXAMPLES / f"london_009_{name}.jpg").read_bytes())
    (root / "astronaut.jpg").write_bytes((EXAMPLES / "astronaut.jpg").read_bytes())
    portrait = read_picture(EXAMPLES / "london_114_neutral.jpg")
    small = np.full((600, 600, 3), 128, np.uint8)
    small[100:190, 100:190] = np.asarray(Image.fromarray(portrait).resize((90, 90)))
    write_picture(root / "small.png", small)
    write_picture(root / "asleep.png", np.ascontiguousarray(np.rot90(portrait)))
    write_picture(root / "wall.png", np.full((300, 300, 3), 128, np.uint8))
    (root / "cut.jpg").write_bytes((EXAMPLES / "astronaut.jpg").read_bytes()[:3000])
    (root / "notes.txt").write_text("not a clip")
    (root / "noise.mp4").write_bytes(bytes(range(256)) * 40)
    two_people_in_one_clip(root / "two.mp4")
    frames = read_clip(EXAMPLES / "driving_turn.mp4")
    with ClipWriter(root / "turn.mov", 256, 256, Fraction(12)) as writer:
        for _, frame in zip(range(8), frames, strict=False):
            writer.write(frame)
    lines: list[dict] = []
    return prepare_folder(root, root / "cache", lines.append), lines


def test_the_corpus_reader_reads_a_prepared_folder(prepared) -> None:
    corpus = Corpus(prepared[0].path, "train")
    held_out = Corpus(prepared[0].path, "val")
    kinds = sorted((c.identity, c.kind) for c in [*corpus.clips, *held_out.clips])
    assert kinds == [
        ("anna", "pair"),
        ("astronaut.jpg", "still"),
        ("turn.mov", "video"),
        ("two.mp4", "video"),  # one clip before the cut and one after it
        ("two.mp4", "video"),
    ]
    assert len(corpus) + len(held_out) == prepared[0].pictures
    assert all(corpus.picture(row).shape == (256, 256, 3) for row in range(len(corpus)))


def test_a_cut_ends_a_clip_so_that_no_pair_mixes_two_people(prepared) -> None:
    clips = [c for s in ("train", "val") for c in Corpus(prepared[0].path, s).clips]
    assert [c.count for c in clips if c.identity == "two.mp4"] == [10, 10]


def test_nobody_is_in_both_splits_and_somebody_with_two_pictures_is_held_out(prepared) -> None:
    train, val = (Corpus(prepared[0].path, split) for split in ("train", "val"))
    assert {c.identity for c in train.clips} & {c.identity for c in val.clips} == set()
    assert {c.identity for c in val.clips} == set(prepared[0].held_out)
    assert any(c.count > 1 for c in val.clips)
    assert read_heldout(prepared[0].path).moving()


def test_labels_are_what_the_landmarker_sees_in_the_kept_picture(prepared, finder) -> None:
    corpus = Corpus(prepared[0].path, "train")
    for row in [clip.first for clip in corpus.clips]:
        picture = corpus.picture(row)
        face = finder.detect_in_crop(picture, whole_crop(picture.shape))
        assert face is not None
        # The reader takes 0 for the middle of the first pixel, the landmarker for its border.
        away = face.landmarks[:, :2] - 0.5 - corpus.landmarks[row, :, :2]
        assert np.abs(away).mean() < 1.0
        assert np.abs(np.array(face.pose) - corpus.pose_deg[row]).max() < 3
        assert np.abs(face.blendshapes - corpus.blendshapes[row]).mean() < 0.03


def test_a_face_is_framed_as_in_the_corpus(prepared) -> None:
    corpus = Corpus(prepared[0].path, "train")
    flat = corpus.landmarks[:, :, :2]
    sides = (flat.max(1) - flat.min(1)).max(1)
    assert sides.min() > 256 / 2.6
    assert sides.max() < 256 / 1.3
    assert flat.min() > -5
    assert flat.max() < 261


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("small.png", "px large; at least 100 px are needed"),
        ("asleep.png", "lies on its side"),
        ("wall.png", "No face was found"),
        ("cut.jpg", "damaged or cut short"),
        ("notes.txt", "neither a picture nor a clip"),
        ("noise.mp4", "not a clip that can be read"),
    ],
)
def test_a_file_that_is_left_out_is_named_with_the_reason(prepared, name: str, why: str) -> None:
    reasons = dict(prepared[0].left_out)
    assert why in reasons[name]
    assert {"left_out": name, "why": reasons[name]} in prepared[1]


def test_only_bad_files_are_left_out_and_the_last_line_counts_them(prepared) -> None:
    assert len(prepared[0].left_out) == 6
    last = prepared[1][-1]
    assert (last["files"], last["left_out"], last["people"]) == (5, 6, 4)
    assert last["pictures"] == prepared[0].pictures
    assert not any(str(prepared[0].path.parent.parent) in str(line) for line in prepared[1])


def test_every_jpeg_is_a_member_of_the_tar_at_the_place_that_the_labels_say(prepared) -> None:
    for table in prepared[0].path.glob("*.npz"):
        with np.load(table) as data, tarfile.open(table.with_suffix(".tar")) as tar:
            members = tar.getmembers()
            assert [m.offset_data for m in members] == data["off"].tolist()
            assert [m.size for m in members] == data["len"].tolist()
            names = [str(data["clips"][i]) for i in data["clip"]]
            assert [m.name.rsplit(".", 2)[0] for m in members] == names
            assert data["lm"].dtype == data["bs"].dtype == np.float16


@pytest.mark.parametrize(
    ("make", "note"),
    [
        (lambda one, two: np.concatenate((one, two), 1), "several faces"),
        (
            lambda one, _: np.asarray(Image.fromarray(one).resize((36, 36)).resize((256, 256))),
            "blurred",
        ),
    ],
)
def test_a_portrait_that_is_kept_with_doubts_gets_a_note(make, note: str, finder, tmp_path) -> None:
    one, two = (read_picture(EXAMPLES / f"london_{n}_neutral.jpg") for n in ("034", "101"))
    write_picture(tmp_path / "portrait.png", np.ascontiguousarray(make(one, two)))
    labels = label_file(tmp_path / "portrait.png", finder)
    assert not labels.reason
    assert any(note in sentence for sentence in labels.notes)


# The cache, with made-up labels: no face is looked for.


class Labeller:
    """Stand in for label_file: kinds by the name, and a list of what was looked at."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.killed_at: str | None = None

    def __call__(self, path: Path, _finder: object) -> Labels:
        if path.name == self.killed_at:
            raise KeyboardInterrupt
        self.seen.append(path.name)
        if path.suffix == ".txt":
            return Labels(reason="It is neither a picture nor a clip.")
        clip = path.suffix == ".mp4"
        return Labels(tuple(samples(6 if clip else 1)), "video" if clip else "still")


def samples(count: int) -> Iterator[Sample]:
    stream = io.BytesIO()
    Image.new("RGB", (256, 256), "grey").save(stream, "JPEG")
    for number in range(count):
        yield Sample(
            jpeg=stream.getvalue(),
            landmarks=np.full((478, 3), number, np.float32),
            blendshapes=np.zeros(52, np.float32),
            pose_deg=np.zeros(3, np.float32),
            matrix=np.eye(4, dtype=np.float32),
            sharpness=100.0,
            time_s=number / 12,
        )


@pytest.fixture
def labeller(monkeypatch: pytest.MonkeyPatch) -> Labeller:
    made = Labeller()
    monkeypatch.setattr(folder_module, "label_file", made)
    return made


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(os.fsencode(name))
    return folder


def state_of(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_a_second_call_looks_at_no_file_and_writes_none(labeller, tmp_path: Path) -> None:
    own = fill(tmp_path / "own", "a.mp4", "b.mp4", "c/1.jpg", "c/2.jpg", "d.jpg", "e.txt")
    first = prepare_folder(own, tmp_path / "cache", nothing)
    before = state_of(tmp_path / "cache/files") | state_of(first.path)
    labeller.seen.clear()
    lines: list[dict] = []
    assert prepare_folder(own, tmp_path / "cache", lines.append) == first
    assert labeller.seen == []
    before.pop(str(tmp_path / "cache/.lock"))
    after = state_of(tmp_path / "cache")
    assert {path: after[path] for path in before} == before
    assert {"left_out": "e.txt", "why": "It is neither a picture nor a clip."} in lines


def test_only_a_new_or_changed_file_is_looked_at(labeller, tmp_path: Path) -> None:
    own = fill(tmp_path / "own", "a.mp4", "b.mp4")
    prepare_folder(own, tmp_path / "cache", nothing)
    labeller.seen.clear()
    fill(own, "c.mp4")
    os.utime(own / "a.mp4", ns=(1, 1))
    prepared = prepare_folder(own, tmp_path / "cache", nothing)
    assert labeller.seen == ["a.mp4", "c.mp4"]
    assert prepared.pictures == len(Corpus(prepared.path, "train")) == 18


def test_what_is_taken_away_from_the_folder_leaves_the_corpus(labeller, tmp_path: Path) -> None:
    own = fill(tmp_path / "own", "a.mp4", "b.mp4")
    prepare_folder(own, tmp_path / "cache", nothing)
    (own / "a.mp4").unlink()
    prepared = prepare_folder(own, tmp_path / "cache", nothing)
    assert [c.identity for c in Corpus(prepared.path, "train").clips] == ["b.mp4"]
    assert len(list(prepared.path.glob("*.tar"))) == 1
    assert len(list((prepared.path / "files").iterdir())) == 1


def test_a_kill_loses_only_the_file_that_was_looked_at(labeller, tmp_path: Path) -> None:
    own = fill(tmp_path / "own", "a.mp4", "b.mp4", "c.mp4")
    labeller.killed_at = "c.mp4"
    with pytest.raises(KeyboardInterrupt):
        prepare_folder(own, tmp_path / "cache", nothing)
    # What a kill in the middle of writing leaves: a part, and a damaged file.
    (tmp_path / "cache/files/.x.npz.part").write_bytes(b"half")
    damaged = next((tmp_path / "cache/files").glob("[!.]*.npz"))
    damaged.write_bytes(damaged.read_bytes()[:500])
    labeller.killed_at = None
    assert len(labeller.seen) == 2
    prepared = prepare_folder(own, tmp_path / "cache", nothing)
    assert len(labeller.seen) == 4
    assert len(Corpus(prepared.path, "train")) == 18
    assert not list(prepared.path.rglob("*.part"))


def test_a_corpus_stays_whole_when_its_successor_can_not_be_written(
    labeller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = fill(tmp_path / "own", "a.mp4")
    prepare_folder(own, tmp_path / "cache", nothing)

    def full(path: Path, write) -> None:
        if path.name == "index.tsv":
            raise ResourceError("index.tsv can't be written: no space.", "Make room.")
        replace_file(path, write)

    fill(own, "b.mp4")
    monkeypatch.setattr("mmfa_core.training.shards.replace_file", full)
    with pytest.raises(ResourceError):
        prepare_folder(own, tmp_path / "cache", nothing)
    assert len(Corpus(tmp_path / "cache", "train")) == 6
    monkeypatch.undo()
    monkeypatch.setattr(folder_module, "label_file", labeller)
    prepare_folder(own, tmp_path / "cache", nothing)
    assert len(Corpus(tmp_path / "cache", "train")) == 12
    assert len(list((tmp_path / "cache").glob("*.tar"))) == 1


def test_hidden_files_the_cache_and_other_corpora_are_passed_over(labeller, tmp_path: Path) -> None:
    own = fill(tmp_path, "a.mp4", ".b.mp4", ".git/c.mp4", "old/index.tsv", "old/d.mp4")
    fill(own, "run/metrics.jsonl", "run/sheets/e.jpg", "out/data/f.jpg")
    prepare_folder(own, own / "out/data", nothing)
    assert labeller.seen == ["a.mp4"]


def test_any_name_of_a_file_is_readable_in_the_index(labeller, tmp_path: Path) -> None:
    names = ['so "quoted".mp4', "tab\there.mp4", "new\nline.mp4", "Zoë 2.mp4", "x" * 200 + ".mp4"]
    own = fill(tmp_path / "own", *names, os.fsdecode(b"no-text-\xff.mp4"))
    prepared = prepare_folder(own, tmp_path / "cache", nothing)
    read = [Corpus(prepared.path, split).clips for split in ("train", "val")]
    assert sum(map(len, read)) == 6
    assert {c.identity for clips in read for c in clips} >= {"x" * 200 + ".mp4"}
    assert len(read_heldout(prepared.path).clips) == len(read[1]) == 1


def test_large_folders_make_several_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mmfa_core.training.shards.SHARD_PICTURES", 10)
    save_labels(tmp_path / "a.npz", Labels(tuple(samples(6)), "video"))
    clips = [
        Clip(name=f"c{i}", identity="a", kind="video", split="train", parts=parts, count=6)
        for i, parts in enumerate([((tmp_path / "a.npz", 0),)] * 3)
    ]
    (tmp_path / "corpus").mkdir()
    write_shards(tmp_path / "corpus", clips, "tag")
    assert len(list((tmp_path / "corpus").glob("train_*.tar"))) == 3
    corpus = Corpus(tmp_path / "corpus", "train")
    assert corpus.landmarks[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5] * 3
    assert corpus.picture(17).shape == (256, 256, 3)


@pytest.mark.parametrize(
    ("names", "error", "said"),
    [
        (None, NotFoundError, "There is no folder own"),
        ((), MediaError, "own holds no file"),
        (("a.txt", "b.txt"), MediaError, "None of the 2 files of own can be trained on; a.txt: It"),
    ],
)
def test_a_folder_without_anything_to_train_on_is_refused_in_a_sentence(
    names, error: type[Exception], said: str, labeller, tmp_path: Path
) -> None:
    if names is not None:
        fill(tmp_path / "own", *names).mkdir(exist_ok=True)
    with pytest.raises(error, match=said) as caught:
        prepare_folder(tmp_path / "own", tmp_path / "cache", nothing)
    assert str(tmp_path) not in str(caught.value)


def test_a_cache_that_can_not_be_made_is_refused_in_a_sentence(labeller, tmp_path: Path) -> None:
    own = fill(tmp_path / "own", "a.mp4")
    (tmp_path / "cache").write_text("a file is in the way")
    with pytest.raises(ResourceError, match="The folder cache can't be made"):
        prepare_folder(own, tmp_path / "cache", nothing)
