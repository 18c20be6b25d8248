"""The node's keys and certificates: one authority, what it signs, and the kubeconfigs of it all."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

API_SERVER = "https://127.0.0.1:6443"
_DAYS = datetime.timedelta(days=3650)
_SIGNS = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
_IDENTIFIES = x509.KeyUsage(True, False, False, False, False, False, False, False, False)


def write_certificates(folder: Path, node: str, node_address: str, service_address: str) -> None:
    """Make an authority, and what the node's programs and its administrator prove themselves by.

    Writes each pair as NAME.crt and NAME.key, each user's NAME.kubeconfig, `sa.key` and `sa.pub`.
    """
    folder.mkdir(mode=0o700, parents=True)
    authority = _Authority.new()
    authority.write(folder)
    service = "kubernetes.default.svc.cluster.local"
    names = ["localhost", *(service.rsplit(".", cut)[0] for cut in range(5))]
    loopback = ["127.0.0.1", node_address]
    authority.serving(folder, "apiserver", "kube-apiserver", names, [*loopback, service_address])
    kubelet = f"system:node:{node}"
    authority.serving(folder, "kubelet-serving", kubelet, [node, "localhost"], loopback)
    authority.client(folder, "apiserver-kubelet-client", "apiserver", "system:masters")
    users = {
        "admin": ("admin", "system:masters"),
        "kube-controller-manager": ("system:kube-controller-manager", ""),
        "kube-scheduler": ("system:kube-scheduler", ""),
        "kube-proxy": ("system:kube-proxy", ""),
        "coredns": ("coredns", "system:masters"),
        "kubelet": (kubelet, "system:nodes"),
    }
    for name, (user, group) in users.items():
        authority.client(folder, name, user, group)
        _write_kubeconfig(folder, name)
    _write_token_keys(folder)


@dataclass(frozen=True)
class _Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls) -> _Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("rowmill-e2e", "")
        certificate = (
            _dated(name, name, key.public_key(), key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_SIGNS, critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    def write(self, folder: Path) -> None:
        _write_pair(folder, "ca", self.key, self.certificate)

    def serving(
        self, folder: Path, file: str, user: str, names: list[str], addresses: list[str]
    ) -> None:
        others: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        others += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        group = "system:nodes" if user.startswith("system:node:") else ""
        self._leaf(folder, file, _name(user, group), ExtendedKeyUsageOID.SERVER_AUTH, others)

    def client(self, folder: Path, file: str, user: str, group: str) -> None:
        self._leaf(folder, file, _name(user, group), ExtendedKeyUsageOID.CLIENT_AUTH, [])

    def _leaf(
        self,
        folder: Path,
        file: str,
        name: x509.Name,
        usage: ObjectIdentifier,
        others: list[x509.GeneralName],
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _dated(name, self.certificate.subject, key.public_key(), self.key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_IDENTIFIES, critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if others:
            builder = builder.add_extension(x509.SubjectAlternativeName(others), critical=False)
        _write_pair(folder, file, key, builder.sign(self.key, hashes.SHA256()))


def _name(user: str, group: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _dated(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    # A clock that is set back a little while a node runs must not make its certificates invalid.
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _DAYS)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        # Python 3.13 refuses a certificate that does not name its issuer's key.
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
    )


def _write_pair(
    folder: Path, file: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
) -> None:
    _write_key(folder / f"{file}.key", key)
    (folder / f"{file}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _write_token_keys(folder: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write_key(folder / "sa.key", key)
    (folder / "sa.pub").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )


def _write_kubeconfig(folder: Path, name: str) -> None:
    cluster = {"server": API_SERVER, "certificate-authority": str(folder / "ca.crt")}
    user = {
        "client-certificate": str(folder / f"{name}.crt"),
        "client-key": str(folder / f"{name}.key"),
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "e2e", "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": name}}],
        "current-context": "e2e",
    }
    (folder / f"{name}.kubeconfig").write_text(yaml.safe_dump(document), encoding="utf-8")
