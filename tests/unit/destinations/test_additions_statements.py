"""A statement about a user's addition tells which names are in it."""

from __future__ import annotations

import pytest

from rowmill.destinations.postgres.additions.model import Statement

KEY = "orders_pkey"


@pytest.mark.parametrize(
    "pieces",
    [
        ("ALTER TABLE ", "orders", " REPLICA IDENTITY USING INDEX orders_pkey"),
        ("ALTER TABLE ", "orders", ' CLUSTER ON "orders_pkey"'),
        ("COMMENT ON CONSTRAINT orders_pkey ON ", "orders", " IS 'a key'"),
        ("COMMENT ON INDEX ", "orders_pkey", " IS 'it''s a key'"),
        ("CREATE RULE r AS ON INSERT TO ", "orders", " DO SELECT 'shop.orders_pkey'::regclass"),
    ],
)
def test_a_name_that_is_there(pieces: tuple[str, ...]) -> None:
    assert Statement(pieces).names(KEY)


@pytest.mark.parametrize(
    "pieces",
    [
        ("ALTER TABLE ", "orders", " REPLICA IDENTITY USING INDEX orders_pkey1"),
        ("CREATE POLICY my_orders_pkey ON ", "orders", " USING (true)"),
        ("CREATE POLICY p ON ", "orders", " USING (orders_pkey$ > 0)"),
        ("ALTER TABLE ", "orders", ' CLUSTER ON "orders_pkey v"'),
        ("ALTER TABLE ", "orders", ' CLUSTER ON "the orders_pkey of it"'),
        ("ALTER TABLE ", "orders", ' CLUSTER ON "a""orders_pkey""b"'),
        ("COMMENT ON INDEX ", "orders_pkey1", " IS 'it''s not orders_pkey'"),
        ("GRANT SELECT ON ", "orders", ""),
    ],
)
def test_a_name_that_is_a_part_of_another_or_in_a_string(pieces: tuple[str, ...]) -> None:
    assert not Statement(pieces).names(KEY)


def test_a_name_that_is_written_in_quotes_alone() -> None:
    statement = Statement(("ALTER TABLE ", "t", ' CLUSTER ON "Or""ders"'))
    assert statement.names('Or"ders')
    assert not statement.names("ders")
    assert Statement(('CLUSTER ON "it\'s", orders_pkey',)).names(KEY)
