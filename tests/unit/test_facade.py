"""The facade: few names, all true, and nothing loaded before it is used."""

import subprocess
import sys
from pathlib import Path

import pytest

import mmfa_core

ROOT = Path(__file__).resolve().parents[2]


def test_every_public_name_is_there_and_every_documented_home_is_public():
    assert sorted(mmfa_core.__all__) == sorted(mmfa_core._HOMES)
    for name in mmfa_core.__all__:
        value = getattr(mmfa_core, name)
        assert value is not None
        module = getattr(value, "__module__", None)
        assert module is None or module.startswith("mmfa_core.")


def test_the_public_names_are_few_and_sorted():
    assert len(mmfa_core.__all__) <= 40
    assert dir(mmfa_core) == sorted(mmfa_core.__all__)


def test_every_public_class_and_function_has_a_docstring():
    values = (getattr(mmfa_core, name) for name in mmfa_core.__all__)
    assert [v for v in values if callable(v) and not v.__doc__] == []


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Animater'"):
        _ = mmfa_core.Animater


@pytest.mark.parametrize("code", ["import mmfa_core", "import mmfa_core.cli.parser"])
def test_importing_it_loads_neither_torch_nor_numpy(code):
    code += "; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert {"torch", "numpy", "PIL"} & set(done.stdout.decode().split()) == set()
