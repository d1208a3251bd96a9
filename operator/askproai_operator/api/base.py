"""The common parts of all custom resources: bounded types, CEL rules next to the fields they guard, and the base class of a kind.

A docstring under a field is its description in the CRD, in `kubectl explain` and in `docs/reference/custom-resources.md`. It is
read when these are generated (`crd.py`): pydantic's `use_attribute_docstrings` would make every process read its sources at start.
The models are lenient readers: unknown fields are ignored, because an older operator may read objects of a newer CRD. Patterns
and rules are in the schema only, because the API server refuses values that break them.
"""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from askproai_core.tenant_config import Weekday
from askproai_operator.api.conditions import Status

NAME_LENGTH = 40  # Tenant, Branch, RetellAgent: room for the suffixes of children and the default service
DAY_RANGES = 21  # three ranges on each of seven days

Rule = dict[str, Any]


class Key(NamedTuple):
    """The name of one thing to reconcile. `kind` selects its controller, and is the CamelCase kind of a custom resource."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def rule(expression: str, message: str, field: str = "", **more: bool) -> Rule:
    """Return a CEL validation rule. `message` is the API server's answer when the expression is false.

    An expression that uses `oldSelf` applies to updates only. `field` is the path that the answer names, relative to where
    the rule is attached, such as `.metadata.name`.
    """
    return {"rule": expression, "message": message} | ({"fieldPath": field} if field else {}) | more


def validations(*rules: Rule) -> dict[str, Any]:
    """Return the schema extension by which the API server enforces these rules; empty without rules."""
    return {"x-kubernetes-validations": list(rules)} if rules else {}


def with_rules(*rules: Rule) -> ConfigDict:
    """Return the `model_config` of a model whose values the API server checks against these rules."""
    return ConfigDict(json_schema_extra=validations(*rules))


def name_rules(kind: str, length: int, why: str, first: str = "a letter or digit") -> tuple[Rule, ...]:
    """Return the rules that require `metadata.name` to be a DNS label of at most `length` characters.

    `why` completes the sentence "… because" of the message.
    """
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
SAME_OWNER = rule(  # both versions satisfy ONE_OWNER, so one of the two references decides
    "has(self.branchRef) == has(oldSelf.branchRef) && (has(self.branchRef)"
    " ? self.branchRef.name == oldSelf.branchRef.name : self.tenantRef.name == oldSelf.tenantRef.name)",
    "branchRef and tenantRef cannot be changed; delete this object and create it anew with the other reference",
)


def bounded_list(
    max_items: int, *rules: Rule, key: str | None = None, as_set: bool = False, min_items: int | None = None
) -> Any:
    """Return a Field that bounds a list. Two writers' lists merge by `key` or as a set; otherwise the later list replaces all."""
    extra: dict[str, Any] = {"x-kubernetes-list-type": "map" if key else "set" if as_set else "atomic"} | validations(
        *rules
    )
    if key:
        extra["x-kubernetes-list-map-keys"] = [key]
    return Field(min_length=min_items, max_length=max_items, json_schema_extra=extra)


def bounded_text(max_length: int, *rules: Rule) -> Any:
    """Return a Field that bounds a string, which must not be empty."""
    return Field(min_length=1, max_length=max_length, json_schema_extra=validations(*rules))


def matching(pattern: str, max_length: int, meaning: str) -> Any:
    """Return the schema of a string that matches a pattern.

    The API server refuses other values with `meaning`: a message is easier to read than a regular expression.
    """
    checks = validations(rule(f"self.matches(r'{pattern}')", meaning))
    return WithJsonSchema({"type": "string", "maxLength": max_length, **checks})


_LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_A_LABEL = "small letters, digits and '-', beginning and ending with a letter or digit"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"
# CEL looks the name up in the API server's own tz database; an unknown name is an error of the expression.
# The rest refuses what CEL would also accept: offsets such as +01:00, which have no summer time, and Go's "Local".
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

Text = Annotated[str, bounded_text(200)]
SpokenText = Annotated[str, bounded_text(500)]  # spoken to a caller in one piece
ObjectName = Annotated[str, matching(_LABEL, NAME_LENGTH, f"not a name of an object: {_A_LABEL}")]
ForeignName = Annotated[str, bounded_text(253)]  # of a Secret, a Gateway, …: their own API validates it
Label = Annotated[str, matching(_LABEL, 63, f"not an id: {_A_LABEL}")]
KNOWN_QUESTIONS = 30  # of a Tenant, and of a Branch: the prompt names them all
Skill = Annotated[str, bounded_text(63)]
Host = Annotated[
    str, matching(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", 253, "not a host name, such as salon.voice.example")
]
E164 = Annotated[str, matching(r"^\+[1-9][0-9]{6,14}$", 16, "not an E.164 number, such as +49301234567")]
Locale = Annotated[str, matching(r"^[a-z]{2,3}-[A-Z0-9]{2,3}$", 10, "not a language with its region, such as de-DE")]
Date = Annotated[date, WithJsonSchema({"type": "string", "format": "date"})]
TimeOfDay = Annotated[time, matching(f"^{_TIME}$", 5, 'not a time of day "HH:MM", such as "09:00"')]
ClosingTime = Annotated[  # read as 00:00, the end of the day in `askproai_core.tenant_config.Hours`
    time,
    BeforeValidator(lambda value: "00:00" if value == "24:00" else value),
    matching(f"^({_TIME}|24:00)$", 5, 'not a time of day "HH:MM", such as "18:00" or "24:00"'),
]
TimeZone = Annotated[str, bounded_text(64, _ZONE)]
BaseUrl = Annotated[str, bounded_text(500, _URL), AfterValidator(lambda url: url.rstrip("/"))]
# A key of a label or annotation: an optional DNS prefix with a slash, and a name of at most 63 characters.
_DNS = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_META_KEY = rf"^({_DNS}(\.{_DNS})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?$"
LabelValue = Annotated[
    str,
    matching(
        "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$", 63, "not a label's value: letters, digits, '-', '_', '.'"
    ),
]


def bounded_map(max_items: int) -> Any:
    """Return a Field for labels or annotations: at most `max_items`, with keys that Kubernetes accepts."""
    keys = rule(
        f"self.all(key, key.size() <= 253 && key.matches(r'{_META_KEY}'))",
        "not a key of a label or annotation, such as example.com/pool",
    )
    return Field(max_length=max_items, json_schema_extra=validations(keys))


Short = Annotated[str, Field(max_length=200)]  # of a status: shown as it is
Count = Annotated[int, Field(ge=0)]
Generation = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]


class Part(BaseModel):
    """Base class of the parts of a manifest: snake_case in Python, camelCase in the manifest; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Knowledge(Part):
    question: Text
    """The question, as a caller asks it. It is in the agent's prompt: a change publishes a version of the agent."""
    answer: SpokenText
    """The answer, as it is said. A change is said within seconds, and publishes nothing."""


class ObjectRef(Part):
    """Names an object of the same namespace."""

    name: ObjectName
    """Name of the object, in this namespace."""


class SecretRef(Part):
    """Names a Secret of the same namespace."""

    name: ForeignName
    """Name of the Secret, in this namespace."""


class PermittedSecretRef(Part):
    """Names a Secret of the same namespace whose values the operator uses."""

    name: ForeignName
    """Name of the Secret, in this namespace, with the label `askproai.de/use: "true"`."""


class SecretKeyRef(Part):
    """Names one key of a Secret of the same namespace."""

    name: ForeignName
    """Name of the Secret, in this namespace, labelled `askproai.de/use: "true"`."""
    key: Annotated[str, matching("^[-._a-zA-Z0-9]+$", 253, "not a key of a Secret: letters, digits, '-', '_' and '.'")]
    """Key in the Secret's data."""


class Hours(Part):
    """One range of local wall-clock time on some weekdays. Ranges may touch or overlap; their union counts."""

    model_config = with_rules(
        rule(
            "self.closes == '00:00' || self.opens < self.closes",
            "opens must be before closes; for hours past midnight write two ranges, "
            "the first one closing at 24:00 and the second one on the next day",
        )
    )

    days: Annotated[tuple[Weekday, ...], bounded_list(7, as_set=True, min_items=1)]
    """Weekdays on which this range counts."""
    opens: TimeOfDay
    """Start, "HH:MM", local time of the tenant."""
    closes: ClosingTime
    """End, "HH:MM", not included; "24:00" or "00:00" is the end of the day."""


class StatusCondition(Part):
    """One condition of an object: `Ready` itself, or a cause of it."""

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
    """The status fields of every kind. Status models are only a schema: the engine writes the status; people read it.

    Their bounds are generous: for one value above its bound, the API server would refuse the whole status.
    """

    conditions: Annotated[tuple[StatusCondition, ...], bounded_list(20, key="type")] = ()
    """`Ready` and its causes."""
    observed_generation: Generation | None = None
    """`metadata.generation` that this status judges."""
    last_reconcile_token: Short | None = None
    """The token of the annotation `askproai.de/reconcile-at` that was acted on last."""


class AppliedStatus(CommonStatus):
    """The status of a kind whose spec other objects read, also while it is paused."""

    applied_spec: Annotated[str, Field(max_length=1_000_000)] | None = None
    """The spec, as JSON, that is in effect while the object is paused: edits act when it is resumed. Empty: it was paused before it
    was applied, and nothing of it is in effect."""


class Metadata(Part):
    """The fields of `metadata` that the operator reads."""

    name: str
    namespace: str
    uid: str = ""
    generation: int = 0
    # The API server always sets it; an object without it counts as the youngest.
    creation_timestamp: datetime = datetime.max.replace(tzinfo=UTC)
    deletion_timestamp: datetime | None = None
    resource_version: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    finalizers: tuple[str, ...] = ()

    @property
    def dotted(self) -> str:
        """Return `namespace.name`: a Tenant's key in the database, in Redis and in metrics."""
        return f"{self.namespace}.{self.name}"


def column(name: str, path: str, type_: str = "string", *, wide: bool = True) -> dict[str, Any]:
    """Return a column of `kubectl get`; a `wide` column (priority 1) is shown with `-o wide` only."""
    return {"name": name, "type": type_, "jsonPath": path} | ({"priority": 1} if wide else {})


class CustomResource(Part):
    """One custom resource as the API server returned it. `status` stays raw JSON; its schema is `status_model`."""

    kind: ClassVar[str]
    plural: ClassVar[str]
    short_name: ClassVar[str]
    status_model: ClassVar[type[CommonStatus]]
    columns: ClassVar[tuple[dict[str, Any], ...]]
    further_columns: ClassVar[tuple[dict[str, Any], ...]] = ()  # long or rarely needed ones, after Message
    selectable: ClassVar[tuple[str, ...]] = ()
    reports_pause: ClassVar[bool] = False  # its status always has the condition Paused, also while it is False

    metadata: Metadata
    status: dict[str, Any] = Field(default_factory=dict)
    spec: Part

    @classmethod
    def from_raw(cls, raw: dict[str, Any]) -> Self:
        """Parse an API object. Raises `pydantic.ValidationError` for an object whose types today's CRD would refuse."""
        return cls.model_validate(raw)

    @property
    def key(self) -> Key:
        return Key(self.kind, self.metadata.namespace, self.metadata.name)
