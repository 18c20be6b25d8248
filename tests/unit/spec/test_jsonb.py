import pytest

from rowmill.spec.values.jsonb import canonical_jsonb


# The right sides are what PostgreSQL 18 prints.
@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ('{"b":1,"aa":2,"a":3,"b":4}', '{"a": 3, "b": 4, "aa": 2}'),
        ('{"é":1,"zz":2,"z":3,"":4}', '{"": 4, "z": 3, "zz": 2, "é": 1}'),
        (
            "[1e2,1.50,1.50e1,-0.0,0e5,0.00e1,1E-3,-1.5e+3]",
            "[100, 1.50, 15.0, 0.0, 0, 0.0, 0.001, -1500]",
        ),
        ("-0", "0"),
        ("123456789012345678901234567890.123456789", "123456789012345678901234567890.123456789"),
        (
            r'"\u00e9\n\t\b\f\r\"\\\/ \u001f \u007f \ud83d\ude00"',
            '"é\\n\\t\\b\\f\\r\\"\\\\/ \\u001f \x7f 😀"',
        ),
        ("  { } ", "{}"),
        ("[[],{},[{}]]", "[[], {}, [{}]]"),
        ("null", "null"),
        ("true", "true"),
        ("false", "false"),
        ('{"a":{"c":1,"b":[null,false]}}', '{"a": {"b": [null, false], "c": 1}}'),
    ],
)
def test_a_text_is_printed_as_postgres_prints_it(text: str, printed: str) -> None:
    assert canonical_jsonb(text) == printed
    assert canonical_jsonb(printed) == printed


def test_numbers_may_be_as_large_as_numeric() -> None:
    assert canonical_jsonb("1e131071") == "1" + "0" * 131_071
    assert canonical_jsonb("1e-16383") == "0." + "0" * 16_382 + "1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{'a': 1}", "double quotes"),
        ("", "no JSON"),
        ("NaN", "no JSON number"),
        ("[1,]", "no JSON"),
        ('"a\tb"', "no JSON"),
        (r'"\u0000"', "jsonb cannot store"),
        (r'{"\u0000": 1}', "jsonb cannot store"),
        (r'"\ud800"', "surrogate"),
        ("1e131072", "beyond what numeric stores"),
        ("1e-16384", "beyond what numeric stores"),
        ("1e99999999999999999999", "beyond what numeric stores"),
        ("[" * 5000 + "]" * 5000, "nested deeper"),
        ("[" * 102 + "]" * 102, "nested deeper"),
    ],
)
def test_what_jsonb_cannot_hold_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        canonical_jsonb(text)
