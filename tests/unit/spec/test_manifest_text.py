"""Plain data as text reads back as the same data, whatever characters it holds."""

import json

from hypothesis import given
from hypothesis import strategies as st

from rowmill.spec.manifest.text import manifest_text
from rowmill.spec.yaml.reader import read_documents

# No halves of characters: the API server has none.
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=10,
)


@given(st.dictionaries(texts, values, min_size=1))
def test_what_is_written_is_what_is_read(manifest: dict[str, object]) -> None:
    text = manifest_text(manifest)
    [document] = read_documents(text)
    assert document.problems == []
    assert document.value == manifest == json.loads(text)


def test_line_breaks_of_every_kind_stay_as_they_are() -> None:
    manifest = {"a": "x\x85y\u2028z\u2029\x7f\ufeff\U0001f600\n\t\r end "}
    [document] = read_documents(manifest_text(manifest))
    assert document.value == manifest
