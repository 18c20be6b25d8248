"""The manifest's `podTemplate`: what worker pods get beside the builder's own settings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from rowmill.spec.fields import Int64, Matching, Model

_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_KEY = rf"({_SUBDOMAIN}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?"
_VALUE = r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
# A prefix of 253 characters, a slash, a name of 63.
_LONGEST_KEY = 317

ObjectName = Annotated[
    str,
    Field(max_length=253),
    Matching(_SUBDOMAIN, "is no name of an object; use lower-case letters, digits, '-' and '.'"),
]
LabelKey = Annotated[
    str,
    Field(max_length=_LONGEST_KEY),
    Matching(
        _KEY,
        "is no key; use at most 63 letters, digits, '-', '_' and '.', "
        "after a domain and '/' if you like",
    ),
]
LabelValue = Annotated[
    str,
    Field(max_length=63),
    Matching(
        _VALUE,
        "is no label's value; use at most 63 letters, digits, '-', '_' and '.', "
        "a letter or digit first and last",
    ),
]


def _mapping(values: dict[str, Any]) -> WithJsonSchema:
    keys = {"maxLength": _LONGEST_KEY, "pattern": f"^(?:{_KEY})$"}
    return WithJsonSchema({"type": "object", "propertyNames": keys, "additionalProperties": values})


Labels = Annotated[
    dict[LabelKey, LabelValue],
    _mapping({"type": "string", "maxLength": 63, "pattern": f"^(?:{_VALUE})$"}),
]
Annotations = Annotated[dict[LabelKey, str], _mapping({"type": "string"})]

# User and group ids; 0 is root, as which no worker runs.
UnixId = Annotated[int, Field(ge=1, le=2**31 - 1)]


class TolerationSpec(Model):
    """A taint that worker pods tolerate."""

    key: str | None = Field(None, description="The taint's key; default: every key.")
    operator: Literal["Exists", "Equal"] | None = Field(None, description="Exists or Equal.")
    value: str | None = Field(None, description="The taint's value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="The taint's effect; default: every effect."
    )
    toleration_seconds: Int64 | None = Field(None, description="How long NoExecute is tolerated.")


class LabelRequirementSpec(Model):
    """What a label must be."""

    key: LabelKey = Field(description="The label's key.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(
        description="How the label is compared with `values`."
    )
    values: tuple[LabelValue, ...] | None = Field(
        None, strict=False, description="The values for In and NotIn."
    )


class LabelSelectorSpec(Model):
    """Which objects are meant, by their labels; an empty one means all."""

    match_labels: Labels | None = Field(None, description="Labels that an object must have.")
    match_expressions: tuple[LabelRequirementSpec, ...] | None = Field(
        None, strict=False, description="What must be true of an object's labels."
    )


class NodeRequirementSpec(Model):
    """What a node's label or field must be."""

    key: LabelKey = Field(description="The label's key or the field's name.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] = Field(
        description="How the label or field is compared with `values`."
    )
    values: tuple[str, ...] | None = Field(
        None, strict=False, description="The values for In and NotIn; one integer for Gt and Lt."
    )


class NodeTermSpec(Model):
    """Requirements on a node, all of which must hold."""

    match_expressions: tuple[NodeRequirementSpec, ...] | None = Field(
        None, strict=False, description="Requirements on the node's labels."
    )
    match_fields: tuple[NodeRequirementSpec, ...] | None = Field(
        None, strict=False, description="Requirements on the node's fields, such as metadata.name."
    )


class NodeTermsSpec(Model):
    """Terms of which a node must meet one."""

    node_selector_terms: tuple[NodeTermSpec, ...] = Field(
        strict=False, min_length=1, description="The terms; one of them must hold."
    )


Weight = Annotated[int, Field(ge=1, le=100)]


class PreferredNodeTermSpec(Model):
    """Nodes that are preferred, and how much."""

    weight: Weight = Field(description="How much it counts, 1 to 100.")
    preference: NodeTermSpec = Field(description="Which nodes.")


class NodeAffinitySpec(Model):
    """The nodes that worker pods need or prefer."""

    required_during_scheduling_ignored_during_execution: NodeTermsSpec | None = Field(
        None, description="Nodes without which a pod waits."
    )
    preferred_during_scheduling_ignored_during_execution: (
        tuple[PreferredNodeTermSpec, ...] | None
    ) = Field(None, strict=False, description="Nodes that are better than others.")


class PodTermSpec(Model):
    """Other pods, and how near is near."""

    label_selector: LabelSelectorSpec | None = Field(None, description="Which pods, by labels.")
    namespace_selector: LabelSelectorSpec | None = Field(
        None, description="In which namespaces, by their labels."
    )
    namespaces: tuple[ObjectName, ...] | None = Field(
        None, strict=False, description="In which namespaces; default: the experiment's own."
    )
    topology_key: LabelKey = Field(
        description="The node label that makes places: those with equal values are one place."
    )
    match_label_keys: tuple[LabelKey, ...] | None = Field(
        None, strict=False, description="Labels in which the pods must equal this one."
    )
    mismatch_label_keys: tuple[LabelKey, ...] | None = Field(
        None, strict=False, description="Labels in which the pods must differ from this one."
    )


class PreferredPodTermSpec(Model):
    """Places that are preferred for the pods in them, and how much."""

    weight: Weight = Field(description="How much it counts, 1 to 100.")
    pod_affinity_term: PodTermSpec = Field(description="Which pods, and how near.")


class PodAffinitySpec(Model):
    """Other pods that decide where worker pods go."""

    required_during_scheduling_ignored_during_execution: tuple[PodTermSpec, ...] | None = Field(
        None, strict=False, description="Terms without which a pod waits; all must hold."
    )
    preferred_during_scheduling_ignored_during_execution: (
        tuple[PreferredPodTermSpec, ...] | None
    ) = Field(None, strict=False, description="Terms that make a place better than others.")


class AffinitySpec(Model):
    """Where worker pods should run, as in Kubernetes's pod spec."""

    node_affinity: NodeAffinitySpec | None = Field(None, description="By the nodes' labels.")
    pod_affinity: PodAffinitySpec | None = Field(None, description="Near other pods.")
    pod_anti_affinity: PodAffinitySpec | None = Field(None, description="Away from other pods.")


class SpreadSpec(Model):
    """How evenly worker pods are spread over places, as in Kubernetes's pod spec."""

    max_skew: int = Field(ge=1, le=2**31 - 1, description="By how many pods two places may differ.")
    topology_key: LabelKey = Field(
        description="The node label that makes places: those with equal values are one place."
    )
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = Field(
        description="Whether a pod waits if it would be too uneven."
    )
    label_selector: LabelSelectorSpec | None = Field(
        None, description="The pods that are counted, by labels."
    )
    min_domains: int | None = Field(
        None, ge=1, le=2**31 - 1, description="The fewest places, for DoNotSchedule."
    )
    node_affinity_policy: Literal["Honor", "Ignore"] | None = Field(
        None, description="Whether nodes that the pod's affinity excludes are left out."
    )
    node_taints_policy: Literal["Honor", "Ignore"] | None = Field(
        None, description="Whether nodes with taints that are not tolerated are left out."
    )
    match_label_keys: tuple[LabelKey, ...] | None = Field(
        None, strict=False, description="Labels in which the counted pods must equal this one."
    )


class LocalReferenceSpec(Model):
    """An object of the experiment's namespace."""

    name: ObjectName = Field(description="Its name.")


class SecurityContextSpec(Model):
    """User and group ids of the worker pods."""

    run_as_user: UnixId | None = Field(None, description="The user id.")
    run_as_group: UnixId | None = Field(None, description="The group id.")
    fs_group: UnixId | None = Field(None, description="The group that owns volumes.")
    supplemental_groups: tuple[UnixId, ...] | None = Field(
        None, strict=False, description="Further group ids."
    )


class PodTemplateSpec(Model):
    """What worker pods get beside the builder's own settings."""

    labels: Labels | None = Field(None, description="Further labels.")
    annotations: Annotations | None = Field(None, description="Further annotations.")
    node_selector: Labels | None = Field(None, description="Labels a node must have.")
    tolerations: tuple[TolerationSpec, ...] | None = Field(
        None, strict=False, description="Taints that are tolerated."
    )
    affinity: AffinitySpec | None = Field(None, description="Which nodes, near which pods.")
    topology_spread_constraints: tuple[SpreadSpec, ...] | None = Field(
        None, strict=False, description="How pods are spread over nodes or zones."
    )
    service_account_name: ObjectName | None = Field(
        None, description="A service account that the chart allows."
    )
    priority_class_name: ObjectName | None = Field(None, description="The pods' priority class.")
    runtime_class_name: ObjectName | None = Field(None, description="The pods' runtime class.")
    image_pull_secrets: tuple[LocalReferenceSpec, ...] | None = Field(
        None, strict=False, description="Secrets to pull the image with."
    )
    security_context: SecurityContextSpec | None = Field(None, description="User and group ids.")
