"""The text of a kubeconfig, its scalars read as kubectl reads them."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from rowmill.spec.yaml.scalars import Scalar, plain_scalar

_CORE = "tag:yaml.org,2002:"
_PLAIN = "!plain"


class _Loader(yaml.SafeLoader):
    """What stands without quotes is plain, whatever PyYAML would make of it; but `<<` merges."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own kind of setting
        "<": yaml.SafeLoader.yaml_implicit_resolvers["<"],
        None: [(_PLAIN, re.compile(""))],
    }


def _scalar(_: _Loader, node: yaml.ScalarNode) -> Scalar | float:
    try:
        return plain_scalar(node.value)
    except ValueError:
        # A number that JSON has no room for. None is taken from a kubeconfig.
        return math.nan


for _tag in (_PLAIN, *(f"{_CORE}{name}" for name in ("int", "float", "bool", "null", "timestamp"))):
    _Loader.add_constructor(_tag, _scalar)


def read_yaml(text: bytes) -> Any:
    """The one document of `text`.

    Raises:
        yaml.YAMLError: it is no YAML; its words show the line, which may hold a secret.
    """
    return yaml.load(text, Loader=_Loader)
