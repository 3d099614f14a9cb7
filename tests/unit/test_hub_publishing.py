"""Publishing a model: what is checked, what the card says, what arrives on the Hub."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mmfa_core.checkpoint import load_model
from mmfa_core.errors import ConfigError, MismatchError, NotFoundError, ResourceError
from mmfa_core.hub import BUNDLED
from mmfa_core.publishing import MODEL_CARD, PublishOptions, publish_model
from tests.hub_client import Client, environment
from tests.hub_server import serving
from tests.tiny_model import save_tiny

NEEDED = {"model.safetensors", "config.json", "hashes.json"}
ROW = "| licence of the weights | non-commercial research only, because of its data |"


@pytest.fixture(scope="module")
def hub():
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def clients(hub, tmp_path_factory):
    """Give the client that has a token; the cache is the same for all."""
    home = tmp_path_factory.mktemp("home")
    made = {}

    def client(token=None):
        if token not in made:
            more = {} if token is None else {"HF_TOKEN": token}
            folder = tmp_path_factory.mktemp("empty")
            made[token] = Client(folder, environment(home, hub.url, **more))
        return made[token]

    yield client
    for one in made.values():
        one.close()


@pytest.fixture
def model(tmp_path):
    return save_tiny(tmp_path / "tiny")


@pytest.fixture
def card(tmp_path, model):
    file = tmp_path / "card.md"
    short_hash = load_model(model).model_hash
    file.write_text(f"# Tiny\n\n{ROW}\n\nCheckpoint {short_hash}.\n\n## Limits\n\nAll of them.\n")
    return file


@pytest.fixture
def build(tmp_path, model, card):
    """Build the folder without sending it; gives the folder."""

    def built(**changes):
        given = {"repository": "org/tiny", "model": model, "card": card}
        output = tmp_path / "built"
        publish_model(PublishOptions(**{**given, "output": output, "dry_run": True, **changes}))
        return output

    return built


def front_matter(folder):
    _, front, body = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(front), body


# The folder and the card


def test_the_folder_holds_the_model_and_its_card(build, model):
    folder = build()
    assert {path.name for path in folder.iterdir()} == NEEDED | {"README.md"}
    for name in NEEDED:
        assert (folder / name).read_bytes() == (model / name).read_bytes()


def test_the_card_has_the_front_matter_of_the_hub_and_says_how_to_use_the_model(build):
    traits, body = front_matter(build())
    assert traits["license"] == "other"
    assert traits["license_name"] == "non-commercial-research-only"
    assert traits["pipeline_tag"] == "image-to-video"
    assert traits["library_name"] == "mmfa-studio"
    assert "face-animation" in traits["tags"]
    assert body.startswith("# Tiny\n")
    assert body.index('from_pretrained("org/tiny")') < body.index("## Limits\n\nAll of them.")


def test_a_licence_file_goes_with_the_model_and_is_named(build, model):
    (model / "LICENSE").write_text("terms")
    folder = build()
    assert (folder / "LICENSE").read_text() == "terms"
    assert front_matter(folder)[0]["license_link"] == "LICENSE"


def test_a_licence_of_the_hub_can_be_named(build, card):
    card.write_text(card.read_text().replace("non-commercial research only", "free for all"))
    assert front_matter(build(license="apache-2.0"))[0]["license"] == "apache-2.0"


def test_a_licence_of_the_hub_may_stand_in_the_card(build, card):
    words = card.read_text().replace("non-commercial research only", "Apache-2.0")
    card.write_text(words)
    traits = front_matter(build())[0]
    assert traits["license"] == "apache-2.0"
    assert "license_name" not in traits


def test_links_to_files_that_do_not_go_along_become_words(build, card):
    web = "[the paper](https://arxiv.org/abs/2603.04302), [limits](#limits)"
    card.write_text(
        f"{card.read_text()}\nSee [its card](../MODEL_CARD.md), ![a sheet](a.jpg), {web}.\n"
    )
    assert f"See its card, a sheet, {web}." in front_matter(build())[1]


def test_the_open_model_can_be_published_with_its_own_card():
    done = publish_model(
        PublishOptions(repository="org/open", model="mmfa-s-256-open", dry_run=True)
    )
    assert done["model_id"] == "mmfa-s-256-open"
    assert set(done["files"]) == NEEDED | {"README.md"}


def test_the_bundled_model_can_be_published_with_the_card_of_this_project(tmp_path):
    short_hash = json.loads((BUNDLED / "hashes.json").read_text())["model.safetensors"][:12]
    card = tmp_path / "card.md"  # the figures of the card may be about to follow new weights
    card.write_text(f"{MODEL_CARD.read_text()}\n{short_hash}\n")
    done = publish_model(PublishOptions(repository="org/mmfa", card=card, dry_run=True))
    assert done["model_id"] == BUNDLED.name
    assert done["folder"] is None
    assert set(done["files"]) == NEEDED | {"README.md"}


def other_files(model, _card):
    (model / "optimizer.pt").write_bytes(b"x")


def damaged(model, _card):
    (model / "config.json").write_text((model / "config.json").read_text() + " ")


def of_other_weights(_model, card):
    card.write_text(f"# Tiny\n{ROW}\nCheckpoint 000000000000.\n")


def no_licence(_model, card):
    card.write_text(card.read_text().replace(ROW, ""))


def front_matter_already(_model, card):
    card.write_text(f"---\nlicense: mit\n---\n{card.read_text()}")


def no_card(_model, card):
    card.unlink()


@pytest.mark.parametrize(
    ("spoil", "kind", "sentence"),
    [
        (other_files, MismatchError, "holds other files too: optimizer.pt."),
        (damaged, MismatchError, "config.json is damaged"),
        (of_other_weights, MismatchError, "The card does not speak of these weights"),
        (no_licence, ConfigError, "The card has no row 'licence of the weights'."),
        (front_matter_already, ConfigError, "The card has front matter already."),
        (no_card, NotFoundError, "The card card.md can't be read."),
    ],
)
def test_what_should_not_be_published_is_refused(
    build, model, card, tmp_path, spoil, kind, sentence
):
    spoil(model, card)
    with pytest.raises(kind) as caught:
        build()
    assert sentence in caught.value.message
    assert caught.value.hint
    assert str(tmp_path) not in str(caught.value)
    assert not (tmp_path / "built").exists()


@pytest.mark.parametrize(
    ("changes", "kind", "sentence"),
    [
        ({"repository": "tiny"}, ConfigError, "'tiny' can't be the name of a repository."),
        ({"license": "mit"}, ConfigError, "and --license says mit."),
        ({"model": "nothing"}, NotFoundError, "There is no model folder 'nothing'."),
    ],
)
def test_options_that_do_not_fit_are_refused(build, changes, kind, sentence):
    with pytest.raises(kind) as caught:
        build(**changes)
    assert sentence in caught.value.message


def test_a_folder_that_is_there_already_is_kept(build):
    build()
    with pytest.raises(ResourceError, match="built is there already"):
        build()


# The Hub


def run(hub, tmp_path, *words, **more):
    """Run the command as scripts/publish_model does."""
    return subprocess.run(
        [sys.executable, "-m", "mmfa_core", "publish", *map(str, words)],
        cwd=tmp_path,
        env=environment(tmp_path, hub.url, **more),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_published_model_is_found_again_under_the_name_that_pins_it(
    hub, clients, tmp_path, model, card
):
    words = ("org/mine", "--model", model, "--card", card, "--private")
    done = run(hub, tmp_path, *words, HF_TOKEN="hf_writer")
    assert (done.returncode, done.stderr.count("%|")) == (0, 0)
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert told["url"] == f"{hub.url}/org/mine/commit/{told['commit']}"
    assert told["model"] == f"org/mine@{told['commit']}"
    assert hub.repositories["org/mine"].private
    there = hub.repositories["org/mine"].commits[told["commit"]]
    assert set(there) == NEEDED | {"README.md", ".gitattributes"}
    for name, traits in told["files"].items():
        assert hashlib.sha256(there[name]).hexdigest() == traits["sha256"]
    found = clients("hf_reader").find(told["model"])
    assert load_model(found.folder).model_hash == told["model_hash"]


def test_without_a_token_the_command_says_so_and_asks_nobody(hub, tmp_path, model, card):
    before = len(hub.seen)
    done = run(hub, tmp_path, "org/none", "--model", model, "--card", card)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Publishing needs a token of the Hugging Face Hub")
    assert "HF_TOKEN" in done.stderr
    assert len(hub.seen) == before


def test_a_model_is_published_as_one_commit_and_again_as_none(hub, clients, model):
    first = clients("hf_writer").publish("org/twice", model)
    again = clients("hf_writer").publish("org/twice", model)
    assert first.commit == again.commit
    assert len(hub.repositories["org/twice"].commits) == 2  # the first made the repository


def test_the_storage_never_sees_the_token(hub, clients, model):
    clients("hf_writer").publish("org/storage", model)
    tokens = {s.host: s.token for s in hub.seen if "org/storage" in s.path}
    assert tokens == {"127.0.0.1": "hf_writer", "localhost": None}


@pytest.mark.parametrize(
    ("token", "repository", "message", "hint"),
    [
        (None, "org/faults", "needs a token of the Hugging Face Hub", "set HF_TOKEN"),
        ("hf_old", "org/faults", "does not know the token", "still valid"),
        ("hf_reader", "org/faults", "forbids this upload of org/faults", "may do it"),
        ("hf_writer", "others/faults", "forbids this upload of others/faults", "may do it"),
        ("hf_writer", "org/..--", "is neither a folder nor a name", "org/name"),
    ],
)
def test_who_may_not_write_is_told(clients, model, token, repository, message, hint):
    told = clients(token).publish(repository, model)
    assert told.error == "NotFoundError"
    assert message in told.message
    assert hint in told.hint


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"on": "create", "status": 503}, "a fault of its own at the moment (503)."),
        ({"on": "commit", "status": 503}, "a fault of its own at the moment (503)."),
        ({"on": "commit", "status": 429}, "too many requests from here (429)."),
        ({"on": "commit", "status": 412}, "refused the upload of org/"),
        ({"on": "put", "status": 403}, "forbids this upload of org/"),
    ],
)
def test_a_fault_while_publishing_is_said_and_leaves_no_half_model(
    hub, clients, model, request, fault, sentence
):
    name = f"org/{hashlib.sha1(request.node.name.encode()).hexdigest()[:12]}"
    hub.fail(name, **fault)
    told = clients("hf_writer").publish(name, model)
    assert sentence in told.message
    assert told.hint
    if name in hub.repositories:
        assert all(not NEEDED & set(c) for c in hub.repositories[name].commits.values())
    hub.heal(name)
    commit = clients("hf_writer").publish(name, model).commit
    assert set(hub.repositories[name].commits[commit]) > NEEDED


def test_the_script_of_the_house_starts_this_command():
    script = Path(__file__).resolve().parents[2] / "scripts" / "publish_model"
    assert script.read_text().rstrip().endswith('run -m mmfa_core publish "$@"')
