"""Keys of several columns: what makes each unique, and the picks that some of them need."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from rowmill.counting import counted
from rowmill.spec.dataset import (
    Link,
    Pick,
    PickDistinct,
    PickProduct,
    PickTree,
    PickUniform,
)
from rowmill.spec.drafts import Draft, Drafts
from rowmill.spec.paths import Path, shown
from rowmill.spec.report import Report
from rowmill.spec.rules.distinct import SureKeys, kept_apart, sure_keys, unsettled
from rowmill.spec.rules.texts import Texts

# The permutation of a product has indexes of 128 bits.
MAX_PRODUCT = 2**128


def settle_keys(drafts: Drafts, texts: Texts, report: Report) -> SureKeys:
    """Give links the picks that keys want of them; refuse keys that nothing keeps unique.

    Returns:
        Of each table the sets of columns that never repeat.
    """
    settled: SureKeys = {}
    for draft in drafts.tables:
        sure = settled[draft] = sure_keys(draft)
        keys = [(key, path) for key, path in draft.keys if len(key) > 1]
        linked = {name for link in draft.links.values() for name in link.columns}
        # First those that are given picks: others may hold them, if only in a template. Of these a
        # shorter one first: a longer one that holds it needs nothing more.
        for key, path in sorted(keys, key=lambda key: (not linked.issuperset(key[0]), len(key[0]))):
            _settle(draft, key, path, sure, drafts, texts, report)
    return settled


def _settle(
    draft: Draft,
    key: tuple[str, ...],
    path: Path,
    sure: list[frozenset[str]],
    drafts: Drafts,
    texts: Texts,
    report: Report,
) -> None:
    wanted = frozenset(key)
    columns = [draft.columns[name] for name in key]
    if kept_apart(columns, drafts, texts, sure) or unsettled(columns, drafts, texts):
        return
    links = [link for link in draft.links.values() if wanted.issuperset(link.columns)]
    rest = wanted.difference(*(link.columns for link in links))
    if rest:
        names = ", ".join(shown(name) for name in key if name in rest)
        problem: str | None = (
            f"nothing keeps it unique, for {names} may repeat; use a unique column in "
            "it, references alone, or the link of `rowsPer` with an ordinal, itself or in a "
            "template"
        )
    elif draft.per_link is not None and any(link.name == draft.per_link for link in links):
        others = [link for link in links if link.name != draft.per_link]
        problem = _distinct(draft, others, drafts)
    else:
        problem = _product(draft, key, links, drafts)
    if problem is not None:
        report.add(path, problem)
    else:
        sure.append(wanted)


def _product(draft: Draft, key: tuple[str, ...], links: list[Link], drafts: Drafts) -> str | None:
    """Let the links draw from the product of their parents' rows; else why they cannot."""
    if len(links) == 1:
        return (
            f"it is all of the reference {shown(links[0].name)}, whose parents repeat; "
            "use `pick: {oneToOne: {}}`"
        )
    for link in links:
        if problem := _unfit(link):
            return problem
    parents = [drafts.by_name[link.parent].rows for link in links]
    known = [rows for rows in parents if rows is not None]
    if draft.rows is not None and len(known) == len(links):
        pairs = prod(known)
        if draft.rows > pairs:
            return (
                f"{counted(draft.rows, 'row')}, but its parents' rows give "
                f"{counted(pairs, 'combination')}; "
                "expected at most as many rows"
            )
        if pairs > MAX_PRODUCT:
            return f"its parents' rows give {counted(pairs, 'combination')}; use fewer references"
    links.sort(key=lambda link: key.index(link.columns[0]))
    pick = PickProduct(tuple(link.name for link in links))
    for link in links:
        _set_pick(draft, link, pick)
    return None


def _distinct(draft: Draft, others: list[Link], drafts: Drafts) -> str | None:
    """Let the one other reference draw without repeating within a parent; else why it cannot."""
    per = draft.spec.rows_per
    if len(others) != 1:
        return (
            f"beside the link of `rowsPer` it has {counted(len(others), 'reference')}; "
            "use one of them, or an ordinal"
        )
    if problem := _unfit(others[0]):
        return problem
    rows = drafts.by_name[others[0].parent].rows
    if per is not None and rows is not None and per.max > rows:
        return (
            f"a parent may have {counted(per.max, 'row')}, and {shown(others[0].parent)} has "
            f"{rows:,} to tell them apart; use a rowsPer.max of at most {rows}"
        )
    _set_pick(draft, others[0], PickDistinct())
    return None


def _unfit(link: Link) -> str | None:
    """Why a link cannot take the pick that a key wants; None if it can."""
    if isinstance(link.pick, PickProduct | PickDistinct):
        return (
            f"the reference {shown(link.name)} is drawn for another key already, and cannot keep "
            "two unique; use one key for each reference"
        )
    if isinstance(link.pick, PickTree):
        return (
            f"the reference {shown(link.name)} is a tree, and the key wants uniform picks; "
            "use a reference to another table"
        )
    if not isinstance(link.pick, PickUniform):
        return (
            f"the reference {shown(link.name)} has the pick zipf, and the key wants uniform "
            "ones; use `pick: {uniform: {}}`"
        )
    if link.nulls:
        return (
            f"the reference {shown(link.name)} has nulls, which a key of references cannot; "
            "leave `nulls` out"
        )
    return None


def _set_pick(draft: Draft, link: Link, pick: Pick) -> None:
    draft.links[link.name] = replace(link, pick=pick)
