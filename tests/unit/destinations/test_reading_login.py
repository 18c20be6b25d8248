"""Who reads for a person: the login that the secret names, with nothing of the loader's."""

import pytest

from rowmill.destinations.credentials import ReadingCredentials, reading_login
from rowmill.destinations.errors import DestinationRefused
from rowmill.destinations.postgres.read.safe_login import Power, unsafe_login

LOADER = {
    "PGHOST": "db",
    "PGPORT": "6432",
    "PGDATABASE": "warehouse",
    "PGUSER": "loader",
    "PGPASSWORD": "loads",
    "PGPASSFILE": "passwords",
    "PGSERVICE": "loading",
    "PGSSLMODE": "verify-full",
    "PGSSLROOTCERT": "ca.crt",
    "PGOPTIONS": "-c endpoint=one",
}


def test_a_named_reader_goes_to_the_same_place_by_its_own_password() -> None:
    login = reading_login({**LOADER, "PGREADUSER": "reader", "PGREADPASSWORD": "reads"})
    assert login.values == {
        "PGHOST": "db",
        "PGPORT": "6432",
        "PGDATABASE": "warehouse",
        "PGUSER": "reader",
        "PGPASSWORD": "reads",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "ca.crt",
        "PGOPTIONS": "-c endpoint=one",
    }
    assert (login.named, login.loader) == (True, "loader")
    assert login.keys == ("PGREADUSER", "PGREADPASSWORD")


def test_a_named_reader_without_a_password_has_none() -> None:
    assert reading_login({**LOADER, "PGREADUSER": "reader"}).values["PGPASSWORD"] == ""


def test_a_reader_enters_the_loaders_database_if_none_is_named() -> None:
    login = reading_login({"PGHOST": "db", "PGUSER": "loader", "PGREADUSER": "reader"})
    assert login.values["PGDATABASE"] == "loader"


@pytest.mark.parametrize("more", [{}, {"PGREADUSER": ""}])
def test_without_one_the_loader_reads(more: dict[str, str]) -> None:
    login = reading_login({**LOADER, **more})
    assert (login.values, login.named) == (LOADER, False)
    assert login.keys == ("PGUSER", "PGPASSWORD")


def test_a_password_for_nobody_is_no_login() -> None:
    with pytest.raises(DestinationRefused, match="no PGREADUSER") as refused:
        reading_login({**LOADER, "PGREADPASSWORD": "reads"})
    assert "reads" not in str(refused.value)


def test_the_secrets_are_not_in_its_repr() -> None:
    known = {**LOADER, "PGREADUSER": "reader", "PGREADPASSWORD": "hidden"}
    assert "hidden" not in repr(ReadingCredentials(lambda: known)())
    assert "loads" not in repr(reading_login(LOADER))


def test_the_statements_of_a_refusal_are_quoted_and_make_another_role() -> None:
    login = reading_login({**LOADER, "PGUSER": 'a"b', "PGREADUSER": "rowmill_reader"})
    power = Power(True, "rowmill_reader", True, False, False, None)
    text = unsafe_login(power, login, "reader@db:5432/warehouse", "web shop")
    assert text.startswith("PGREADUSER at reader@db:5432/warehouse is a superuser")
    assert "CREATE ROLE \"rowmill_query\" LOGIN PASSWORD 'PASSWORD';" in text
    assert 'FOR ROLE "a""b" IN SCHEMA "web shop" GRANT SELECT ON TABLES TO "rowmill_query";' in text
    assert "\nPGREADUSER=rowmill_query\nPGREADPASSWORD=PASSWORD\n" in text
    assert text.endswith("`rowmill down` and then `rowmill up` set that login right.")
    other = reading_login({**LOADER, "PGREADUSER": "reader"})
    assert unsafe_login(power, other, "reader@db", "web").endswith("\nPGREADPASSWORD=PASSWORD")


@pytest.mark.parametrize(
    ("power", "words"),
    [
        (Power(False, "boss", True, False, False, None), 'may become "boss", which is a superuser'),
        (Power(False, "slots", False, False, True, None), 'may become "slots", which has the'),
        (Power(True, "me", False, False, False, "lo_export"), " may run lo_export, which reaches"),
        (
            Power(False, "x", False, False, False, "lo_import"),
            'become "x", which may run lo_import',
        ),
    ],
)
def test_a_refusal_says_by_which_role(power: Power, words: str) -> None:
    assert words in unsafe_login(power, reading_login(LOADER), "loader@db:5432/w", "shop")
