"""The installation's own certificate: made once, kept for this user, and never needed to work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mmfa_core.provenance import Mark, verify
from mmfa_core.provenance.certificate import (
    FILE,
    YEARS,
    make_identity,
    own_identity,
    settings_folder,
)
from tests.marked import ORIGIN, write_marked

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(monkeypatch, tmp_path):
    """An installation that has no certificate yet."""
    monkeypatch.setenv("MMFA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_it_is_made_at_its_first_use_and_stays(home):
    assert own_identity() == own_identity()
    assert [path.name for path in home.iterdir()] == [FILE]


def test_only_this_user_may_read_its_key(home):
    own_identity()
    assert (home / FILE).stat().st_mode & 0o777 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700


def test_two_processes_at_once_end_with_one(home):
    code = "from mmfa_core.provenance.certificate import own_identity; print(own_identity().chain)"
    start = [sys.executable, "-c", code]
    running = [
        subprocess.Popen(start, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    said = [process.communicate() for process in running]
    assert {err for _, err in said} == {b""}
    assert len({out for out, _ in said}) == 1
    assert [path.name for path in home.iterdir()] == [FILE]


def test_it_names_the_tool_and_nobody(home):
    certificate, root = x509.load_pem_x509_certificates(own_identity().chain.encode())
    names = {attribute.value for attribute in (*certificate.subject, *root.subject)}
    assert names == {
        "MMFA Studio",
        "MMFA Studio, self-made certificate",
        "MMFA Studio, self-made root",
    }
    certificate.verify_directly_issued_by(root)
    lasts = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert lasts.days >= 365 * YEARS


def test_its_key_belongs_to_it():
    made = make_identity()
    certificate = x509.load_pem_x509_certificate(made.chain.encode())
    key = load_pem_private_key(made.key.encode(), None)
    assert key.public_key() == certificate.public_key()
    assert made.root.count("BEGIN CERTIFICATE") == 1


def test_the_folder_is_the_systems_own_for_settings_unless_one_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("MMFA_HOME")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings_folder() == tmp_path / "mmfa-studio"


def test_without_a_home_work_is_signed_all_the_same(monkeypatch, tmp_path):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("MMFA_HOME")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", homeless)
    assert verify(write_marked(tmp_path / "o.png", Mark(ORIGIN))).intact


@pytest.mark.parametrize("damage", ["a file where the folder is", "damaged", "empty"])
def test_without_a_usable_folder_work_is_signed_all_the_same(home, tmp_path, caplog, damage):
    if damage == "a file where the folder is":
        home.write_text("in the way", encoding="utf-8")
    else:
        home.mkdir()
        (home / FILE).write_text(damage if damage == "damaged" else "", encoding="utf-8")
    before = home.read_bytes() if home.is_file() else (home / FILE).read_bytes()
    mark = Mark(ORIGIN)
    assert verify(write_marked(tmp_path / "o.png", mark)).intact
    assert mark.signed
    assert before == (home.read_bytes() if home.is_file() else (home / FILE).read_bytes())
    assert own_identity() == own_identity()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that takes no file")
def test_one_run_signs_all_with_one_certificate_where_none_can_be_kept(monkeypatch):
    monkeypatch.setenv("MMFA_HOME", "/proc/self")
    assert own_identity() == own_identity()


def test_who_signed_is_told_apart_from_another_installation(home, tmp_path, monkeypatch):
    path = write_marked(tmp_path / "o.png", Mark(ORIGIN))
    assert "of this installation" in verify(path).certificate
    monkeypatch.setenv("MMFA_HOME", str(tmp_path / "elsewhere"))
    found = verify(path)
    assert "of another installation" in found.certificate
    assert (found.intact, found.trusted) == (True, False)
    assert not (tmp_path / "elsewhere").exists()  # reading makes no certificate
