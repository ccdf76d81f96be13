"""The certificate authority that sandboxes trust, so that the proxy can read HTTPS.

Comes in: a folder. Goes out: the authority kept in it (made if there is none), and a TLS context for any host.
It is worth nothing outside of sandboxes: nobody else is told to trust it.
"""

import datetime
import fcntl
import ipaddress
import os
from collections import OrderedDict
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL

CERTIFICATE = "ca.pem"
"""The file in the folder that sandboxes trust."""

_KEY = "ca.key"

_AUTHORITY_LIFE = datetime.timedelta(days=365 * 30)
"""Longer than any installation: the certificate is inside of sandboxes that run, so it is never exchanged."""

_LEAF_LIFE = datetime.timedelta(days=397)
"""The longest that clients accepted of public certificates (CA/Browser Forum, ballot SC31), and longer than a worker
lives."""

_CLOCK_SLACK = datetime.timedelta(days=1)
_CONTEXTS_KEPT = 256
_NAME_LIMIT = 64
"""Characters of a common name (RFC 5280, appendix A: ub-common-name)."""


class Authority:
    """Signs for hosts as they are asked for. One key serves all of a process's certificates."""

    def __init__(self, folder: Path) -> None:
        """The authority of `folder`, made when there is none. Several processes may do this at once: they end up with
        the same one. Raises OSError or ValueError when the folder cannot be read or written."""
        self._key, self._certificate = _load_or_make(folder)
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._contexts: OrderedDict[str, SSL.Context] = OrderedDict()

    def context(self, host: str) -> SSL.Context:
        """The TLS context of a server that is `host` (a name or an address)."""
        if host in self._contexts:
            self._contexts.move_to_end(host)
            return self._contexts[host]
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_privatekey(self._leaf_key)
        context.use_certificate(self._sign(host))
        context.set_alpn_select_callback(_choose_http1)  # type: ignore[arg-type]  # its type names the wrong result
        self._contexts[host] = context
        if len(self._contexts) > _CONTEXTS_KEPT:
            self._contexts.popitem(last=False)
        return context

    def _sign(self, host: str) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:_NAME_LIMIT])]))
            .issuer_name(self._certificate.subject)
            .public_key(self._leaf_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCK_SLACK)
            .not_valid_after(now + _LEAF_LIFE - _CLOCK_SLACK)
            .add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_issuer_identifier(self._certificate), critical=False)
            .sign(self._key, hashes.SHA256())
        )


def _load_or_make(folder: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / CERTIFICATE).exists():  # written last: with it, both are there
            _make(folder)
    key = serialization.load_pem_private_key((folder / _KEY).read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{folder / _KEY} holds no elliptic curve key")
    return key, x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())


def _make(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(folder / _KEY, secret, 0o600)
    _write(folder / CERTIFICATE, _self_signed(key).public_bytes(serialization.Encoding.PEM), 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by others in between."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    new.replace(path)


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Twinline outbound proxy")])
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(now + _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _issuer_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return x509.DNSName(host.encode("idna").decode() if not host.isascii() else host)


def _choose_http1(_connection: SSL.Connection, offered: list[bytes]) -> bytes | object:
    return b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS
