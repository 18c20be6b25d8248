import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowmill.generate.text.letters import lower, map_texts, slug, title, upper

LATIN = st.text(st.characters(max_codepoint=0x17F, exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("John O'Brien", "john-obrien"),
        ("Ångström & Ørsted", "angstrom-orsted"),
        ("Straße / Weiß", "strasse-weiss"),
        ("Łukasz Żółć", "lukasz-zolc"),
        ("Nguyễn Thị", "nguyen-thi"),
        ("Ανδρέας Παπαδόπουλος", "andreas-papadopoylos"),
        ("Юлия Щукина", "yuliya-shchukina"),
        ("王小明", "738b5c0f660e"),
        ("  a -- b__c  ", "a-b-c"),
        ("’twas “so”", "twas-so"),
        ("日本　東京", "65e5672c-67714eac"),
        ("e\u0301", "e"),
        ("ŒUVRE ½", "oeuvre"),
        ("2nd", "2nd"),
        ("!!!", "x"),
        ("", "x"),
    ],
)
def test_a_slug_is_ascii(text: str, expected: str) -> None:
    assert slug(text) == expected


@given(st.text())
def test_a_slug_is_its_own_slug_and_never_empty(text: str) -> None:
    found = slug(text)
    assert found
    assert set(found) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert slug(found) == found


@given(LATIN)
def test_latin_letters_change_case_as_in_python(text: str) -> None:
    kept = text.replace("µ", "").replace("ſ", "")
    assert upper(kept) == kept.upper()
    assert lower(kept) == kept.lower()


def test_letters_of_other_scripts_have_no_case() -> None:
    georgian = "ჰ"
    assert georgian.upper() != georgian
    assert upper(georgian) == georgian


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("o'brien-smith", "O'brien-Smith"),
        ("HELLO wORLD", "Hello World"),
        ("élan ÉTÉ", "Élan Été"),
        ("3rd base", "3rd Base"),
        ("", ""),
        ("  x", "  X"),
    ],
)
def test_title(text: str, expected: str) -> None:
    assert title(text) == expected


@given(st.lists(st.text(st.characters(max_codepoint=0x7F)) | st.none(), min_size=1))
def test_ascii_arrays_change_as_single_texts_do(texts: list[str | None]) -> None:
    for change in (slug, upper, lower, title):
        found = map_texts(pa.array(texts, pa.string()), change).to_pylist()
        assert found == [None if text is None else change(text) for text in texts]


@given(st.lists(st.text() | st.none()), st.integers(0, 3))
def test_slices_change_as_single_texts_do(texts: list[str | None], start: int) -> None:
    array = pa.array(["x", "y", "z", *texts], pa.string())[start:]
    for change in (slug, upper, lower, title):
        expected = [None if text is None else change(text) for text in array.to_pylist()]
        assert map_texts(array, change).to_pylist() == expected
