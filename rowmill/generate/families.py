"""Families: how many children each parent of a `rowsPer` table has, and which row is whose."""

from __future__ import annotations

from rowmill.generate.frame import Family, Rows
from rowmill.spec.dataset import Dataset, Table


class Families:
    @classmethod
    def of(cls, dataset: Dataset, table: Table) -> Families:
        raise NotImplementedError

    def locate(self, rows: Rows) -> Family:
        raise NotImplementedError
