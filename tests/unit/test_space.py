"""A Space: its folder, what is wrong with one, and what arrives on the Hub."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

import app
from mmfa_core.errors import ConfigError, MismatchError, ResourceError
from mmfa_core.space import SpaceOptions, publish_space
from mmfa_core.space.folder import (
    ROOT,
    SHIPPED,
    build_space,
    list_strays,
    read_front_matter,
)
from mmfa_core.space.trial import try_space
from tests.hub_client import environment
from tests.hub_server import serving

KNOWN = {  # what the Hub's page on the configuration of Spaces lists and we use
    *("title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file"),
    *("short_description", "license", "suggested_hardware", "tags"),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("space") / "built"
    return folder, build_space(folder)


@pytest.fixture(scope="module")
def hub():
    with serving() as server:
        yield server


def front_matter(folder):
    return yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])


def test_the_readme_tells_a_space_what_to_do():
    traits = front_matter(ROOT)
    assert set(traits) <= KNOWN
    assert (traits["sdk"], traits["app_file"]) == ("gradio", "app.py")
    assert len(traits["short_description"]) <= 60
    assert {traits["colorFrom"], traits["colorTo"]} <= {
        *("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
    }


def test_the_space_runs_the_gradio_that_is_tested():
    traits = front_matter(ROOT)
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    asked = next(r for r in map(Requirement, lines[1:]) if r.name == "gradio")
    assert traits["sdk_version"] in asked.specifier
    assert Version(traits["sdk_version"]) == Version(version("gradio"))


def test_front_matter_is_read_as_yaml_reads_it():
    traits = {k: v for k, v in front_matter(ROOT).items() if isinstance(v, str)}
    found = read_front_matter(ROOT / "README.md")
    assert {name: found[name] for name in traits} == traits


def test_a_space_gets_what_runs_and_nothing_else(built):
    folder, names = built
    assert {"app.py", "requirements.txt", "packages.txt", "README.md"} <= set(names)
    assert "checkpoints/mmfa-s-256/model.safetensors" in names
    assert "studio/recipe.schema.json" in names
    assert {name.split("/")[0] for name in names if "/" in name} == {
        *("studio", "mmfa_core", "checkpoints", "examples", "docs")
    }
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".pyi"))]
    assert sum((folder / name).stat().st_size for name in names) < 60e6


def test_the_list_of_what_is_shipped_is_what_git_holds():
    folders = ["studio", "mmfa_core", "checkpoints", "examples", "docs/screenshots"]
    done = subprocess.run(
        ["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not a checkout")
    held = [
        name
        for name in done.stdout.splitlines()
        if not (name.endswith(".py") and name.startswith(("studio/", "mmfa_core/")))
    ]
    assert sorted(SHIPPED.read_text().split()) == sorted(held)


def test_what_a_person_put_beside_the_examples_and_models_stays_at_home(tmp_path):
    root = tmp_path / "project"
    build_space(root)  # a copy of the project, to put things into
    whole = build_space(tmp_path / "plain", root=root)
    own = [
        "checkpoints/mine/hashes.json",
        "checkpoints/mine/model.safetensors",
        "docs/screenshots/bank.png",
        "examples/me.jpg",
        "examples/motions/my-nod.safetensors",
        "studio/holiday.jpg",
    ]
    for name in (*own, "examples/.DS_Store", "studio/__pycache__/a.cpython-310.pyc"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"private")
    assert build_space(tmp_path / "space", root=root) == whole
    assert list_strays(root) == own


def test_a_shipped_file_that_is_missing_is_named(tmp_path):
    root = tmp_path / "project"
    build_space(root)
    (root / "examples" / "astronaut.jpg").unlink()
    with pytest.raises(ResourceError, match=r"can't be built: astronaut\.jpg: No such file"):
        build_space(tmp_path / "space", root=root)


def test_a_space_installs_the_libraries_that_the_set_up_script_installs(built):
    script = (ROOT / "scripts" / "_setup.sh").read_text()
    for package in (built[0] / "packages.txt").read_text().split():
        assert f'"{package}"' in script


def test_zero_gpu_gets_its_python_and_a_pytorch_that_it_knows(tmp_path):
    build_space(tmp_path / "zero", zero_gpu=True)
    traits = front_matter(tmp_path / "zero")
    assert traits["python_version"] == "3.12.12"
    assert traits["suggested_hardware"] == "zero-a10g"
    lines = (tmp_path / "zero" / "requirements.txt").read_text().splitlines()
    assert {"torch>=2.8,<2.12", "torchvision>=0.23,<0.27"} <= set(lines)
    assert len(lines) == len((ROOT / "requirements.txt").read_text().splitlines())


def test_a_place_that_is_taken_is_kept(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ResourceError, match="mine is there already"):
        build_space(tmp_path / "mine")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_a_readme_without_front_matter_is_no_readme_of_a_space(tmp_path):
    (tmp_path / "README.md").write_text("# Studio\n")
    with pytest.raises(MismatchError, match="no front matter"):
        read_front_matter(tmp_path / "README.md")


def test_requirements_that_nobody_can_install_are_told_in_a_sentence(built, tmp_path):
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "README.md").write_text((built[0] / "README.md").read_text())
    (folder / "requirements.txt").write_text("./no-such-package-here\n")
    with pytest.raises(ResourceError, match="can't be installed") as caught:
        try_space(folder)
    assert str(tmp_path) not in caught.value.message


def test_a_name_without_an_owner_is_refused():
    with pytest.raises(ConfigError, match="'studio' can't be the name of a Space"):
        publish_space(SpaceOptions(repository="studio"))


def test_publishing_needs_a_token(hub, tmp_path):
    done = run(hub, tmp_path, "org/studio", "--untried")
    assert done.returncode == 2
    assert "needs a token" in done.stderr


def run(hub, tmp_path, *words, **more):
    """Run the command as scripts/publish_space does."""
    return subprocess.run(
        [sys.executable, "-m", "mmfa_core", "publish-space", *words],
        cwd=tmp_path,
        env=environment(tmp_path, hub.url, **more),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_space_arrives_whole_and_what_it_no_longer_needs_goes(hub, tmp_path, built):
    hub.add("org/studio", {".gitattributes": b"", "old.py": b"print(1)", "app.py": b"old"})
    done = run(hub, tmp_path, "org/studio", "--untried", HF_TOKEN="hf_writer")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    repository = hub.repositories["org/studio"]
    there = repository.commits[repository.refs["main"]]
    assert told["commit"] == repository.refs["main"]
    assert set(there) == {".gitattributes", *built[1]}
    assert there["app.py"] == (ROOT / "app.py").read_bytes()
    assert told["trial"] is None


def test_a_dry_run_sends_nothing(hub, tmp_path):
    before = len(hub.seen)
    done = run(hub, tmp_path, "org/other", "--untried", "--dry-run")
    told = json.loads(done.stdout)
    assert told["files"] > 100
    assert "examples/astronaut.jpg" in told["besides_code"]
    assert not [name for name in told["besides_code"] if name.endswith(".py")]
    assert isinstance(told["left_out"], list)
    assert len(hub.seen) == before


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_folder_of_a_space_starts_and_animates_in_a_clean_environment(built):
    seen = try_space(built[0])
    assert seen.frames == 23
    assert seen.example_s < 20  # connecting and finding the face included


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"SPACE_ID": "org/studio"}, "*"),
        ({"SPACE_ID": "org/studio", "FORWARDED_ALLOW_IPS": "10.0.0.1"}, "10.0.0.1"),
        ({}, None),  # elsewhere anybody could forge what a proxy says
    ],
)
def test_only_a_space_believes_what_its_proxy_says(given, left):
    app.believe_proxy(given)
    assert given.get("FORWARDED_ALLOW_IPS") == left
