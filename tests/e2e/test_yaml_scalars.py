"""A manifest's scalars mean to Rowmill what kubectl and the API server read them as."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from decimal import Decimal

import pytest

from rowmill.spec.yaml.scalars import Scalar, plain_scalar
from tests.e2e.cluster.access import Cluster
from tests.e2e.definitions import defined

GROUP = f"scalars-{uuid.uuid4().hex[:8]}.rowmill.dev"
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"readings.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Cluster",
        "names": {"kind": "Reading", "plural": "readings"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "values": {
                                "type": "array",
                                "items": {"x-kubernetes-preserve-unknown-fields": True},
                            }
                        },
                    }
                },
            }
        ],
    },
}
WORDS = (
    *("y", "Y", "yes", "YES", "n", "N", "no", "NO", "on", "On", "off", "OFF", "true", "False"),
    *("yEs", "tRue", "~", "null", "NULL", "nULL", "nan", "Infinity", "=", "१२", "1 000", "1,5"),
    *("2020-01-01", "2020-01-01T00:00:00Z", "2001-12-14 21:59:43.10 -5", "12:30:00", "0:30"),
    *("190:20:30.15", "1e6", "1E+3", "40.0", "-0.0", "0.02", "1e18", "1e19", "1e21", "1e-7"),
    *("0x1F", "-0X1f", "0b101", "017", "0o17", "089", "08.5", "1_000", "1__0", "._5", ".5_5"),
    *("9223372036854775807", "-9223372036854775808", "0.1234567890123456", "0x1.8p3", "1."),
)


@pytest.fixture(scope="module")
def reader(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, which takes a list of any values and gives it back."""
    with defined(cluster, DEFINITION):
        yield cluster


def _read(cluster: Cluster, texts: list[str]) -> list[Scalar]:
    head = f"apiVersion: {GROUP}/v1\nkind: Reading\nmetadata: {{name: reading}}\nvalues:\n"
    text = head + "".join(f"- {text}\n" for text in texts)
    options = ("--dry-run=server", "-o", "json", "-f", "-")
    answer = cluster.kubectl("create", *options, input=text)
    values: list[Scalar] = json.loads(answer, parse_float=Decimal)["values"]
    return values


def _random_scalars() -> Iterator[str]:
    """Texts near numbers that can stand in a list without quotes."""
    generator = random.Random(1)
    for _ in range(2_000):
        text = "".join(generator.choices("0123456789__..eE+-xXobB:fF", k=generator.randint(1, 7)))
        if text != "-" and not text.startswith(("---", "...")) and not text.endswith(":"):
            yield text


def test_scalars_are_read_as_kubectl_reads_them(reader: Cluster) -> None:
    ours = {text: _ours(text) for text in (*WORDS, *_random_scalars())}
    texts = [text for text, value in ours.items() if not isinstance(value, ValueError)]
    assert len(texts) > 1_500
    differences = [
        (text, ours[text], their)
        for text, their in zip(texts, _read(reader, texts), strict=True)
        if ours[text] != their or isinstance(ours[text], bool) != isinstance(their, bool)
    ]
    assert differences == []


def _ours(text: str) -> Scalar | ValueError:
    try:
        return plain_scalar(text)
    except ValueError as refusal:  # 1e999, which JSON cannot carry
        return refusal
