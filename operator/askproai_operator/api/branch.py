"""Branch: one place of a tenant, with its numbers, hours and people."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from askproai_operator.api.base import (
    DAY_RANGES,
    E164,
    NAME_LENGTH,
    Column,
    Date,
    Hours,
    Label,
    ObjectRef,
    Part,
    Resource,
    Rule,
    SecretName,
    Text,
    listed,
    name_rules,
    rules,
    worded,
)
from askproai_operator.api.status import BranchStatus

Skill = Annotated[str, Field(min_length=1, max_length=63)]


Country = Annotated[str, worded("^[A-Z]{2}$", 2, "not a country of two capital letters (ISO 3166-1), such as DE")]
Subdivision = Annotated[
    str, worded("^[A-Z0-9]{1,3}$", 3, "not a subdivision without its country (ISO 3166-2), such as BE")
]
Language = Annotated[str, worded("^[a-z]{2,3}(-[A-Z]{2})?$", 10, "not a language, such as de or en-GB")]
Dialled = Annotated[
    str, worded("^[0-9+ ()/.-]{3,}$", 40, "not a phone number: digits, and + ( ) / . - or spaces between them")
]


class SecretRef(Part):
    """Names a Secret of the same namespace."""

    name: SecretName
    """Name of the Secret, in this namespace."""


class Sip(Part):
    """A SIP trunk by which Retell reaches a number."""

    termination_uri: Annotated[str, Field(min_length=1, max_length=500)]
    """The trunk's termination URI, a host name with an optional port."""
    auth_secret_ref: SecretRef | None = None
    """Secret with the keys `username` and `password` (type kubernetes.io/basic-auth). Absent: the trunk wants none."""


class PhoneNumber(Part):
    """A number on which this branch is called."""

    number: Dialled
    """The public number in any German spelling; status shows it as E.164."""
    did: E164 | None = None
    """What Retell sees as to_number when the public number is forwarded, as E.164. Absent: the same number."""
    sip: Sip | None = None
    """Import the number at Retell by this SIP trunk. Absent: it must exist there already."""


class Address(Part):
    """Where the branch is."""

    street: Text | None = None
    """Street and house number."""
    postal_code: Annotated[str, Field(min_length=1, max_length=12)] | None = None
    """Postal code."""
    city: Text | None = None
    """City."""


class Holidays(Part):
    """Days on which nothing can be booked."""

    country: Country
    """Country whose public holidays count (ISO 3166-1, two letters)."""
    subdivision: Subdivision | None = None
    """State whose public holidays count too (ISO 3166-2 without the country), such as BE."""
    closed: Annotated[tuple[Date, ...], listed(100, as_set=True)] = ()
    """Further closed days (YYYY-MM-DD)."""


class Absence(Part):
    """Whole days on which a person is away."""

    model_config = ConfigDict(
        json_schema_extra=rules(Rule("self.from <= self.to", "an absence's from must not be after its to"))
    )

    first: Annotated[Date, Field(alias="from")]
    """First day (YYYY-MM-DD)."""
    last: Annotated[Date, Field(alias="to")]
    """Last day, included (YYYY-MM-DD)."""


class Staff(Part):
    """A person who can be booked."""

    id: Label
    """Id of the person within the branch: a DNS label, kept for good. Appointments and event types name it."""
    display_name: Text
    """Name as it is spoken."""
    skills: Annotated[tuple[Skill, ...], listed(50, as_set=True)] = ()
    """What this person can do; matched with a ServiceOffering's requiredSkills."""
    languages: Annotated[tuple[Language, ...], listed(20, as_set=True)] = ()
    """Languages this person speaks, such as de or en-GB."""
    working_hours: Annotated[tuple[Hours, ...], listed(DAY_RANGES)] | None = None
    """Working hours, cut to the opening hours. Absent: all opening hours; an empty list: never."""
    absences: Annotated[tuple[Absence, ...], listed(50)] = ()
    """Whole days on which this person is away."""


class BranchSpec(Part):
    """What the branch is."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            Rule(
                "self.tenantRef.name == oldSelf.tenantRef.name",
                "tenantRef cannot be changed; delete this Branch and create it anew under the other Tenant",
            )
        )
    )

    tenant_ref: ObjectRef
    """The Tenant this branch belongs to; cannot be changed."""
    display_name: Text
    """Name of the branch as callers know it."""
    phone_numbers: Annotated[tuple[PhoneNumber, ...], listed(20, key="number")] = ()
    """Numbers on which this branch is called; each belongs to one branch in the whole installation."""
    address: Address | None = None
    """Where the branch is."""
    holidays: Holidays | None = None
    """Days on which nothing can be booked. Absent: no holidays."""
    opening_hours: Annotated[tuple[Hours, ...], listed(DAY_RANGES)] = ()
    """When the branch is open. Absent: never, nothing can be booked."""
    staff: Annotated[tuple[Staff, ...], listed(60, key="id")] = ()
    """People who can be booked here."""


class Branch(Resource):
    """One place of a tenant: its phone numbers, opening hours, holidays and people."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            *name_rules("Branch", NAME_LENGTH, "its default service is named <branch>-standardberatung")
        )
    )
    kind: ClassVar = "Branch"
    plural: ClassVar = "branches"
    short_name: ClassVar = "apb"
    status_model: ClassVar = BranchStatus
    columns: ClassVar = (
        Column("Number", ".status.phoneNumbers[0]"),
        Column("Tenant", ".spec.tenantRef.name", wide=True),
        Column("Numbers", ".status.phoneNumbers", wide=True),
        Column("Services", ".status.services", wide=True),
        Column("Staff", ".status.staff", wide=True),
    )
    selectable: ClassVar = (".spec.tenantRef.name",)

    spec: BranchSpec
