"""Which servers are trusted: those of the given authority, and of no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.kubectl.api_server import EXPERIMENTS, Answers, kubeconfig, result_of, serving
from tests.unit.kubectl.authority import SERVER_NAME, Authority

ANSWERS: Answers = {("GET", EXPERIMENTS.format("team")): (200, {"items": []})}


def _code(server: Authority, trusted: Authority | None, folder: Path, **environ: str) -> int:
    """How a command ends whose kubeconfig has the authority `trusted`."""
    cluster = {"tls-server-name": SERVER_NAME}
    if trusted is not None:
        (folder / "ca.crt").write_bytes(trusted.pem)
        cluster["certificate-authority"] = "ca.crt"
    with serving(ANSWERS, server.serving(folder, of_clients=False)) as served:
        result = result_of(kubeconfig(folder, served.url, cluster=cluster), **environ)
    return int(result.exit_code)


def test_beside_the_given_authority_the_systems_is_not_trusted(
    authority: Authority, tmp_path: Path
) -> None:
    system = tmp_path / "system.pem"
    system.write_bytes(authority.pem)
    environ = {"SSL_CERT_FILE": str(system)}
    assert _code(authority, None, tmp_path, **environ) == 0
    assert _code(authority, Authority(), tmp_path, **environ) == 4


def test_an_authority_that_another_has_signed_is_trusted_by_itself(
    authority: Authority, tmp_path: Path
) -> None:
    intermediate = Authority(authority)
    assert _code(intermediate, intermediate, tmp_path) == 0
    assert _code(authority, intermediate, tmp_path) == 4, "whoever signed it is not"


def test_an_authority_is_not_to_be_given_where_none_is_looked_at(
    authority: Authority, tmp_path: Path
) -> None:
    cluster = {"insecure-skip-tls-verify": True, "certificate-authority": "ca.crt"}
    (tmp_path / "ca.crt").write_bytes(authority.pem)
    with serving(ANSWERS, authority.serving(tmp_path, of_clients=False)) as server:
        result = result_of(kubeconfig(tmp_path, server.url, cluster=cluster))
        assert (result.exit_code, server.asked) == (2, [])
    assert "take one of them out" in json.loads(result.stdout)["error"]["message"]


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_an_empty_authority_is_not_the_systems(
    content: bytes, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "system.pem").write_bytes(authority.pem)
    (tmp_path / "ca.crt").write_bytes(content)
    cluster = {"tls-server-name": SERVER_NAME, "certificate-authority": "ca.crt"}
    with serving(ANSWERS, authority.serving(tmp_path, of_clients=False)) as server:
        file = kubeconfig(tmp_path, server.url, cluster=cluster)
        result = result_of(file, SSL_CERT_FILE=str(tmp_path / "system.pem"))
        assert (result.exit_code, server.asked) == (2, [])
    assert "ca.crt" in json.loads(result.stdout)["error"]["message"]
