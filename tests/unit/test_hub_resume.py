"""Half a download goes on where it stopped: the real client against a small Hub on this machine."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.hub_client import Client, environment
from tests.hub_server import serving

WEIGHTS = "model.safetensors"
MIB = 2**20
LARGE = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(5 * MIB // 32))


def digest(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def hub():
    with serving() as server:
        yield server


@pytest.fixture
def client(hub, tmp_path):
    made = Client(tmp_path / "empty", environment(tmp_path / "home", hub.url))
    yield made
    made.close()


@pytest.fixture
def large(hub, client, request):
    """A model whose weights take more than one step; ``.part`` is where half of them is kept."""
    name = f"org/{hashlib.sha1(request.node.name.encode()).hexdigest()[:12]}"
    hashes = {"config.json": digest(b"{}"), WEIGHTS: digest(LARGE)}
    files = {"config.json": b"{}", "hashes.json": json.dumps(hashes).encode(), WEIGHTS: LARGE}
    hub.add(name, files)
    folder = client.home / "hub" / f"models--{name.replace('/', '--')}" / "blobs"
    return SimpleNamespace(name=name, part=folder / f"{digest(LARGE)}.incomplete")


def spans(hub, large):
    """List the parts of the weights that were asked for."""
    return [
        s.range for s in hub.seen if s.method == "GET" and s.path.startswith(f"/cdn/{large.name}/")
    ]


def assert_whole(found, large):
    assert found.error is None, found.message
    assert (Path(found.folder) / WEIGHTS).read_bytes() == LARGE
    assert not large.part.exists()


def lay(large, content):
    """Leave what a process that was killed leaves."""
    large.part.parent.mkdir(parents=True)
    large.part.write_bytes(content)


def test_the_next_call_asks_only_for_the_rest(hub, client, large):
    hub.fail(large.name, "get", "cut", file=WEIGHTS, times=1)
    hub.fail(large.name, "get", file=WEIGHTS, times=1)
    found = client.find(large.name)
    assert "a fault of its own at the moment (503)." in found.message
    assert large.part.stat().st_size == 2 * MIB  # 2.5 MiB came, in steps of 1 MiB
    assert_whole(client.find(large.name), large)
    assert spans(hub, large) == [None, f"bytes={2 * MIB}-", f"bytes={2 * MIB}-"]


def test_a_connection_that_is_cut_again_and_again_gets_there_in_one_call(hub, client, large):
    hub.fail(large.name, "get", "cut", file=WEIGHTS, times=2)
    assert_whole(client.find(large.name), large)
    assert spans(hub, large) == [None, f"bytes={2 * MIB}-", f"bytes={3 * MIB}-"]


def test_what_a_killed_process_left_is_gone_on_with(hub, client, large):
    lay(large, LARGE[:1234567])
    assert_whole(client.find(large.name), large)
    assert spans(hub, large) == ["bytes=1234567-"]


def test_a_file_that_was_complete_but_not_put_in_place_is_not_fetched_again(hub, client, large):
    lay(large, LARGE)
    assert_whole(client.find(large.name), large)
    assert spans(hub, large) == []


@pytest.mark.parametrize(
    ("left", "asked"),
    [
        (bytes(1000), ["bytes=1000-", None]),
        (bytes(len(LARGE)), [None]),
        (LARGE + b"x", [None]),
    ],
    ids=["other content", "other content of the same length", "too long"],
)
def test_a_leftover_that_is_no_part_of_the_file_is_fetched_anew(hub, client, large, left, asked):
    lay(large, left)
    assert_whole(client.find(large.name), large)
    assert spans(hub, large) == asked


def test_a_file_that_arrives_wrong_is_not_gone_on_with(hub, client, large):
    hub.fail(large.name, "get", "garble", file=WEIGHTS, times=1)
    assert_whole(client.find(large.name), large)
    assert spans(hub, large) == [None, None]


def test_a_full_disk_gets_its_room_back(client, large):
    found = client.find(large.name, largest_file=3 * MIB)
    assert "There is no room on the disk for org/" in found.message
    assert list(client.home.rglob("*.incomplete")) == []


def test_the_token_is_not_sent_to_the_storage_when_a_download_goes_on(hub, large, tmp_path):
    lay(large, LARGE[:MIB])
    told = environment(tmp_path / "home", hub.url, HF_TOKEN="hf_reader")
    client = Client(tmp_path / "other", told)
    assert_whole(client.find(large.name), large)
    client.close()
    tokens = {s.host: s.token for s in hub.seen if large.name in s.path}
    assert tokens == {"127.0.0.1": "hf_reader", "localhost": None}
