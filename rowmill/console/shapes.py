"""The JSON of the records as OpenAPI describes it, made from the records themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from rowmill.engine.json_records import camel
from rowmill.engine.records import ExperimentRecord, LogLine, Progress, RunRecord, TableProgress
from rowmill.engine.saved_queries import SavedQuery
from rowmill.engine.tracing import Trace
from rowmill.engine.verification import Verification
from rowmill.on_demand.pages import RowsPage
from rowmill.on_demand.relatives import ChildrenPage, Parent, Reference

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class CamelModel(BaseModel):
    """A model whose keys in JSON are its fields in camelCase, as those of the records are."""

    model_config = ConfigDict(alias_generator=camel)


def shape_of(
    kind: type[DataclassInstance],
    name: str,
    *,
    without: Iterable[str] = (),
    renamed: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Any:
    """The model of a record's JSON.

    Args:
        kind: the record.
        name: of the model in the OpenAPI document.
        without: fields that its JSON lacks.
        renamed: the keys of fields that are not their names in camelCase.
        more: keys that its JSON has besides, or of another type, with their types.
    """
    hints = get_type_hints(kind)
    keys = renamed or {}
    found: dict[str, Any] = {
        keys.get(each.name, camel(each.name)): (_type(hints[each.name]), ...)
        for each in fields(kind)
        if each.name not in without
    }
    found |= {key: (_type(type_), ...) for key, type_ in (more or {}).items()}
    told = ConfigDict(title=name, protected_namespaces=())
    return create_model(name, __config__=told, __doc__=_sentence(kind), **found)


def _sentence(kind: type) -> str:
    """The first one of its docstring, in JSON's words."""
    told = (kind.__doc__ or "").partition("\n")[0].replace("None", "null")
    return re.sub(r"`(\w+)`", lambda found: f"`{camel(found[1])}`", told)


@cache
def _nested(kind: type[DataclassInstance]) -> type[BaseModel]:
    model: type[BaseModel] = shape_of(kind, kind.__name__)
    return model


def _type(kind: Any) -> Any:
    """The type of a value in JSON: records as models, tuples as lists."""
    if isinstance(kind, type) and is_dataclass(kind):
        return _nested(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return Union[tuple(each if each is NoneType else _type(each) for each in inner)]  # noqa: UP007 - made of a list
    if origin in (tuple, list, Sequence) and inner:
        return list[_type(inner[0])]  # type: ignore[misc] # it is a type at run time
    return kind


Run = shape_of(RunRecord, "Run", more={"rows": int | None})
_OF_RUN = {key: each.annotation for key, each in Run.model_fields.items()}
Progressed = shape_of(
    Progress,
    "Progress",
    without=("run",),
    more={
        **_OF_RUN,
        "percent": int | None,
        "tables": list[shape_of(TableProgress, "TableProgress")],  # type: ignore[misc] # as above
    },
)
RunDetails = create_model(
    "RunDetails",
    __base__=Progressed,
    __doc__="How far a run is; `progress_pct` and `last_updated` are two of its keys once more.",
    progress_pct=(int | None, ...),
    last_updated=(str | None, ...),
)
_Newest = shape_of(
    Progress,
    "NewestRun",
    without=("run", "tables"),
    more={**_OF_RUN, "percent": int | None},
)
Experiment = shape_of(
    ExperimentRecord, "Experiment", without=("manifest",), more={"newest": _Newest}
)
ExperimentDetails = create_model(
    "ExperimentDetails",
    __base__=Experiment,
    __doc__="An experiment, and its manifest's text.",
    manifest=(str, ...),
)
Line = shape_of(LogLine, "LogLine")
Saved = shape_of(SavedQuery, "SavedQuery")
MadeRows = shape_of(RowsPage, "MadeRows")
RowParent = shape_of(Parent, "RowParent", more={"page": MadeRows | None})
RowChildren = shape_of(ChildrenPage, "RowChildren")
TableReference = shape_of(Reference, "Reference")
Traced = shape_of(
    Trace,
    "Trace",
    renamed={
        "run_id": "id",
        "data_version": "dataVersion",
        "batch_rows": "batchRows",
        "part_rows": "partRows",
    },
    more={"identical": bool},
)
Verified = shape_of(
    Verification,
    "Verification",
    renamed={"run_id": "id"},
    more={"problems": list[dict[str, Any]], "tables": list[dict[str, Any]]},
)


def page_of(item: Any, name: str) -> Any:
    """The model of a page of a list; `after` leads to the next one."""
    told = "A page of a list; `after` leads to the next page, null at the last."
    return create_model(name, __doc__=told, items=(list[item], ...), after=(str | None, ...))


ExperimentPage = page_of(Experiment, "ExperimentPage")
RunPage = page_of(Run, "RunPage")
