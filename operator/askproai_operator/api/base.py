"""What all custom resources share: bounded types, CEL rules that stand next to the fields they guard, the frame of a kind.

A docstring under a field is its description in the CRD, in `kubectl explain` and in `docs/reference/custom-resources.md`.
The models read tolerantly (unknown fields are ignored: an older operator meets objects of a newer CRD; patterns and
rules stand in the schema only), since the API server has already refused what is wrong.
"""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from askproai_core.tenant_config import Weekday
from askproai_operator.api.conditions import Status
from askproai_operator.key import Key

NAME_LENGTH = 40  # Tenant, Branch, RetellAgent: room for what children and the default service append
DAY_RANGES = 21  # three ranges on each of seven days

Rule = dict[str, Any]


def rule(expression: str, message: str, field: str = "", **more: bool) -> Rule:
    """Give one CEL expression, and what a person reads when it is false. With `oldSelf` it holds for updates only.

    `field` is the path below the rule's place that the answer names, such as `.metadata.name`.
    """
    return {"rule": expression, "message": message} | ({"fieldPath": field} if field else {}) | more


def rules(*wanted: Rule) -> dict[str, Any]:
    """Give the schema extension that makes the API server hold these rules."""
    return {"x-kubernetes-validations": list(wanted)} if wanted else {}


def held(*wanted: Rule) -> ConfigDict:
    """Give the `model_config` of a part on which these rules hold."""
    return ConfigDict(json_schema_extra=rules(*wanted))


def name_rules(kind: str, length: int, why: str, first: str = "a letter or digit") -> tuple[Rule, ...]:
    """Hold `metadata.name` to a DNS label of at most `length` characters; `why` completes the sentence."""
    begin = "a-z" if first == "a letter" else "a-z0-9"
    label = f"a DNS label: small letters, digits and '-', beginning with {first}, ending with a letter or digit"
    at, name = "self.metadata.name", f"the name of a {kind}"
    return (
        rule(f"{at}.size() <= {length}", f"{name} has at most {length} characters, because {why}", ".metadata.name"),
        rule(
            f"{at}.matches('^[{begin}]([-a-z0-9]*[a-z0-9])?$')", f"{name} is {label}; because {why}", ".metadata.name"
        ),
    )


ONE_OWNER = rule(
    "has(self.branchRef) != has(self.tenantRef)",
    "name exactly one of branchRef (this branch only) and tenantRef (all branches of the tenant)",
)
SAME_OWNER = rule(  # ONE_OWNER holds for both, so one of the two references tells
    "has(self.branchRef) == has(oldSelf.branchRef) && (has(self.branchRef)"
    " ? self.branchRef.name == oldSelf.branchRef.name : self.tenantRef.name == oldSelf.tenantRef.name)",
    "branchRef and tenantRef cannot be changed; delete this object and create it anew with the other reference",
)


def listed(
    max_items: int, *held: Rule, key: str | None = None, as_set: bool = False, min_items: int | None = None
) -> Any:
    """Bound a list, and say how two writers merge it: by key, as a set, or (neither) one of them replaces it whole."""
    extra: dict[str, Any] = {"x-kubernetes-list-type": "map" if key else "set" if as_set else "atomic"} | rules(*held)
    if key:
        extra["x-kubernetes-list-map-keys"] = [key]
    return Field(min_length=min_items, max_length=max_items, json_schema_extra=extra)


def text(max_length: int, *held: Rule) -> Any:
    """Bound a string that must not be empty."""
    return Field(min_length=1, max_length=max_length, json_schema_extra=rules(*held))


def worded(pattern: str, max_length: int, meaning: str) -> Any:
    """Say how a value is written, and let the API server answer with `meaning`, since no person reads an expression."""
    must = rules(rule(f"self.matches(r'{pattern}')", meaning))
    return WithJsonSchema({"type": "string", "maxLength": max_length, **must})


_LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_A_LABEL = "small letters, digits and '-', beginning and ending with a letter or digit"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
# CEL looks the name up in the API server's own tz database; an unknown one is an error of the expression.
# The rest keeps out what CEL takes too: offsets such as +01:00, which know no summer time, and Go's "Local".
_ZONE = rule(
    r"self.matches(r'^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$') && self != 'Local'"
    " && timestamp('2026-01-01T00:00:00Z').getFullYear(self) > 0",
    "not a time zone of the IANA database, such as Europe/Berlin",
)
_URL = rule(
    "isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHostname() != ''"
    " && !self.contains('?') && !self.contains('#') && !self.contains('@')",
    "a base URL begins with https:// (or http://) and a host, and has no user, query or fragment",
)

Text = Annotated[str, text(200)]
ObjectName = Annotated[str, worded(_LABEL, NAME_LENGTH, f"not a name of an object: {_A_LABEL}")]
ForeignName = Annotated[str, text(253)]  # of a Secret, a Gateway, …: their own API judges it
Label = Annotated[str, worded(_LABEL, 63, f"not an id: {_A_LABEL}")]
Skill = Annotated[str, text(63)]
Host = Annotated[str, worded(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", 253, "not a host name, such as salon.voice.example")]
E164 = Annotated[str, worded(r"^\+[1-9][0-9]{6,14}$", 16, "not an E.164 number, such as +49301234567")]
Locale = Annotated[str, worded(r"^[a-z]{2,3}-[A-Z0-9]{2,3}$", 10, "not a language with its region, such as de-DE")]
Date = Annotated[date, WithJsonSchema({"type": "string", "format": "date"})]
TimeOfDay = Annotated[time, worded(f"^{_TIME}$", 5, 'not a time of day "HH:MM", such as "09:00"')]
ClosingTime = Annotated[  # 24:00 is read as 00:00, as `askproai_core.tenant_config.Hours` has the end of the day
    time,
    BeforeValidator(lambda value: "00:00" if value == "24:00" else value),
    worded(f"^({_TIME}|24:00)$", 5, 'not a time of day "HH:MM", such as "18:00" or "24:00"'),
]
TimeZone = Annotated[str, text(64, _ZONE)]
BaseUrl = Annotated[str, text(500, _URL), AfterValidator(lambda url: url.rstrip("/"))]
Short = Annotated[str, Field(max_length=200)]  # of a status: told as it is
Count = Annotated[int, Field(ge=0)]
Generation = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]


class Part(BaseModel):
    """A part of a manifest: snake_case here, camelCase there; unknown fields are ignored."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True
    )


class ObjectRef(Part):
    """Names an object of the same namespace."""

    name: ObjectName
    """Name of the object, in this namespace."""


class SecretKeyRef(Part):
    """Names one key of a Secret of the same namespace."""

    name: ForeignName
    """Name of the Secret, in this namespace. With the label `askproai.de/watch: "true"` a change acts at once."""
    key: Annotated[str, worded("^[-._a-zA-Z0-9]+$", 253, "not a key of a Secret: letters, digits, '-', '_' and '.'")]
    """Key in the Secret's data."""


class Hours(Part):
    """One range of local wall-clock time on some weekdays; ranges may touch and overlap, together they count."""

    model_config = held(
        rule(
            "self.closes == '00:00' || self.opens < self.closes",
            "opens must be before closes; for hours past midnight write two ranges, "
            "the first one closing at 24:00 and the second one on the next day",
        )
    )

    days: Annotated[tuple[Weekday, ...], listed(7, as_set=True, min_items=1)]
    """Weekdays on which this range counts."""
    opens: TimeOfDay
    """Start, "HH:MM", local time of the tenant."""
    closes: ClosingTime
    """End, "HH:MM", not included; "24:00" or "00:00" is the end of the day."""


class StatusCondition(Part):
    """One cause, or the whole (`Ready`)."""

    type: Short
    """Which condition; docs/reference/conditions.md explains each."""
    status: Status
    """True, False or Unknown."""
    reason: Short
    """Why, in one word of a closed list."""
    message: Annotated[str, Field(max_length=32_768)]  # as of Kubernetes' own conditions
    """Why, in a sentence that says what to do."""
    observed_generation: Generation | None = None
    """`metadata.generation` that this condition judges."""
    last_transition_time: datetime
    """When `status` last changed."""


class CommonStatus(Part):
    """What every kind tells. Status models are only the schema: the engine writes it, kubectl and people read it.

    Their bounds leave room: a status beyond one would be refused whole, and nobody would be told anything.
    """

    conditions: Annotated[tuple[StatusCondition, ...], listed(20, key="type")] = ()
    """`Ready` first among equals, and its causes."""
    observed_generation: Generation | None = None
    """`metadata.generation` that this status judges."""
    last_reconcile_token: Short | None = None
    """The token of the annotation `askproai.de/reconcile-at` that was acted on last."""


class Metadata(Part):
    """What we read of `metadata`."""

    name: str
    namespace: str
    uid: str = ""
    generation: int = 0
    # the API server always gives one; an object without is the youngest
    creation_timestamp: datetime = datetime.max.replace(tzinfo=UTC)
    deletion_timestamp: datetime | None = None
    resource_version: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    finalizers: tuple[str, ...] = ()

    @property
    def dotted(self) -> str:
        """Give `namespace.name`: of a Tenant its key in the database, in Redis and in metrics."""
        return f"{self.namespace}.{self.name}"


def column(name: str, path: str, type_: str = "string", *, wide: bool = True) -> dict[str, Any]:
    """Give a column of `kubectl get`; `wide` ones (priority 1) show with `-o wide` only."""
    return {"name": name, "type": type_, "jsonPath": path} | ({"priority": 1} if wide else {})


class Resource(Part):
    """One custom resource as the API server gave it. `status` stays as it is there: its schema is `status_model`."""

    kind: ClassVar[str]
    plural: ClassVar[str]
    short_name: ClassVar[str]
    status_model: ClassVar[type[CommonStatus]]
    columns: ClassVar[tuple[dict[str, Any], ...]]
    selectable: ClassVar[tuple[str, ...]] = ()

    metadata: Metadata
    status: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def from_raw(cls, raw: dict[str, Any]) -> Self:
        """Read an object of the API. Raises `pydantic.ValidationError` for one whose types its CRD would refuse today."""
        return cls.model_validate(raw)

    @property
    def key(self) -> Key:
        return Key(self.kind, self.metadata.namespace, self.metadata.name)
