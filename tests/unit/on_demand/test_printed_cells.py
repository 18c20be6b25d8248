"""Made rows are printed as Postgres prints stored ones."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pytest

from rowmill.on_demand.printed_cells import printed_texts
from rowmill.spec.values.types import parse_type

UUID_TEXT = "12345678-1234-5678-1234-567812345678"
MOMENT = datetime(2020, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "array", "texts"),
    [
        ("boolean", pa.array([True, False, None]), ["t", "f", None]),
        ("real", pa.array([1.0, 1e6, None], pa.float32()), ["1", "1e+06", None]),
        ("double precision", pa.array([1e15, float("nan")]), ["1e+15", "NaN"]),
        ("numeric(12,10)", pa.array([Decimal("0E-10")], pa.decimal128(12, 10)), ["0.0000000000"]),
        ("date", pa.array([date(2020, 1, 2)]), ["2020-01-02"]),
        ("time", pa.array([time(1, 2, 3)], pa.time64("us")), ["01:02:03"]),
        ("timestamp", pa.array([MOMENT], pa.timestamp("us")), ["2020-01-02 03:04:05.6"]),
        ("timestamptz", pa.array([MOMENT]), ["2020-01-02 03:04:05.6+00"]),
        ("uuid", pa.array([UUID(UUID_TEXT).bytes], pa.binary(16)), [UUID_TEXT]),
        ("bytea", pa.array([b"\0\xff"], pa.binary()), ["\\x00ff"]),
        ("text", pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        ("char(3)", pa.array(["a", None]), ["a  ", None]),
        ("bigint[]", pa.array([[1, None], None, []]), ["{1,NULL}", None, "{}"]),
        ("text[]", pa.array([["sale", 'a "b"']]), ['{sale,"a \\"b\\""}']),
        ("boolean[]", pa.array([[True, False]]), ["{t,f}"]),
        (
            "interval",
            pa.array(
                [(14, 1, 3_600_000_000_000), (0, 0, 0), (-1, -2, -500_000_000)],
                pa.month_day_nano_interval(),
            ),
            ["1 year 2 mons 1 day 01:00:00", "00:00:00", "-1 mons -2 days -00:00:00.5"],
        ),
    ],
)  # fmt: skip
def test_a_cell_has_the_form_of_postgres(kind: str, array: pa.Array, texts: list[object]) -> None:
    assert printed_texts(array, parse_type(kind)) == texts
