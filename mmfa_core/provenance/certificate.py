"""The installation's own certificate: made at its first use, kept for this user, never sent away.

In: nothing. Out: an Identity: a private key and the certificates that belong to it.

Nobody vouches for such a certificate: a manifest that it signed shows whether a file was altered
since, not who made it. It names the tool and no person. A lost key only means that later files are
signed by another certificate; files that were signed before still verify.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import functools
import logging
import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mmfa_core.errors import ResourceError

if TYPE_CHECKING:
    from cryptography import x509

HOME_VARIABLE = "MMFA_HOME"  # names the folder of this user's settings
FILE = "certificate.pem"
ORGANISATION = "MMFA Studio"
COMMON_NAME = "MMFA Studio, self-made certificate"
ROOT_NAME = "MMFA Studio, self-made root"
# Without a time-stamp authority a signature is worth nothing after its certificate has run out.
YEARS = 25

_BEGIN_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Identity:
    """Hold what signs.

    Attributes:
        key: private key, PEM (PKCS 8, P-256).
        chain: the certificate and then its root, PEM.
    """

    key: str = field(repr=False)
    chain: str

    @property
    def root(self) -> str:
        """Return the root alone, PEM."""
        return _BEGIN_CERTIFICATE + self.chain.split(_BEGIN_CERTIFICATE)[-1]


def settings_folder() -> Path:
    """Return the folder of this user's settings; it need not exist.

    Raises:
        OSError: this user has no home.
    """
    given = os.environ.get(HOME_VARIABLE)
    if given:
        return Path(given)
    try:
        return _usual_folder()
    except RuntimeError as error:  # a service or container whose user is in no list
        raise FileNotFoundError(errno.ENOENT, "there is no home folder") from error


def _usual_folder() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "mmfa-studio"


def own_identity() -> Identity:
    """Return the identity of this installation, made if there is none yet.

    Where it can't be read or kept (a read-only home, a damaged file), one is made for this process
    alone, with a word in the log: work is signed all the same, and nothing is overwritten.
    """
    try:
        folder = settings_folder()
        return load_identity(folder) or _keep(make_identity(), folder)
    except OSError as error:  # its whole text names a part file, another one each time
        return _passing_identity(error.strerror or type(error).__name__)
    except ResourceError as error:
        return _passing_identity(str(error))


@functools.lru_cache(maxsize=1)
def _passing_identity(why: str) -> Identity:
    _log.warning("The signing certificate is made for this run only: %s", why)
    return make_identity()


def load_identity(folder: Path) -> Identity | None:
    """Read a kept identity.

    Returns:
        The identity, or None when there is none.

    Raises:
        ResourceError: the file holds none.
        OSError: it can't be read.
    """
    try:
        text = (folder / FILE).read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return None
    key, *certificates = text.split(_BEGIN_CERTIFICATE)
    if "PRIVATE KEY-----" not in key or len(certificates) != 2:
        raise ResourceError(f"{FILE} holds no certificate with its key.", "Remove it.")
    return Identity(key, "".join(_BEGIN_CERTIFICATE + part for part in certificates))


def _keep(made: Identity, folder: Path) -> Identity:
    """Keep an identity unless another process was faster, and return the one that is kept."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = folder / f".{FILE}-{secrets.token_hex(4)}"
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(made.key + made.chain)
            out.flush()
            os.fsync(out.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(part, folder / FILE)  # unlike a renaming, this never replaces
    finally:
        part.unlink(missing_ok=True)
    return load_identity(folder) or made


def make_identity() -> Identity:
    """Make a key, and a root and a certificate of the kind that C2PA accepts (ES256)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def named(common_name: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )

    def begin(common_name: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(named(common_name))
            .issuer_name(named(ROOT_NAME))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))  # clocks differ
            .not_valid_after(now + datetime.timedelta(days=365 * YEARS))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )

    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = (
        begin(ROOT_NAME, root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    certificate = (
        begin(COMMON_NAME, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
        )
        .add_extension(issuer, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    # The root's key is forgotten here: no second certificate can be made from it.
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in (certificate, root))
    return Identity(secret.decode(), chain.decode())


def _usage(*wanted: str) -> x509.KeyUsage:
    from cryptography import x509

    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name in wanted for name in names})
