# Copyright (c) 2026 the vsphere.preemption authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates for tests: an authority of our own, and what it signs."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOCAL_HOSTS = ("127.0.0.1", "localhost")
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """PEM files of one certificate and its private key (mode 0600)."""

    certificate: Path
    key: Path


class CertificateAuthority:
    """A certificate authority that lives in one folder.

    file: its own certificate as PEM, which clients trust.
    """

    def __init__(self, folder: Path, name: str = "Test authority") -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _named(name)
        self._key_id = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self.file = folder / "ca.pem"
        self.file.write_bytes(self._own_certificate().public_bytes(serialization.Encoding.PEM))

    def server(self, name: str = "server", *, hosts: Sequence[str] = LOCAL_HOSTS, expired: bool = False) -> Certificate:
        """A server certificate for the host names or addresses."""
        return self._issue(name, ExtendedKeyUsageOID.SERVER_AUTH, hosts=hosts, expired=expired)

    def client(self, name: str = "client", *, expired: bool = False) -> Certificate:
        """A client certificate."""
        return self._issue(name, ExtendedKeyUsageOID.CLIENT_AUTH, hosts=(name,), expired=expired)

    def _own_certificate(self) -> x509.Certificate:
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        return (
            self._builder(self._subject, self._key.public_key(), expired=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(self._key_id, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _issue(self, name: str, usage: x509.ObjectIdentifier, *, hosts: Sequence[str], expired: bool) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._key_id)
        certificate = (
            self._builder(_named(name), key.public_key(), expired=expired)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(authority, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        files = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files.key.touch(mode=0o600)
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files

    def _builder(
        self, subject: x509.Name, public_key: ec.EllipticCurvePublicKey, *, expired: bool
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return x509.CertificateBuilder(
            issuer_name=self._subject,
            subject_name=subject,
            public_key=public_key,
            serial_number=x509.random_serial_number(),
            not_valid_before=now - 30 * DAY,
            not_valid_after=now - DAY if expired else now + 30 * DAY,
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
