"""ZeroGPU, played by a package of the same shape: every call goes to a process that is forked."""

import inspect
import multiprocessing
import pickle
from types import SimpleNamespace

import pytest

from mmfa_core import Animator
from studio import build_studio
from studio.context import MODEL_QUEUE
from studio.zero_gpu import LONGEST_S, SHORTEST_S, estimate_s, on_gpu, put_on_gpu
from tests.tiny_model import save_tiny


class Lender:
    """Remembers what was lent for how long, and computes in another process as ZeroGPU does."""

    def __init__(self):
        self.durations = []

    def GPU(self, *, duration):  # noqa: N802
        def decorate(fn):
            def lent(*args):
                self.durations.append(duration(*args))
                ours, theirs = multiprocessing.get_context("fork").Pipe()
                context = multiprocessing.get_context("fork")
                child = context.Process(target=lambda: theirs.send(fn(*pickled(args))))
                child.start()
                answer = ours.recv() if ours.poll(60) else None
                child.join()
                return answer

            def lent_in_steps(*args):
                self.durations.append(duration(*args))
                yield from fn(*pickled(args))

            return lent_in_steps if inspect.isgeneratorfunction(fn) else lent

        return decorate


def pickled(values):
    return pickle.loads(pickle.dumps(values))


@pytest.fixture(scope="module")
def animator(tmp_path_factory):
    return Animator.from_pretrained(save_tiny(tmp_path_factory.mktemp("m") / "tiny"), threads=1)


@pytest.fixture
def page(animator):
    return build_studio(animator)


def test_without_the_package_a_function_stays_as_it_is():
    assert on_gpu(len, None) is len


def test_without_the_package_a_page_stays_as_it_is(page):
    before = [event.fn for event in page.fns.values()]
    assert put_on_gpu(page) == 0
    assert [event.fn for event in page.fns.values()] == before


def test_every_event_that_computes_borrows_a_gpu_and_no_other(page):
    before = {number: event.fn for number, event in page.fns.items()}
    count = put_on_gpu(page, Lender())
    changed = {number for number, event in page.fns.items() if event.fn is not before[number]}
    computing = {n for n, event in page.fns.items() if event.concurrency_id == MODEL_QUEUE}
    assert changed == computing
    assert count == len(computing) > 20


def test_generators_stay_generators(page):
    kinds = [inspect.isgeneratorfunction(event.fn) for event in page.fns.values()]
    put_on_gpu(page, Lender())
    assert [inspect.isgeneratorfunction(event.fn) for event in page.fns.values()] == kinds


def test_an_answer_comes_back_from_the_process_that_has_the_gpu(page, examples):
    lender = Lender()
    put_on_gpu(page, lender)
    (event,) = [e for e in page.fns.values() if e.api_name == "find_faces"]
    answer = event.fn(str(examples / "london_034_neutral.jpg"))
    assert "The face was found" in answer[3]
    assert lender.durations == [SHORTEST_S]


def test_a_longer_clip_asks_for_more(examples, tmp_path):
    assert estimate_s("relative", 3.0, None) == SHORTEST_S
    smile, expressive = (str(examples / f"driving_{n}.mp4") for n in ("smile", "expressive"))
    assert estimate_s(smile) < estimate_s(str(examples / "london_034_neutral.jpg"), expressive)
    assert estimate_s(*[expressive] * 50) == LONGEST_S


@pytest.mark.parametrize("value", ["/gone.mp4", "/", "notes", "\0", SimpleNamespace()])
def test_what_is_no_clip_asks_for_the_least(value):
    assert estimate_s(value) == SHORTEST_S
