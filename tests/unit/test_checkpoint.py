"""Models on disk and where they are found."""

import hashlib
import json
import pickle
from pathlib import Path

import pytest
import torch

from mmfa_core.checkpoint import load_model, save_model
from mmfa_core.errors import MismatchError, NotFoundError
from mmfa_core.hub import BUNDLED, resolve_model
from mmfa_core.model import build_model
from tests.tiny_model import STATS, TINY, save_tiny


@pytest.fixture
def folder(tmp_path):
    return save_tiny(tmp_path / "tiny")


def rehash(folder):
    names = ("model.safetensors", "config.json")
    hashes = {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in names}
    (folder / "hashes.json").write_text(json.dumps(hashes))


def change_config(folder, change):
    values = json.loads((folder / "config.json").read_text())
    change(values)
    (folder / "config.json").write_text(json.dumps(values))
    rehash(folder)


def test_a_saved_model_loads_with_its_weights_config_statistics_and_notes(tmp_path):
    torch.manual_seed(3)
    model = build_model(TINY)
    short_hash = save_model(tmp_path / "m", model, TINY, STATS, {"steps": 7})
    loaded = load_model(tmp_path / "m")
    assert (loaded.config, loaded.expression, loaded.training) == (TINY, STATS, {"steps": 7})
    assert (loaded.model_id, loaded.model_hash) == ("tiny", short_hash)
    content = (tmp_path / "m" / "model.safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest().startswith(short_hash)
    for name, value in loaded.model.state_dict().items():
        torch.testing.assert_close(value, model.state_dict()[name].half().float(), rtol=0, atol=0)


def test_a_loaded_model_is_single_precision_in_evaluation_mode_without_gradients(folder):
    model = load_model(folder).model
    assert not model.training
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert not any(p.requires_grad for p in model.parameters())


def test_loading_does_not_change_the_random_numbers_of_the_caller(folder):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_model(folder)
    assert torch.equal(torch.rand(3), expected)


def test_saving_again_replaces_the_model_and_keeps_other_files(folder):
    (folder / "LICENSE").write_text("free")
    before = load_model(folder).model_hash
    torch.manual_seed(9)
    after = save_model(folder, build_model(TINY), TINY)
    assert load_model(folder).model_hash == after != before
    names = {p.name for p in folder.iterdir()}
    assert names == {"LICENSE", "config.json", "hashes.json", "model.safetensors"}


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    model = build_model(TINY)
    with torch.no_grad():
        next(model.parameters()).fill_(1e30)
    with pytest.raises(ValueError, match="not finite in half precision"):
        save_model(tmp_path / "m", model, TINY)
    assert not (tmp_path / "m").exists()


class Trap:
    """Would create a file if anybody unpickled it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def truncated(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def truncated_with_its_own_hash(folder):
    truncated(folder)
    rehash(folder)


def other_version(folder):
    change_config(folder, lambda c: c.update(format_version=2))


def unknown_key(folder):
    change_config(folder, lambda c: c["model"].update(keypoint=6))


def other_shape(folder):
    change_config(folder, lambda c: c["model"].update(keypoints=51))


def wrong_statistics(folder):
    change_config(folder, lambda c: c["expression"].update(mean=[0.0], std=[1.0]))


def half_statistics(folder):
    change_config(folder, lambda c: c["expression"].update(mean=[0.0]))


def missing_section(folder):
    change_config(folder, lambda c: c.pop("training"))


def config_not_json(folder):
    (folder / "config.json").write_text("{")


def changed_config(folder):
    file = folder / "config.json"
    file.write_text(file.read_text().replace('"tiny"', '"other"'))


def not_a_number(folder):
    model = build_model(TINY)
    from safetensors.torch import save_file

    weights = {n: v.half().contiguous() for n, v in model.state_dict().items()}
    weights["dense_motion.log_sigma"][0] = torch.nan
    save_file(weights, folder / "model.safetensors")
    rehash(folder)


def pickled_weights(folder):
    trap = pickle.dumps(Trap(folder / "trapped"), protocol=2)
    (folder / "model.safetensors").write_bytes(trap)
    rehash(folder)


def torch_archive(folder):
    torch.save({"a": torch.zeros(1)}, folder / "model.safetensors")
    rehash(folder)


def only_a_pickle(folder):
    (folder / "model.safetensors").unlink()
    (folder / "weights.pth").write_bytes(pickle.dumps(Trap(folder / "trapped")))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (truncated, "model.safetensors is damaged: its SHA-256 starts with"),
        (truncated_with_its_own_hash, "model.safetensors is damaged or truncated."),
        (other_version, "The model has format version 2; this program reads 1."),
        (unknown_key, "unknown key 'keypoint' (did you mean 'keypoints'?)"),
        (other_shape, "model.safetensors doesn't fit config.json in"),
        (wrong_statistics, "config.json describes 1 numbers of the expression code; 8 are needed."),
        (half_statistics, "can't be used: std has 8 numbers and mean 1."),
        (missing_section, "needed are format_version, model, expression, training."),
        (config_not_json, "config.json can't be read as JSON."),
        (changed_config, "config.json is damaged: its SHA-256 starts with"),
        (not_a_number, "has values that are not finite in dense_motion.log_sigma."),
        (pickled_weights, "model.safetensors is a pickle, and pickles are never opened"),
        (torch_archive, "model.safetensors is a pickle, and pickles are never opened"),
        (only_a_pickle, "weights.pth is a pickle, and pickles are never opened"),
    ],
)
def test_a_bad_model_is_refused_with_a_sentence(folder, damage, sentence):
    damage(folder)
    with pytest.raises(MismatchError) as caught:
        load_model(folder)
    assert sentence in caught.value.message
    assert caught.value.hint
    assert not (folder / "trapped").exists()
    assert str(folder.parent) not in str(caught.value)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "hashes.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(NotFoundError, match=f"lacks {name}"):
        load_model(folder)


def test_a_missing_folder_is_named_without_its_path(tmp_path):
    with pytest.raises(NotFoundError, match="There is no model folder 'nothing'") as caught:
        load_model(tmp_path / "nothing")
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".ckpt"])
def test_a_pickle_by_name_is_refused_unopened(tmp_path, suffix):
    file = tmp_path / f"model{suffix}"
    file.write_bytes(pickle.dumps(Trap(tmp_path / "trapped")))
    for read in (resolve_model, load_model):
        with pytest.raises(MismatchError, match="pickles are never opened"):
            read(file)
    assert not (tmp_path / "trapped").exists()


def test_a_sound_header_whose_length_begins_like_a_pickle_is_read(folder):
    path = folder / "model.safetensors"
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    longer = 0x0280 + (length // 0x10000 + 1) * 0x10000  # its first bytes: 80 02
    padding = b" " * (longer - length)
    header = content[8 : 8 + length] + padding
    path.write_bytes(longer.to_bytes(8, "little") + header + content[8 + length :])
    rehash(folder)
    assert path.read_bytes().startswith(b"\x80\x02")
    assert load_model(folder).config == TINY


def test_no_name_means_the_bundled_model_or_says_that_it_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr("mmfa_core.hub.BUNDLED", tmp_path / "bundled")
    with pytest.raises(NotFoundError, match="The bundled model bundled is not there"):
        resolve_model(None)
    (tmp_path / "bundled").mkdir()
    assert resolve_model(None) == tmp_path / "bundled"
    assert BUNDLED.parent.name == "checkpoints"


def test_a_folder_means_itself(tmp_path):
    assert resolve_model(tmp_path) == tmp_path
    assert resolve_model(str(tmp_path)) == tmp_path


def test_a_name_that_is_neither_folder_nor_repository_is_refused(tmp_path):
    with pytest.raises(NotFoundError, match="There is no model folder 'nothing'"):
        resolve_model(tmp_path / "nothing")
