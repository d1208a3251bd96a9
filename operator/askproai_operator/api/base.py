"""What all custom resources share: bounded types, CEL rules that stand next to the fields they guard, the frame of a kind.

A docstring under a field is its description in the CRD, in `kubectl explain` and in `docs/reference/custom-resources.md`.
The models read tolerantly (unknown fields are ignored: an older operator meets objects of a newer CRD), since the API
server has already refused what is wrong.
"""

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, ClassVar, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from askproai_operator.key import Key
from askproai_runtime.config import Weekday

GROUP = "askproai.de"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "askproai"

NAME_LENGTH = 40  # Tenant, Branch, RetellAgent: room for what children and the default service append
OFFERING_NAME_LENGTH = 63
DAY_RANGES = 21  # three ranges on each of seven days

_LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


# --- rules -----------------------------------------------------------------------------------------------------------


class Rule(NamedTuple):
    """One CEL expression, and what a person reads when it is false. With `oldSelf` it holds for updates only.

    `field` is the path below the rule's place that the answer names, such as `.metadata.name`.
    """

    expression: str
    message: str
    field: str = ""


def rules(*wanted: Rule) -> dict[str, Any]:
    """Give the schema extension that makes the API server hold these rules."""
    return {
        "x-kubernetes-validations": [
            {"rule": r.expression, "message": r.message} | ({"fieldPath": r.field} if r.field else {}) for r in wanted
        ]
    }


def name_rules(kind: str, length: int, why: str, *, begins_with_letter: bool = False) -> tuple[Rule, Rule]:
    """Hold `metadata.name` to a DNS label of at most `length` characters; `why` completes the sentence."""
    first, start = ("a-z", "a letter") if begins_with_letter else ("a-z0-9", "a letter or digit")
    return (
        Rule(
            f"self.metadata.name.size() <= {length}",
            f"the name of a {kind} has at most {length} characters, because {why}",
            ".metadata.name",
        ),
        Rule(
            f"self.metadata.name.matches('^[{first}]([-a-z0-9]*[a-z0-9])?$')",
            f"the name of a {kind} is a DNS label: small letters, digits and '-', beginning with {start}, "
            f"ending with a letter or digit; because {why}",
            ".metadata.name",
        ),
    )


ONE_OWNER = Rule(
    "has(self.branchRef) != has(self.tenantRef)",
    "name exactly one of branchRef (this branch only) and tenantRef (all branches of the tenant)",
)
SAME_OWNER = Rule(
    "has(self.branchRef) == has(oldSelf.branchRef) && has(self.tenantRef) == has(oldSelf.tenantRef)"
    " && (!has(self.branchRef) || !has(oldSelf.branchRef) || self.branchRef.name == oldSelf.branchRef.name)"
    " && (!has(self.tenantRef) || !has(oldSelf.tenantRef) || self.tenantRef.name == oldSelf.tenantRef.name)",
    "branchRef and tenantRef cannot be changed; delete this object and create it anew with the other reference",
)


# --- types -----------------------------------------------------------------------------------------------------------


def listed(max_items: int, *, key: str | None = None, as_set: bool = False, min_items: int = 0) -> Any:
    """Bound a list, and say how two writers merge it: by key, as a set, or (neither) one of them replaces it whole."""
    kind = "map" if key else "set" if as_set else "atomic"
    extra: dict[str, Any] = {"x-kubernetes-list-type": kind}
    if key:
        extra["x-kubernetes-list-map-keys"] = [key]
    return Field(min_length=min_items or None, max_length=max_items, json_schema_extra=extra)


def _schema(pattern: str, max_length: int, meaning: str) -> dict[str, Any]:
    return {"type": "string", "maxLength": max_length, **rules(Rule(f"self.matches(r'{pattern}')", meaning))}


def worded(pattern: str, max_length: int, meaning: str) -> Any:
    """Bound a string by a pattern, and let the API server answer with `meaning`, since no person reads an expression."""

    def say(schema: dict[str, Any]) -> None:
        del schema["pattern"]
        schema.update(_schema(pattern, max_length, meaning))

    return Field(max_length=max_length, pattern=pattern, json_schema_extra=say)


def written(pattern: str, max_length: int, meaning: str) -> Any:
    """Say how a value that is no string here (a time, a decimal) is written in a manifest; as `worded`."""
    return WithJsonSchema(_schema(pattern, max_length, meaning))


def _end_of_day(value: object) -> object:
    return "00:00" if value == "24:00" else value


_A_LABEL = "small letters, digits and '-', beginning and ending with a letter or digit"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"

Text = Annotated[str, Field(min_length=1, max_length=200)]
LongText = Annotated[str, Field(min_length=1, max_length=32_000)]
ObjectName = Annotated[str, worded(_LABEL, NAME_LENGTH, f"not a name of an object: {_A_LABEL}")]
SecretName = Annotated[str, Field(min_length=1, max_length=253)]
Label = Annotated[str, worded(_LABEL, 63, f"not an id: {_A_LABEL}")]
Host = Annotated[str, worded(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", 253, "not a host name, such as salon.voice.example")]
E164 = Annotated[str, worded(r"^\+[1-9][0-9]{6,14}$", 16, "not an E.164 number, such as +49301234567")]
Locale = Annotated[str, worded(r"^[a-z]{2,3}-[A-Z0-9]{2,3}$", 10, "not a language with its region, such as de-DE")]
Days = Annotated[int, Field(ge=1, le=3650)]
Date = Annotated[date, WithJsonSchema({"type": "string", "format": "date"})]
TimeOfDay = Annotated[time, written(f"^{_TIME}$", 5, 'not a time of day "HH:MM", such as "09:00"')]
ClosingTime = Annotated[  # 24:00 is read as 00:00, as `askproai_runtime.config.Hours` has the end of the day
    time,
    BeforeValidator(_end_of_day),
    written(f"^({_TIME}|24:00)$", 5, 'not a time of day "HH:MM", such as "18:00" or "24:00"'),
]
TimeZone = Annotated[
    str,
    Field(
        max_length=64,
        json_schema_extra=rules(
            # CEL looks the name up in the API server's own tz database; an unknown one is an error of the expression.
            # The first half keeps out offsets such as +01:00, which CEL takes too and which know no summer time.
            Rule(
                r"self.matches(r'^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$')"
                " && timestamp('2026-01-01T00:00:00Z').getFullYear(self) > 0",
                "not a time zone of the IANA database, such as Europe/Berlin",
            )
        ),
    ),
]
BaseUrl = Annotated[
    str,
    Field(
        max_length=500,
        json_schema_extra=rules(
            Rule(
                "isURL(self) && url(self).getScheme() in ['https', 'http'] && url(self).getHost() != ''"
                " && !self.contains('?') && !self.contains('#') && !self.contains('@')",
                "a base URL begins with https:// (or http://) and a host, and has no user, query or fragment",
            )
        ),
    ),
    AfterValidator(lambda url: url.rstrip("/")),
]


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

    name: SecretName
    """Name of the Secret, in this namespace. With the label `askproai.de/watch: "true"` a change acts at once."""
    key: Annotated[str, worded("^[-._a-zA-Z0-9]+$", 253, "not a key of a Secret: letters, digits, '-', '_' and '.'")]
    """Key in the Secret's data."""


class Hours(Part):
    """One range of local wall-clock time on some weekdays; ranges may touch and overlap, together they count."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            Rule(
                "self.closes == '00:00' || self.opens < self.closes",
                "opens must be before closes; for hours past midnight write two ranges, "
                "the first one closing at 24:00 and the second one on the next day",
            )
        )
    )

    days: Annotated[tuple[Weekday, ...], listed(7, as_set=True, min_items=1)]
    """Weekdays on which this range counts."""
    opens: TimeOfDay
    """Start, "HH:MM", local time of the tenant."""
    closes: ClosingTime
    """End, "HH:MM", not included; "24:00" or "00:00" is the end of the day."""


# --- the frame of a kind ---------------------------------------------------------------------------------------------


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


class Column(NamedTuple):
    """A column of `kubectl get`; `wide` ones show with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False


class Resource(Part):
    """One custom resource as the API server gave it. `status` stays as it is there: its schema is `status_model`."""

    kind: ClassVar[str]
    plural: ClassVar[str]
    short_name: ClassVar[str]
    status_model: ClassVar[type[Part]]
    columns: ClassVar[tuple[Column, ...]]
    selectable: ClassVar[tuple[str, ...]] = ()

    metadata: Metadata
    status: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def from_raw(cls, raw: dict[str, Any]) -> Self:
        """Read an object of the API. Raises `pydantic.ValidationError` for one that its CRD would refuse today."""
        return cls.model_validate(raw)

    @property
    def key(self) -> Key:
        return Key(self.kind, self.metadata.namespace, self.metadata.name)
