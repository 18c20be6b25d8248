from uuid import RFC_4122, UUID

import numpy as np
import pytest

from rowmill.generate.cells.uuid import EPOCH_MS
from rowmill.generate.rows import Generator
from rowmill.spec.kinds import Uuid
from tests.unit.generate.text_datasets import cells, column, dataset


@pytest.mark.parametrize("version", [4, 7])
def test_uuids_are_of_their_version_and_never_repeat(version: int) -> None:
    raw = cells(Uuid(version), "uuid", rows=20_000).to_pylist()
    assert len(set(raw)) == 20_000
    for value in raw[:200]:
        found = UUID(bytes=value)
        assert found.version == version
        assert found.variant == RFC_4122


@pytest.mark.parametrize("version", [4, 7])
def test_texts_are_the_same_uuids(version: int) -> None:
    raw = cells(Uuid(version), "uuid", rows=100).to_pylist()
    assert cells(Uuid(version), "char(36)", rows=100).to_pylist() == [
        str(UUID(bytes=value)) for value in raw
    ]


def test_version_7_counts_milliseconds() -> None:
    raw = cells(Uuid(7), "uuid", rows=1000).to_pylist()
    assert raw == sorted(raw)
    times = [int.from_bytes(value[:6], "big") for value in raw]
    assert times == list(range(EPOCH_MS, EPOCH_MS + 1000))


@pytest.mark.parametrize("version", [4, 7])
def test_free_bits_are_even(version: int) -> None:
    raw = np.frombuffer(b"".join(cells(Uuid(version), "uuid", rows=20_000).to_pylist()), np.uint8)
    ones = np.unpackbits(raw.reshape(-1, 16), axis=1).mean(axis=0)
    free = [bit for bit in range(128) if not 48 <= bit < 52 and bit not in (64, 65)]
    if version == 7:
        free = [bit for bit in free if bit >= 52]
    # Five standard deviations of 20,000 fair coins: 0.018.
    assert np.abs(ones[free] - 0.5).max() < 0.018


def test_far_rows_and_any_order() -> None:
    generator = Generator(dataset([column("c", "uuid", Uuid(4))], rows=10**12))
    rows = np.array([10**12 - 1, 0, 5, 0])
    values = generator.frame("t", rows).cells("c").to_pylist()
    assert values[1] == values[3]
    assert len(set(values)) == 3
    assert generator.batch("t", 0, 6).column(0).to_pylist()[5] == values[2]


def test_seeds_differ() -> None:
    one, other = (cells(Uuid(4), "uuid", rows=100, seed=seed).to_pylist() for seed in (1, 2))
    assert not set(one) & set(other)
