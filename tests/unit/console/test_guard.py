"""Who may call: each path but two, by each of the ways that open nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from rowmill.console.auth.guard import MAX_BODY, SECRET_HEADER
from rowmill.console.auth.origins import Reach
from rowmill.engine.records import Page
from tests.unit.console.served import COOKIE, HOST, served, token

LIST = "/api/experiments"


class Nobody:
    """An engine without experiments."""

    def list(self, **_: Any) -> Page[Any]:
        return Page(())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "console"


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    with served(folder, Nobody()) as found:
        yield found


@pytest.fixture
def script(folder: Path, client: TestClient) -> dict[str, str]:
    return token(folder)


def test_a_script_calls_with_its_token(client: TestClient, script: dict[str, str]) -> None:
    assert client.get(LIST, headers=script).json() == {"items": [], "after": None}


def test_without_it_no_path_answers(client: TestClient, script: dict[str, str]) -> None:
    document = client.get("/api/openapi.json", headers=script).json()
    calls = [(method, path) for path, verbs in document["paths"].items() for method in verbs]
    assert len(calls) > 15
    for method, path in [*calls, ("get", "/api/openapi.json"), ("get", "/api/nothing")]:
        if (method, path) in (("post", "/api/session"), ("get", "/api/tickets/{ticket}")):
            # Opened by what they carry: a code, a ticket.
            continue
        answer = client.request(method, path)
        assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized"), path
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer x", "Basic x", "bearer\tx", "Bearer \u00fc"]
)
def test_a_wrong_token_opens_nothing(client: TestClient, header: str) -> None:
    assert client.get(LIST, headers={"Authorization": header.encode()}).status_code == 401


def test_a_browser_needs_both_halves(client: TestClient, script: dict[str, str]) -> None:
    answer = client.post("/api/session", json={"token": script["Authorization"][7:]})
    assert answer.status_code == 201
    said = answer.headers["set-cookie"]
    assert said.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(said.split("; "))
    secret = {SECRET_HEADER: answer.json()["secret"]}
    assert client.get(LIST, headers=secret).status_code == 200
    assert client.get(LIST).status_code == 401
    cookie = client.cookies[COOKIE]
    client.cookies.clear()
    assert client.get(LIST, headers=secret).status_code == 401
    client.cookies.set(COOKIE, cookie)
    assert client.delete("/api/session", headers=secret).status_code == 204
    client.cookies.set(COOKIE, cookie)
    assert client.get(LIST, headers=secret).status_code == 401


def test_behind_a_proxy_a_browser_needs_its_second_secret_whatever_the_proxy_adds(
    folder: Path,
) -> None:
    with served(folder, Nobody(), Reach(frozenset({"rowmill.example"}), None)) as client:
        script = token(folder)
        host = {"Host": "rowmill.example", "Sec-Fetch-Site": "same-origin"}
        assert client.get(LIST, headers=script).status_code == 200
        assert client.get(LIST, headers={**script, **host}).status_code == 401
        opened = client.post("/api/session", json={"token": script["Authorization"][7:]})
        secret = {SECRET_HEADER: opened.json()["secret"]}
        assert client.get(LIST, headers={**script, **host}).status_code == 401
        browser = {**script, **host, **secret, "Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
        assert client.get(LIST, headers=browser).status_code == 200


@pytest.mark.parametrize("opening", [{}, {"code": "x"}, {"token": "x"}, {"code": None}])
def test_a_wrong_code_opens_no_session(client: TestClient, opening: dict[str, Any]) -> None:
    assert client.post("/api/session", json=opening).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", LIST), ("POST", "/api/session")])
def test_another_origin_s_page_is_refused_whatever_it_carries(
    client: TestClient, script: dict[str, str], headers: dict[str, str], method: str, path: str
) -> None:
    answer = client.request(method, path, headers={**script, **headers}, json={})
    assert (answer.status_code, answer.json()["reason"]) == (403, "ForeignPage")


@pytest.mark.parametrize("path", ["/", LIST, "/api/session", "/api/tickets/x"])
def test_another_host_is_refused_on_every_path(
    client: TestClient, script: dict[str, str], path: str
) -> None:
    answer = client.get(path, headers={**script, "Host": "evil.example:8470"})
    assert (answer.status_code, answer.json()["reason"]) == (421, "WrongHost")


def test_no_answer_is_read_as_another_kind_of_file_or_kept(
    client: TestClient, script: dict[str, str]
) -> None:
    for answer in (client.get(LIST, headers=script), client.get(LIST), client.get("/")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_no_body_is_larger_than_one_may_be(client: TestClient, script: dict[str, str]) -> None:
    body = b"x" * (MAX_BODY + 1)
    answer = client.post("/api/validate", headers=script, content=body)
    assert (answer.status_code, answer.json()["reason"]) == (413, "BodyTooLarge")
    chunks = client.post("/api/validate", headers=script, content=iter([body[:-5], body[-5:]]))
    assert chunks.status_code == 413


def test_an_error_is_told_as_problem_details(client: TestClient, script: dict[str, str]) -> None:
    answer = client.get(f"{LIST}?limit=0", headers=script)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["problems"][0]["path"] == "query.limit"
    unknown = client.get("/api/nothing", headers=script)
    assert (unknown.status_code, unknown.json()["reason"]) == (404, "NotFound")
    wrong = client.put(LIST, headers=script)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, POST")


def test_a_defect_says_so_and_nothing_of_itself(folder: Path) -> None:
    class Broken:
        def list(self, **_: Any) -> Page[Any]:
            raise RuntimeError("a secret path")

    with served(folder, Broken()) as client:
        answer = client.get(f"{HOST}{LIST}", headers=token(folder))
    assert (answer.status_code, answer.json()["reason"]) == (500, "Defect")
    assert "secret" not in answer.text


def test_a_defect_s_answer_has_the_headers_of_every_other(folder: Path) -> None:
    class Broken(Nobody):
        def get(self, name: str) -> Any:
            raise ZeroDivisionError(name)

    with served(folder, Broken()) as client:
        answer = client.get("/api/experiments/shop", headers=token(folder))
    assert (answer.status_code, answer.json()["reason"]) == (500, "Defect")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
