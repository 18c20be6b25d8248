import re
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rowmill.spec.patterns.automaton import Automaton, compile_pattern, count_strings, max_length

ALPHABET = "abc"
LONGEST = 6


def _repeat(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    counts = st.one_of(
        st.just("?"),
        st.integers(0, 2).map(lambda n: f"{{{n}}}"),
        st.tuples(st.integers(0, 1), st.integers(0, 1)).map(lambda t: f"{{{t[0]},{t[0] + t[1]}}}"),
    )
    return st.tuples(children, counts).map(lambda t: f"({t[0]}){t[1]}")


PATTERNS = st.recursive(
    st.sampled_from(["a", "b", "c", "[ab]", "[a-c]", "[bc]", "", "a?", "[b-b]"]),
    lambda children: st.one_of(
        st.tuples(children, children).map(lambda t: f"{t[0]}{t[1]}"),
        st.tuples(children, children).map(lambda t: f"({t[0]}|{t[1]})"),
        st.tuples(children, children).map(lambda t: f"(?:{t[0]}|{t[1]})"),
        _repeat(children),
    ),
    max_leaves=6,
)
WORDS = ["".join(w) for n in range(LONGEST + 1) for w in product(ALPHABET, repeat=n)]


def strings(automaton: Automaton, state: int = 0) -> list[str]:
    """All strings from a state on, in rank order."""
    found = [""] if automaton.accepting[state] else []
    for edge in automaton.edges[state]:
        for code in range(edge.low, edge.high + 1):
            found += [chr(code) + rest for rest in strings(automaton, edge.target)]
    return found


@given(PATTERNS)
@settings(max_examples=300, deadline=None)
def test_the_strings_are_those_that_re_matches(pattern: str) -> None:
    automaton = compile_pattern(pattern)
    if automaton.max_length > LONGEST:
        return
    expected = sorted(w for w in WORDS if re.fullmatch(pattern, w))
    assert strings(automaton) == expected
    assert count_strings(pattern) == len(expected)
    assert automaton.max_length == max(map(len, expected))
    assert automaton.min_length == min(map(len, expected))


@given(PATTERNS)
@settings(max_examples=100, deadline=None)
def test_states_are_numbered_along_the_edges_and_count_their_strings(pattern: str) -> None:
    automaton = compile_pattern(pattern)
    for state, edges in enumerate(automaton.edges):
        assert all(edge.target > state for edge in edges)
        assert all(a.high < b.low for a, b in pairwise(edges))
        ahead = sum((e.high - e.low + 1) * automaton.counts[e.target] for e in edges)
        assert automaton.counts[state] == ahead + automaton.accepting[state] > 0


@pytest.mark.parametrize(
    ("pattern", "count", "longest"),
    [
        ("a|a", 1, 1),
        ("a{1,2}a?", 3, 3),
        ("[A-Z]{3}-[0-9]{4}", 26**3 * 10**4, 8),
        (r"\d{3}", 1000, 3),
        (r"\w", 63, 1),
        (r"\D", 85, 1),
        (r"[^\w]", 32, 1),
        (r"\W", 32, 1),
        (".", 95, 1),
        ("[^a-z]", 69, 1),
        ("[a-]", 2, 1),
        ("[-a]", 2, 1),
        (r"[\]\[\\^-]", 5, 1),
        (r"\.\*\+\?\{\}\(\)\|\^\$", 1, 11),
        ("", 1, 0),
        ("(|a)", 2, 1),
        ("a{0}", 1, 0),
        ("(a{0}){4096}", 1, 0),
        ("[a-z]{40}", 26**40, 40),
        ("[ä-ü]ß", 25, 2),
        ("[一-鿿]{2}", 20992**2, 2),
        ("\U0001f600|é", 2, 1),
        ("[\ud7ff-\ue000]", 2, 1),
        (r"\t\n\r", 1, 3),
        ("(ab|a)(bc|c)", 3, 4),
        ("a{1000}", 1, 1000),
    ],
)
def test_counts_and_lengths(pattern: str, count: int, longest: int) -> None:
    assert count_strings(pattern) == count
    assert max_length(pattern) == longest


def test_counts_are_exact_however_large() -> None:
    # Not a parameter above: pytest would print it.
    assert count_strings("[0-9a-f]{4096}") == 16**4096


@pytest.mark.parametrize(
    "pattern", ["[A-Z]{2}", "(A|[B-Z]){2}", "[A-Z][A-Z]", "(?:[A-M]|[N-Z]){2}"]
)
def test_one_language_has_one_automaton_however_it_is_spelt(pattern: str) -> None:
    assert compile_pattern(pattern) == compile_pattern("[A-Z]{2}")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("a*", "write how many at most, for example {0,10}"),
        ("a+", "write how many at most, for example {1,10}"),
        ("a{3,}", "write how many at most, for example {3,13}"),
        ("a{3,1}", "write {1,3}"),
        ("a{9999}", "at most 4096"),
        ("a{x}", r"write {3} or {1,5}, or \{ for the character"),
        ("a{2}{3}", "in parentheses"),
        ("a??", "in parentheses"),
        ("?a", "nothing before it"),
        ("(a|*)", "nothing before it"),
        ("^a", "whole value"),
        ("a$", "whole value"),
        ("(a", "character 1: '(' is never closed"),
        ("a)", "character 2: ')' closes no group"),
        ("[a", "character 1: '[' is never closed"),
        ("[a-", "never closed"),
        ("[]", "holds no character"),
        ("[^ -~]", "holds no character"),
        ("[z-a]", "bounds swapped"),
        (r"[a-\d]", "one character at each end"),
        ("[[:alpha:]]", "within a class"),
        ("a]", "closes nothing"),
        ("a}", "closes nothing"),
        (r"\s", "write a space"),
        (r"(a)\1", "not understood"),
        (r"\bx", "not understood"),
        ("a\\", "ends the pattern"),
        ("(?=a)", "no look-around"),
        ("(?P<n>a)", "no look-around"),
        ("a\0", "U+0000"),
        ("\ud800", "U+D800"),
        ("(" * 50 + "a" + ")" * 50, "nested deeper"),
        ("a" * 1001, "at most 1,000 are read"),
    ],
)
def test_what_is_refused_says_what_to_write(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "((((a{4000}){4000}){4000}){4000}){4000}",
        "(" * 39 + "a" + "{4096})" * 39,
        "(a|b){0,400}a(a|b){400}",
        "(a|b){0,20}a(a|b){20}",
        "(a?){4096}",
        "(((){4096}){4096}){4096}",
        "((a?b?c?){30}){40}[ab]{40}",
    ],
)
def test_exploding_patterns_are_refused_after_a_bounded_number_of_steps(pattern: str) -> None:
    with pytest.raises(ValueError, match="too large to count"):
        compile_pattern(pattern)
