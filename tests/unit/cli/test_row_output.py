"""Rows in every output, whatever their type."""

import json
from collections.abc import Iterator

import pytest

from rowmill.engine.printed_columns import PrintedColumn, Scalar
from rowmill.terminal.failures import DocumentBegun
from rowmill.views.json_cells import json_keys, json_writer
from rowmill.views.rows import Row, RowSet, csv_line, row_writer

NUMBER = PrintedColumn("id", Scalar.NUMBER)
NAME = PrintedColumn("[red]")
SETS = [
    RowSet("a", [NUMBER, NAME], [("1", None), ("2", "x,[/red]")], "a (2 rows)"),
    RowSet("b", [NUMBER], [], "b"),
]


def _written(capsys: pytest.CaptureFixture[str], sets: list[RowSet], output: str) -> str:
    with row_writer(output) as write:
        for row_set in sets:
            write(row_set)
    return capsys.readouterr().out


def test_json_is_one_object_of_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(_written(capsys, SETS, "json")) == {
        "a": [{"id": 1, "[red]": None}, {"id": 2, "[red]": "x,[/red]"}],
        "b": [],
    }
    assert json.loads(_written(capsys, [], "json")) == {}


def test_csv_has_a_header_for_each_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert _written(capsys, SETS, "csv") == 'id,[red]\n1,\n2,"x,[/red]"\n\nid\n'


def test_a_table_shows_names_and_values_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    out = _written(capsys, SETS, "table")
    for text in ("a (2 rows)", "[red]", "x,[/red]", "null"):
        assert text in out


def test_a_table_stops_at_a_thousand_rows_and_says_how_to_get_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[int] = []

    def rows(count: int) -> Iterator[Row]:
        for i in range(count):
            asked.append(i)
            yield (str(i),)

    out = _written(capsys, [RowSet("rows", [NUMBER], rows(1_000))], "table").splitlines()
    assert (out[0], len(out)) == ("1,000 rows", 1_003)
    asked.clear()
    out = _written(capsys, [RowSet("rows", [NUMBER], rows(5_000))], "table").splitlines()
    assert out[0] == "the first 1,000 rows"
    assert out[-2:] == [
        " 999",
        "There are more than these 1,000 rows: -o csv or -o json gives all.",
    ]
    assert len(asked) == 1_001


def test_a_table_of_huge_values_stops_sooner(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rowmill.views.rows._TABLE_CHARACTERS", 16_000)
    wide = [("x" * 6_000,)] * 5
    out = _written(capsys, [RowSet("rows", [NAME], wide)], "table")
    assert out.startswith("the first 3 rows\n")
    assert out.count("x" * 6_000) == 3


def test_csv_tells_null_from_the_empty_text_and_ends_at_no_value() -> None:
    assert csv_line([None, "", "a", "a b", "\\.", "\\N", "NULL"]) == ',"",a,a b,"\\.",\\N,NULL\n'
    assert csv_line(['"', "a,b", "a\nb", "a\rb"]) == '"""","a,b","a\nb","a\rb"\n'
    assert csv_line(["\\."]) == '"\\."\n'


def _json(text: str | None, scalar: Scalar, delimiter: str | None = None) -> object:
    return json.loads(json_writer(PrintedColumn("c", scalar, delimiter))(text))


@pytest.mark.parametrize(
    ("text", "scalar", "value"),
    [
        (None, Scalar.TEXT, None),
        ("t", Scalar.BOOLEAN, True),
        ("f", Scalar.BOOLEAN, False),
        ("t", Scalar.TEXT, "t"),
        ("9223372036854775807", Scalar.NUMBER, 9223372036854775807),
        ("-1.5e-07", Scalar.NUMBER, -1.5e-07),
        ("NaN", Scalar.NUMBER, "NaN"),
        ("-Infinity", Scalar.NUMBER, "-Infinity"),
        ("12345678901234567890.1", Scalar.DECIMAL, "12345678901234567890.1"),
        ('{"a": [1, null]}', Scalar.JSON, {"a": [1, None]}),
        ('"text"', Scalar.JSON, "text"),
        ("null", Scalar.JSON, None),
        ('"\\\n\x01é', Scalar.TEXT, '"\\\n\x01é'),
    ],
)
def test_a_cell_is_json_without_loss(text: str | None, scalar: Scalar, value: object) -> None:
    assert _json(text, scalar) == value


@pytest.mark.parametrize(
    ("text", "scalar", "value"),
    [
        (None, Scalar.TEXT, None),
        ("{}", Scalar.TEXT, []),
        ('{a,NULL,"NULL",""," b "}', Scalar.TEXT, ["a", None, "NULL", "", " b "]),
        (r'{"a\"b","c\\d","e,f","{g}"}', Scalar.TEXT, ['a"b', "c\\d", "e,f", "{g}"]),
        ("{{1,2},{3,NULL}}", Scalar.NUMBER, [[1, 2], [3, None]]),
        ("[0:1]={t,f}", Scalar.BOOLEAN, [True, False]),
        ("{NaN,1}", Scalar.NUMBER, ["NaN", 1]),
        (r'{"{\"a\": \"\\\"\"}",NULL,2}', Scalar.JSON, [{"a": '"'}, None, 2]),
    ],
)
def test_an_array_is_a_list(text: str | None, scalar: Scalar, value: object) -> None:
    assert _json(text, scalar, ",") == value


def test_json_keeps_the_digits_that_a_float_would_lose() -> None:
    written = json_writer(PrintedColumn("c", Scalar.JSON))('{"a": 12345678901234567890.10}')
    assert written == '{"a": 12345678901234567890.10}'


def test_figures_of_every_type_stand_right_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    columns = [PrintedColumn("total", Scalar.DECIMAL), PrintedColumn("count", Scalar.NUMBER)]
    out = _written(capsys, [RowSet("rows", columns, [("9.5", "1"), ("10.25", "100")])], "table")
    assert out.splitlines()[-2:] == ["   9.5 │     1", " 10.25 │   100"]


def test_a_delimiter_is_the_types_own() -> None:
    assert _json("{(1,2),(0,0);(3,4),(1,1)}", Scalar.TEXT, ";") == ["(1,2),(0,0)", "(3,4),(1,1)"]


def test_columns_of_equal_names_are_all_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert json_keys(["a", "a", "a_2", "b", "a"]) == ["a", "a_3", "a_2", "b", "a_4"]
    two = RowSet("rows", [NUMBER, NUMBER], [("1", "2")])
    assert json.loads(_written(capsys, [two], "json")) == {"rows": [{"id": 1, "id_2": 2}]}
    assert _written(capsys, [two], "csv") == "id,id\n1,2\n"


@pytest.mark.parametrize("cause", [ValueError("lost"), KeyboardInterrupt()])
def test_what_fails_amid_the_rows_leaves_a_document_that_takes_the_error(
    capsys: pytest.CaptureFixture[str], cause: BaseException
) -> None:
    def rows() -> Iterator[Row]:
        yield ("1", "x")
        raise cause

    with pytest.raises(DocumentBegun) as begun:
        _written(capsys, [RowSet("rows", [NUMBER, NAME], rows())], "json")
    assert begun.value.cause is cause
    out = capsys.readouterr().out + '"error": 7}'
    assert json.loads(out) == {"rows": [{"id": 1, "[red]": "x"}], "error": 7}


@pytest.mark.parametrize("output", ["json", "csv", "table"])
def test_what_fails_at_the_first_row_leaves_nothing(
    capsys: pytest.CaptureFixture[str], output: str
) -> None:
    def rows() -> Iterator[Row]:
        yield from ()
        raise ValueError("lost")

    with pytest.raises(ValueError, match="lost"):
        _written(capsys, [RowSet("rows", [NUMBER], rows())], output)
    assert capsys.readouterr().out == ""


def test_a_reader_that_left_is_told_nothing_more(capsys: pytest.CaptureFixture[str]) -> None:
    def rows() -> Iterator[Row]:
        yield ("1",)
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        _written(capsys, [RowSet("rows", [NUMBER], rows())], "json")
