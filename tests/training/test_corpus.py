"""Reading the shards of a corpus, whole and damaged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmfa_core.errors import NotFoundError, UnreadableError
from mmfa_core.training.corpus import Corpus
from tests.synthetic import ENTRIES, Shot


def test_every_picture_of_the_split_is_there_once(corpus: Corpus):
    train = [e for e in ENTRIES if e.split == "train"]
    assert {c.name for c in corpus.clips} == {e.clip for e in train}
    assert len(corpus) == sum(e.count for e in train) == len(corpus.landmarks)
    rows = [r for c in corpus.clips for r in range(c.first, c.first + c.count)]
    assert sorted(rows) == list(range(len(corpus)))


def test_no_identity_of_the_held_out_people_is_in_training(corpus_folder: Path, corpus: Corpus):
    held_out = Corpus(corpus_folder, "val")
    assert {c.identity for c in held_out.clips} & {c.identity for c in corpus.clips} == set()


def test_labels_and_pictures_belong_to_the_clip_that_the_index_names(
    corpus: Corpus, shots: dict[str, list[Shot]]
):
    for index, clip in enumerate(corpus.clips):
        for frame, shot in enumerate(shots[clip.name]):
            row = clip.first + frame
            assert corpus.clip_of[row] == index
            assert np.allclose(corpus.pose_deg[row], shot.pose_deg, atol=1e-4)
            points = ((shot.points[:, :2] + 1) * 256 - 1) / 2
            assert np.abs(corpus.landmarks[row, :, :2] - points).max() < 0.07  # half precision
            away = np.abs(corpus.picture(row).astype(int) - shot.picture)
            assert away.mean() < 1.5  # what JPEG costs; another frame of the clip is further away


@pytest.mark.parametrize(
    ("tiers", "kept"),
    [
        ("A", {"talk_a", "pair_d", "still_f"}),
        ("B", {"talk_b", "track_c"}),
        ("AC", {"talk_a", "pair_d", "still_f", "still_e"}),
    ],
)
def test_only_clips_of_the_licence_tiers_asked_for_are_read(corpus_folder: Path, tiers, kept):
    assert {c.name for c in Corpus(corpus_folder, "train", tiers).clips} == kept


def test_a_folder_without_an_index_is_told_by_its_name(tmp_path: Path):
    with pytest.raises(NotFoundError) as caught:
        Corpus(tmp_path, "train")
    assert caught.value.message == f"There is no index.tsv in {tmp_path.name}."
    assert str(tmp_path) not in str(caught.value)


def test_a_split_without_clips_is_told(corpus_folder: Path):
    with pytest.raises(NotFoundError, match="has no clip of the split 'test'"):
        Corpus(corpus_folder, "test")


def edit_index(change: Callable[[str], str]) -> Callable[[Path], object]:
    return lambda folder: (folder / "index.tsv").write_text(
        change((folder / "index.tsv").read_text())
    )


def cut(name: str, keep: int) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:keep])


def spoil(name: str, first: int) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[first : first + 100] = bytes(100)
        (folder / name).write_bytes(data)

    return change


SHARD = "Shard train_video of the corpus is missing or damaged."
INDEX = "index.tsv of the corpus is damaged."


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (cut("train_video.npz", 3000), SHARD),
        (cut("train_video.npz", 0), SHARD),
        (spoil("train_video.npz", 2000), SHARD),
        (lambda folder: (folder / "train_video.npz").write_bytes(b"hello"), SHARD),
        (lambda folder: (folder / "train_video.npz").unlink(), SHARD),
        (lambda folder: (folder / "train_video.tar").unlink(), SHARD),
        (cut("train_video.tar", 0), SHARD),
        (edit_index(lambda text: text.replace("tier", "tear")), INDEX),
        (edit_index(lambda text: text.replace("\t0\t8", "\tx\t8")), INDEX),
        (lambda folder: (folder / "index.tsv").write_bytes(b"\xff\xfe\x00split"), INDEX),
        (
            edit_index(lambda text: text.replace("\t0\t8", "\t0\t80")),
            "Clip talk_a is not inside shard train_video of the corpus.",
        ),
    ],
)
def test_a_damaged_corpus_is_told_in_one_sentence(
    corpus_folder: Path, tmp_path: Path, damage: Callable[[Path], object], sentence: str
):
    copy = tmp_path / "copy"
    shutil.copytree(corpus_folder, copy)
    damage(copy)
    with pytest.raises(UnreadableError) as caught:
        Corpus(copy, "train")
    assert caught.value.message == sentence
    assert caught.value.hint == "Copy the corpus again."


def test_a_picture_that_is_cut_short_is_told_when_it_is_read(corpus_folder: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(corpus_folder, copy)
    cut("train_video.tar", 3000)(copy)
    corpus = Corpus(copy, "train")
    last = next(c.first + c.count - 1 for c in corpus.clips if c.name == "talk_b")
    with pytest.raises(UnreadableError, match=f"Picture {last} of the corpus is damaged"):
        corpus.picture(last)


@pytest.mark.parametrize(
    ("leave_out", "left"),
    [
        (("train_tracks",), {"talk_a", "talk_b", "pair_d", "still_e", "still_f"}),
        (("train_s*", "train_tracks"), {"talk_a", "talk_b"}),
        ((), {"talk_a", "talk_b", "track_c", "pair_d", "still_e", "still_f"}),
    ],
)
def test_shards_can_be_left_out_by_name(corpus_folder: Path, leave_out, left):
    assert {c.name for c in Corpus(corpus_folder, "train", leave_out=leave_out).clips} == left


def test_sources_can_be_left_out_where_the_index_names_them(corpus_folder: Path, tmp_path: Path):
    copy = tmp_path / "corpus"
    shutil.copytree(corpus_folder, copy)
    first, *rows = (copy / "index.tsv").read_text(encoding="utf-8").splitlines()
    named = [f"{first}\tsource", *(f"{row}\t{'heads' if 'talk' in row else 'x'}" for row in rows)]
    (copy / "index.tsv").write_text("\n".join(named) + "\n", encoding="utf-8")
    kept = {c.name for c in Corpus(copy, "train", leave_out=("heads*",)).clips}
    assert kept == {"track_c", "pair_d", "still_e", "still_f"}


def test_a_name_that_fits_nothing_is_told_and_not_passed_over(corpus_folder: Path):
    with pytest.raises(NotFoundError, match=r"no source and no shard 'heads\*'"):
        Corpus(corpus_folder, "train", leave_out=("heads*",))
