"""Models from the Hugging Face Hub: the real client against a small Hub on this machine."""

import contextlib
import fcntl
import hashlib
import json
import os
import pickle
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmfa_core.checkpoint import load_model
from mmfa_core.errors import MismatchError, NotFoundError
from mmfa_core.hub import BUNDLED, resolve_model
from mmfa_core.hub_errors import explain
from tests.hub_client import Client, environment
from tests.hub_server import serving
from tests.tiny_model import save_tiny

WEIGHTS, CONFIG, HASHES = "model.safetensors", "config.json", "hashes.json"
MODEL = {WEIGHTS, CONFIG, HASHES}


@pytest.fixture(scope="module")
def hub():
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = save_tiny(tmp_path_factory.mktemp("published") / "tiny")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def clients(hub, tmp_path_factory):
    """Give the client of an environment; the cache is the same for all unless told otherwise."""
    home = tmp_path_factory.mktemp("home")
    made = {}

    def client(**more):
        key = tuple(sorted(more.items()))
        if key not in made:
            folder = tmp_path_factory.mktemp("empty")
            made[key] = Client(folder, {**environment(home, hub.url), **more})
        return made[key]

    yield client
    for one in made.values():
        one.close()


@pytest.fixture
def client(clients):
    return clients()


@pytest.fixture
def offline(clients):
    return clients(HF_HUB_OFFLINE="1")


@pytest.fixture
def away(clients):
    """A client whose Hub doesn't answer: nobody listens at the port of discard."""
    return clients(HF_ENDPOINT="http://127.0.0.1:9")


@pytest.fixture
def repository(hub, files, request):
    """A repository of its own for each test; ``.name``, ``.commit``, and ``.again(files, ref)``."""
    name = f"org/{hashlib.sha1(request.node.name.encode()).hexdigest()[:12]}"
    commit = hub.add(name, {**files, "README.md": b"# card\n"})
    return SimpleNamespace(name=name, commit=commit, again=hub.repositories[name].commit)


def names(found):
    return {path.name for path in Path(found.folder).iterdir()}


def changed_config(files, **changes):
    """Give the files of a model with another config and hashes that agree."""
    config = json.dumps({**json.loads(files[CONFIG]), **changes}).encode()
    hashes = {**json.loads(files[HASHES]), CONFIG: hashlib.sha256(config).hexdigest()}
    return {**files, CONFIG: config, HASHES: json.dumps(hashes).encode()}


def assert_loads(found):
    assert found.error is None, found.message
    assert load_model(found.folder).model_id == "tiny"


def assert_sentence(found, message, hint, kind="NotFoundError"):
    assert found.error == kind
    assert message in found.message
    assert hint in found.hint
    assert "/tmp" not in found.message + found.hint
    assert "\n" not in found.message + found.hint


# What is fetched


def test_a_model_comes_from_the_hub_with_its_card_and_loads(client, repository):
    found = client.find(repository.name)
    assert_loads(found)
    assert names(found) == MODEL | {"README.md"}
    assert Path(found.folder).name == repository.commit


def test_nothing_but_the_named_files_is_fetched(client, hub, repository, files):
    strange = {
        "pytorch_model.bin": pickle.dumps(1),
        "optimizer.safetensors": b"other weights",
        "trainer.json": b"{}",
        "run.py": b"raise SystemExit",
    }
    repository.again({**files, **strange})
    assert names(client.find(repository.name)) == MODEL
    for name in strange:
        assert not any(name in path for path in hub.asked(repository.name))


@pytest.mark.parametrize("revision", ["v1", "feature/eyes", "refs/pr/3"])
def test_a_revision_is_found_by_name_in_either_place(client, repository, files, revision):
    old = repository.again({**files, "LICENSE": b"free"}, revision)
    by_name = client.find(f"{repository.name}@{revision}")
    assert names(by_name) == MODEL | {"LICENSE"}
    assert Path(by_name.folder).name == old
    assert client.find(repository.name, revision).folder == by_name.folder
    assert client.find(f"{repository.name}@main", revision).folder == by_name.folder
    assert client.find(repository.name).folder != by_name.folder


def test_a_local_folder_comes_first(client, hub, repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path(repository.name)
    folder.mkdir(parents=True)
    assert resolve_model(repository.name) == folder
    assert hub.asked(repository.name) == []


def test_a_model_that_comes_along_is_found_by_its_name_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve_model(BUNDLED.name) == BUNDLED
    with pytest.raises(NotFoundError, match=r"comes along and has no revision 'v1'\."):
        resolve_model(BUNDLED.name, "v1")


@pytest.mark.parametrize("name", ["...", "face_landmarker.task", "mmfa-s-257"])
def test_a_name_that_no_model_has_lists_those_that_there_are(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFoundError, match="There is no model folder") as caught:
        resolve_model(name)
    assert BUNDLED.name in caught.value.hint


@pytest.mark.parametrize("name", ["~nobody-of-this-name/m", "m" * 300])
def test_a_name_that_no_file_can_have_gets_a_sentence(name):
    with pytest.raises(NotFoundError, match="can't be looked for") as caught:
        resolve_model(name)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", [None, "."])
def test_a_folder_has_no_revisions(name):
    with pytest.raises(NotFoundError, match=r"a folder has no revision 'v1'\."):
        resolve_model(name, "v1")


@pytest.mark.parametrize("revision", ["../../main", "a//b", "-x", "a b", "v1/.."])
def test_a_revision_that_could_be_a_path_is_refused(revision):
    with pytest.raises(NotFoundError, match="can't be a revision of org/name"):
        resolve_model("org/name", revision)


def test_a_name_that_the_hub_does_not_allow_is_refused():
    with pytest.raises(NotFoundError, match="is neither a folder nor a name of a repository"):
        resolve_model("org/..name--")


# The cache


def test_a_pinned_commit_in_the_cache_needs_no_network(client, hub, repository, away, offline):
    first = client.find(f"{repository.name}@{repository.commit}")
    before = len(hub.seen)
    for other in (client, away, offline):
        found = other.find(repository.name, repository.commit)
        assert (found.folder, found.logged) == (first.folder, [])
    assert len(hub.seen) == before


def test_a_branch_is_asked_for_again_but_not_fetched_again(client, hub, repository):
    client.find(repository.name)
    before = len(hub.asked(repository.name, "GET"))
    client.find(repository.name)
    assert hub.asked(repository.name, "GET")[before:] == [f"GET /api/models/{repository.name}"]


def test_a_branch_that_moved_brings_the_new_model(client, repository, files):
    client.find(repository.name)
    moved = repository.again(changed_config(files, training={"steps": 8}))
    assert Path(client.find(repository.name).folder).name == moved


def test_a_branch_comes_from_the_cache_with_a_warning_when_the_hub_is_away(
    client, repository, away, offline
):
    first = client.find(repository.name)
    for other, reason in ((away, "can't be reached."), (offline, "HF_HUB_OFFLINE forbids")):
        found = other.find(repository.name)
        assert found.folder == first.folder
        (line,) = found.logged
        assert reason in line
        assert line.endswith(f"The copy of {repository.name} in the cache is used.")


def test_a_damaged_copy_in_the_cache_is_fetched_anew(client, repository, offline):
    first = client.find(repository.name, repository.commit)
    weights = Path(first.folder) / WEIGHTS
    whole = weights.read_bytes()
    weights.resolve().write_bytes(whole[:-1] + bytes([255 - whole[-1]]))
    assert_sentence(
        offline.find(repository.name, repository.commit),
        "in the cache can't be used: model.safetensors is damaged: its SHA-256 starts with",
        "Go online and run it again",
        "MismatchError",
    )
    assert client.find(repository.name, repository.commit).folder == first.folder
    assert weights.read_bytes() == whole


def test_the_cache_is_where_the_environment_says(clients, repository, tmp_path):
    other = clients(HF_HUB_CACHE=str(tmp_path / "cache"))
    assert Path(other.find(repository.name).folder).is_relative_to(tmp_path / "cache")


# What goes wrong


def test_offline_without_a_copy_is_said(offline):
    found = offline.find("org/never-seen")
    assert_sentence(found, "HF_HUB_OFFLINE forbids", "Unset HF_HUB_OFFLINE")


def test_a_hub_that_is_away_is_said(away):
    found = away.find("org/never-seen")
    assert_sentence(found, "the Hugging Face Hub can't be reached.", "Go online")


def test_an_unknown_repository_is_said(client):
    found = client.find("org/unknown")
    assert_sentence(found, "no repository 'org/unknown', or it is private", "Check the spelling")


def test_an_unknown_revision_is_said(client, repository):
    found = client.find(f"{repository.name}@v9")
    assert_sentence(found, "has no revision 'v9'.", "leave the revision out")


def test_a_private_repository_needs_a_token_that_never_leaves_the_hub(
    client, clients, hub, repository
):
    hub.repositories[repository.name].private = True
    found = client.find(repository.name)
    assert_sentence(found, "or it is private.", "set HF_TOKEN to a token that may read it")
    assert_loads(clients(HF_TOKEN="hf_reader").find(repository.name))
    tokens = {s.host: s.token for s in hub.seen if repository.name in s.path}
    assert tokens == {"127.0.0.1": "hf_reader", "localhost": None}


def test_a_token_that_is_not_valid_is_said(clients, repository):
    found = clients(HF_TOKEN="hf_old").find(repository.name)
    assert_sentence(found, "does not know the token", "still valid, or unset it")


@pytest.mark.parametrize("token", [{}, {"HF_TOKEN": "hf_reader"}])
def test_a_gated_repository_is_said(clients, hub, repository, token):
    hub.repositories[repository.name].gated = True
    found = clients(**token).find(repository.name)
    assert_sentence(found, "is gated.", "Accept its terms on its page and set HF_TOKEN")


@pytest.mark.parametrize("lost", [[CONFIG], [HASHES, WEIGHTS]])
def test_a_repository_without_a_model_is_said(client, hub, repository, files, lost):
    rest = {name: content for name, content in files.items() if name not in lost}
    repository.again({**rest, "pytorch_model.bin": pickle.dumps(1)})
    found = client.find(repository.name)
    assert_sentence(
        found, f"holds no model: it lacks {' and '.join(lost)}.", "scripts/publish_model"
    )
    assert hub.asked(repository.name, "HEAD") == []


def test_another_format_version_is_said(client, repository, files):
    repository.again(changed_config(files, format_version=2))
    found = client.find(repository.name)
    with pytest.raises(MismatchError, match="has format version 2; this program reads 1"):
        load_model(found.folder)


@pytest.mark.parametrize(
    ("fault", "message", "hint"),
    [
        ({"on": "api", "status": 429}, "had too many requests from here (429).", "some minutes"),
        (
            {"on": "api", "status": 429, "headers": {"Retry-After": "70"}},
            "had too many requests from here (429).",
            "in 70 seconds; with HF_TOKEN",
        ),
        ({"on": "api", "status": 503}, "a fault of its own at the moment (503).", "some minutes"),
        ({"on": "api", "status": 403}, "forbids this download of org/", "HF_TOKEN"),
        ({"on": "api", "status": 418}, "refused the download of org/", "HF_ENDPOINT"),
        ({"on": "api", "kind": "page"}, "is not the Hub.", "wants you to log in"),
        ({"on": "head", "kind": "page"}, "is not the Hub.", "wants you to log in"),
        ({"on": "head", "status": 403}, "forbids this download of org/", "HF_TOKEN"),
        ({"on": "api", "kind": "hang"}, "did not answer in time.", "HF_HUB_ETAG_TIMEOUT"),
        ({"on": "get", "status": 503}, "a fault of its own at the moment (503).", "some minutes"),
        ({"on": "get", "status": 404}, "refused the download of org/", "HF_ENDPOINT"),
    ],
)
def test_a_fault_of_the_hub_is_said_and_gone_at_the_next_call(
    client, hub, repository, fault, message, hint
):
    hub.fail(repository.name, **fault)
    assert_sentence(client.find(repository.name), message, hint)
    hub.heal(repository.name)
    assert_loads(client.find(repository.name))


def test_a_connection_cut_once_goes_on_where_it_stopped(client, hub, repository, files):
    large = bytes(24 * 2**20)
    hashes = {**json.loads(files[HASHES]), WEIGHTS: hashlib.sha256(large).hexdigest()}
    repository.again({**files, WEIGHTS: large, HASHES: json.dumps(hashes).encode()})
    hub.fail(repository.name, "get", "cut", file=WEIGHTS, times=1)
    found = client.find(repository.name)
    assert (Path(found.folder) / WEIGHTS).read_bytes() == large
    spans = [s.range for s in hub.seen if s.path.startswith(f"/cdn/{repository.name}/")]
    assert spans == [None, f"bytes={12 * 2**20}-"]


@pytest.mark.parametrize("kind", ["cut", "hang"])
def test_half_a_download_is_completed_by_the_next_call(client, hub, repository, kind):
    hub.fail(repository.name, "get", kind, file=WEIGHTS, times=1)
    hub.fail(repository.name, "get", file=WEIGHTS)
    found = client.find(repository.name)
    assert_sentence(found, "a fault of its own at the moment (503).", "Run it again")
    hub.heal(repository.name)
    before = len(hub.seen)
    assert_loads(client.find(repository.name))
    fetched = {s.path.split("/")[-1] for s in hub.seen[before:] if s.method == "GET"}
    assert fetched & MODEL == {WEIGHTS}  # what arrived whole is kept


def test_files_travel_by_plain_http_unless_the_environment_asks_for_xet(
    client, clients, hub, repository
):
    found = clients(HF_HUB_DISABLE_XET="0").find(repository.name)
    assert_sentence(found, f"The download of {repository.name} broke off.", "Run it again")
    assert any("xet-read-token" in path for path in hub.asked(repository.name))
    before = len(hub.seen)
    assert_loads(client.find(repository.name))
    assert not any("xet" in s.path for s in hub.seen[before:])


def test_half_a_download_is_never_taken_for_a_copy(client, hub, repository, offline):
    hub.fail(repository.name, "get", file=WEIGHTS)
    client.find(repository.name)
    for revision in (None, repository.commit):
        found = offline.find(repository.name, revision)
        assert_sentence(found, "it is not in the cache", "Unset HF_HUB_OFFLINE")


@pytest.mark.parametrize("file", [WEIGHTS, CONFIG, HASHES])
def test_a_file_that_arrives_wrong_once_is_fetched_again(client, hub, repository, file):
    hub.fail(repository.name, "get", "garble", file=file, times=1)
    assert_loads(client.find(repository.name))


def test_a_file_that_keeps_arriving_wrong_is_said_and_not_kept(client, hub, repository):
    hub.fail(repository.name, "get", "garble", file=WEIGHTS)
    for revision in (None, repository.commit):
        assert_sentence(
            client.find(repository.name, revision),
            "is wrong, twice: model.safetensors is damaged: its SHA-256 starts with",
            "name another revision",
            "MismatchError",
        )
    hub.heal(repository.name)
    assert_loads(client.find(repository.name))


def test_checksums_that_do_not_agree_in_the_repository_are_said(client, repository, files):
    hashes = {**json.loads(files[HASHES]), CONFIG: "0" * 64}
    repository.again({**files, HASHES: json.dumps(hashes).encode()})
    found = client.find(repository.name)
    assert_sentence(found, "config.json is damaged", "tell its publisher", "MismatchError")


def test_a_disk_without_room_is_said_and_nothing_stays(client, repository):
    found = client.find(repository.name, largest_file=4096)
    assert_sentence(found, "There is no room on the disk for org/", "Make room", "ResourceError")
    assert list(client.home.rglob("*.incomplete")) == []
    assert_loads(client.find(repository.name))


def test_a_cache_that_can_not_be_written_is_said(clients, repository, tmp_path):
    file = tmp_path / "file"
    file.touch()
    found = clients(HF_HUB_CACHE=str(file)).find(repository.name)
    assert_sentence(found, "can't be written", "Set HF_HOME to a folder", "ResourceError")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device"), "There is no room on the disk"),
        (PermissionError(13, "Permission denied"), "can't be written"),
        (OSError("Consistency check failed: file should be of size 3"), "broke off."),
        (OSError("odd"), "The download of org/name failed (OSError)."),
    ],
)
def test_a_fault_of_the_disk_is_said(error, sentence):
    found = explain(error, "org/name")
    assert found is not None
    assert sentence in found.message
    assert found.hint


def test_a_mistake_of_ours_is_not_explained_away():
    assert explain(TypeError("wrong argument"), "org/name") is None


# The terminal


def test_the_command_line_takes_a_repository_and_keeps_stdout_for_json(
    hub, repository, tmp_path, examples
):
    portrait = examples / "london_009_neutral.jpg"
    words = ["keypoints", "--model", repository.name, "--source", str(portrait), "--threads", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "mmfa_core", *words, "--output", "o.json"],
        cwd=tmp_path,
        env=environment(tmp_path, hub.url),
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["model_id"] == "tiny"
    assert "%|" not in done.stderr  # no bars where nobody looks


def test_a_person_at_a_terminal_sees_the_download_grow(hub, repository, tmp_path):
    code = f"from mmfa_core.hub import resolve_model; resolve_model({repository.name!r})"
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(tmp_path, hub.url),
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError), open(ours, "rb", 0) as terminal:  # noqa: PTH123  # a number
        while part := terminal.read(4096):
            shown += part
    assert child.communicate() == (b"", None)
    assert child.returncode == 0
    assert b"model.safetensors: 100%" in shown
