"""Specs that are kept for looks: as a reading of the manifest gives them, read once."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rowmill.local import source as local_source
from rowmill.local.home import remembered
from rowmill.local.home.folder import Home
from rowmill.local.home.remembered import MemoryDamaged
from rowmill.local.secret_names import UnknownSecret
from rowmill.local.source import KnownSpecs, Source
from rowmill.spec.dataset import Spec
from rowmill.spec.load import load_spec
from tests.integration.experiments import PEOPLE, Manifest, manifest

# What data version 1 alone takes.
LINKED: Manifest = {
    "name": "items",
    "rows": 1_000,
    "columns": [
        {"name": "url", "type": "varchar(40)", "unique": True},
        {"name": "link", "type": "varchar(16)", "generate": {"template": "{url}"}},
    ],
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The manifests that were read, by their text."""
    texts: list[str] = []

    def reading(*args: Any, text: str, **how: Any) -> Spec:
        texts.append(text)
        return load_spec(*args, text=text, **how)

    monkeypatch.setattr(local_source, "load_spec", reading)
    return texts


def source(home: Home, table: Manifest = PEOPLE, **spec: Any) -> Source:
    text = json.dumps(manifest("shop", tables=[table], **spec))
    return Source("the manifest of shop", text, None, None, {}, kept_as="shop", home=home)


def test_it_is_read_once_and_leads_to_the_same_ledger(home: Home, read: list[str]) -> None:
    specs, shop = KnownSpecs(), source(home, postgres={"ledgerSchema": "other"})
    found = [specs.of(shop), specs.of(replace(shop))]
    assert len(read) == 1
    whole = shop.spec()
    assert found == [whole.for_looks()] * 2
    assert found[0].dataset.tables == ()
    assert (found[0].postgres, found[0].parquet) == (whole.postgres, whole.parquet)
    assert (found[0].name, found[0].namespace) == (whole.name, whole.namespace)


@pytest.mark.parametrize(
    "change",
    [
        lambda shop: replace(shop, manifest=shop.manifest.replace("shop", "other")),
        lambda shop: replace(shop, scale="2"),
        lambda shop: replace(shop, seed=8),
    ],
)
def test_another_text_scale_or_seed_is_read(
    home: Home, read: list[str], change: Callable[[Source], Source]
) -> None:
    specs, shop = KnownSpecs(), source(home)
    changed = change(shop)
    specs.of(shop)
    assert specs.of(changed) == changed.spec().for_looks()
    assert len(read) == 3


def test_it_is_read_again_by_the_data_version_of_a_later_run(home: Home) -> None:
    specs, shop = KnownSpecs(), source(home, LINKED)
    assert specs.of(shop).data_version == 1
    remembered.keep_data_version(home, "shop", 2)
    with pytest.raises(MemoryDamaged, match="by data version 2"):
        specs.of(shop)
    remembered.keep_data_version(home, "shop", 1)
    assert specs.of(shop).data_version == 1
    remembered.keep_data_version(home, "shop", 2)
    assert specs.of(source(home, LINKED, dataVersion=1)).data_version == 1


def test_a_secret_that_the_manifest_does_not_name_is_refused_however_often(home: Home) -> None:
    specs, shop = KnownSpecs(), source(home)
    specs.of(shop)
    for _ in range(2):
        with pytest.raises(UnknownSecret):
            specs.of(replace(shop, secrets={"lake": Path("/secrets/lake.env")}))
