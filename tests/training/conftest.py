"""A synthetic corpus, and one thread however many cores there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmfa_core.training.batches import PairSampler
from mmfa_core.training.corpus import Corpus
from mmfa_core.training.teacher import Teacher, build_teacher
from tests.synthetic import RADIUS, Shot, write_corpus

Shots = dict[str, list[Shot]]


@pytest.fixture(scope="session")
def shots_and_folder(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Shots, Path]:
    folder = tmp_path_factory.mktemp("corpus")
    return write_corpus(folder), folder


@pytest.fixture(scope="session")
def corpus_folder(shots_and_folder: tuple[Shots, Path]) -> Path:
    """A folder of shards with 64-px pictures."""
    return shots_and_folder[1]


@pytest.fixture(scope="session")
def shots(shots_and_folder: tuple[Shots, Path]) -> Shots:
    """The exact labels of each clip of the corpus."""
    return shots_and_folder[0]


@pytest.fixture(scope="session")
def corpus(corpus_folder: Path) -> Corpus:
    return Corpus(corpus_folder, "train")


@pytest.fixture(scope="session")
def teacher(corpus: Corpus) -> Teacher:
    return build_teacher(corpus, RADIUS)


@pytest.fixture(scope="session")
def sampler(corpus: Corpus, teacher: Teacher) -> PairSampler:
    return PairSampler(corpus, teacher, seed=1)


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the thread tuner from giving the tests that follow more threads."""
    monkeypatch.setattr("mmfa_core.training.machine.os.cpu_count", lambda: 1)
