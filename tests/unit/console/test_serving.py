"""Where a console may be served: by which names, and with which files."""

from __future__ import annotations

from pathlib import Path

import pytest

from rowmill.console.auth.guard import cookie_of
from rowmill.console.auth.origins import wrong_host
from rowmill.console.serving import Place
from rowmill.errors import Invalid, Refused


@pytest.mark.parametrize(
    ("place", "called"),
    [
        (Place("fd00::5"), "[fd00::5]:8470"),
        (Place("FD00::5"), "[fd00::5]"),
        (Place(behind="Data.example."), "data.example"),
        (Place("0.0.0.0", names=("data.example",)), "DATA.example:8470"),
    ],
)
def test_a_name_that_was_given_is_known_in_each_of_its_forms(place: Place, called: str) -> None:
    assert wrong_host(called, place.reach) is None
    assert wrong_host(f"x{called}", place.reach) is not None


@pytest.mark.parametrize("name", ["https://data.example", "data.example:443", "data.example/x"])
def test_what_is_no_name_of_a_host_is_refused_before_it_matches_nothing(name: str) -> None:
    for place in (Place(behind=name), Place(names=(name,))):
        with pytest.raises(Invalid, match="without scheme and port"):
            place.check()
    Place(behind="data.example", names=("fd00::5",)).check()


def test_files_of_tls_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    missing, text = tmp_path / "none.pem", tmp_path / "text.pem"
    text.write_text("no certificate")
    for certificate, why in ((missing, "No such file"), (text, "cannot be used: ")):
        with pytest.raises(Refused, match=why) as refused:
            Place(certificate=certificate, key=text).check()
        assert refused.value.reason == "CertificateRefused"


def test_a_cookie_goes_by_tls_alone_where_people_reach_the_console_so() -> None:
    assert Place(behind="data.example").secure
    assert not Place(behind="localhost").secure
    assert not Place().secure


@pytest.mark.parametrize(
    "header",
    [
        'prefs={"a": 1}; rowmill_8470=abc',
        "a b=1; rowmill_8470=abc",
        "rowmill_84=x; xrowmill_8470=y;rowmill_8470=abc ;z",
    ],
)
def test_another_program_s_cookie_hides_none_of_ours(header: str) -> None:
    assert cookie_of(header, "rowmill_8470") == "abc"
    assert cookie_of(header, "rowmill_8471") is None
