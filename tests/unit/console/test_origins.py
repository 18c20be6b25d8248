from __future__ import annotations

import pytest

from rowmill.console.auth.origins import Reach, foreign_page, is_loopback, wrong_host

LOCAL = Reach()
PROXIED = Reach(frozenset({"rowmill.example"}), None)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8470", "localhost:8470", "LOCALHOST", "[::1]:8470", "127.9.9.9", "localhost."],
)
def test_a_loopback_name_is_ours(host: str) -> None:
    assert wrong_host(host, LOCAL) is None


@pytest.mark.parametrize(
    "host",
    [
        None, "", "evil.example", "evil.example:8470", "127.0.0.1.evil.example", "localhost.evil",
        "0.0.0.0:8470", "10.0.0.1", "rowmill.example", "[::]:8470", "localhost@evil.example",
        "2130706433",
    ],
)  # fmt: skip
def test_any_other_name_is_not(host: str | None) -> None:
    assert wrong_host(host, LOCAL) is not None


def test_the_name_of_a_proxy_is_ours_too() -> None:
    assert wrong_host("Rowmill.example:443", PROXIED) is None
    assert wrong_host("evil.example", PROXIED) is not None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:8470"},
        {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8470"},
        {"sec-fetch-site": "none"},
    ],
)
def test_our_page_and_a_script_may_call(headers: dict[str, str]) -> None:
    assert foreign_page({"host": "127.0.0.1:8470", **headers}, LOCAL) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://localhost:8470"},
        {"origin": "https://127.0.0.1:8470"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:8470"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_page_may_not_though_it_is_of_another_loopback_port(
    headers: dict[str, str],
) -> None:
    assert foreign_page({"host": "127.0.0.1:8470", **headers}, LOCAL) is not None


def test_behind_a_proxy_the_page_may_speak_tls() -> None:
    headers = {"host": "rowmill.example", "origin": "https://rowmill.example"}
    assert foreign_page(headers, PROXIED) is None
    assert foreign_page({**headers, "origin": "https://evil.example"}, PROXIED) is not None


def test_what_only_looks_like_a_loopback_address_is_none() -> None:
    assert [name for name in ("127.1", "0x7f.1", "::ffff:8.8.8.8", "") if is_loopback(name)] == []
