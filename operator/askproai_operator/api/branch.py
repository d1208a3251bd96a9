"""Branch: one place of a tenant, with its numbers, hours and people."""

from typing import Annotated, ClassVar

from pydantic import Field

from askproai_operator.api import base

Country = Annotated[
    str, base.matching("^[A-Z]{2}$", 2, "not a country of two capital letters (ISO 3166-1), such as DE")
]
Subdivision = Annotated[
    # Longer than a code, so that the API server refuses a name such as Sachsen for its pattern, not for its length.
    str, base.matching("^[A-Z0-9]{1,3}$", 40, "not a subdivision without its country (ISO 3166-2), such as BE")
]
Language = Annotated[str, base.matching("^[a-z]{2,3}(-[A-Z]{2})?$", 10, "not a language, such as de or en-GB")]
Dialled = Annotated[
    str, base.matching("^[0-9+ ()/.-]{3,}$", 40, "not a phone number: digits, and + ( ) / . - or spaces between them")
]


class Sip(base.Part):
    termination_uri: Annotated[str, base.bounded_text(500)]
    """The trunk's termination URI, a host name with an optional port."""
    auth_secret_ref: base.PermittedSecretRef | None = None
    """Secret with the keys `username` and `password` (type kubernetes.io/basic-auth). Absent: the trunk needs no login."""


class PhoneNumber(base.Part):
    number: Dialled
    """The public number in any usual spelling; status shows it as E.164. A number without country code has the country of
    the branch's other numbers, else of `holidays`, else Germany."""
    did: base.E164 | None = None
    """The number that Retell sees as to_number when the public number is forwarded, as E.164. Absent: the same number."""
    sip: Sip | None = None
    """Import the number at Retell by this SIP trunk. Absent: it must exist there already."""


class Address(base.Part):
    street: base.Text | None = None
    """Street and house number: callers who ask for the address hear them, and customers' calendars show them."""
    postal_code: Annotated[str, base.bounded_text(12)] | None = None
    """Postal code."""
    city: base.Text | None = None
    """City."""


class Holidays(base.Part):
    country: Country
    """Country whose public holidays count (ISO 3166-1, two letters). An unknown one has none: condition HolidaysValid."""
    subdivision: Subdivision | None = None
    """State whose public holidays count too (ISO 3166-2 without the country), such as BE or NW."""
    closed: Annotated[tuple[base.Date, ...], base.bounded_list(100, as_set=True)] = ()
    """Further closed days (YYYY-MM-DD). Holidays of single communities are not among the state's, and belong here: 15 August in
    Catholic communities of BY, Fronleichnam in some of SN and TH."""


class Absence(base.Part):
    model_config = base.with_rules(base.rule("self.from <= self.to", "an absence's from must not be after its to"))

    first: Annotated[base.Date, Field(alias="from")]
    """First day (YYYY-MM-DD)."""
    last: Annotated[base.Date, Field(alias="to")]
    """Last day, included (YYYY-MM-DD)."""


class Staff(base.Part):
    model_config = base.with_rules(
        base.rule(
            "!has(self.travelMinutes) || has(self.person)",
            "travelMinutes is between branches: name the person, as in the other Branch, or remove it",
        )
    )

    id: base.Label
    """Id of the staff member within the branch: a DNS label. Do not change it: appointments and event types name it."""
    person: base.Label | None = None
    """The identity of this person within the Tenant: entries with the same person, in any of its Branches, are one person and
    never booked at the same time. Absent: a person of this branch only, even if another branch has the same id."""
    display_name: base.Text
    """Name as it is spoken."""
    skills: Annotated[tuple[base.Skill, ...], base.bounded_list(50, as_set=True)] = ()
    """The services of this person; matched with a ServiceOffering's requiredSkills."""
    languages: Annotated[tuple[Language, ...], base.bounded_list(20, as_set=True)] = ()
    """Languages this person speaks, such as de or en-GB; absent: German. Callers hear them when they ask. A caller who
    names nobody gets a free person who speaks the agent's language, if there is one."""
    travel_minutes: Annotated[int, Field(ge=1, le=480)] | None = None
    """Travel time of this `person` between another Branch and this one, in both directions (minutes). The longest of the
    person's entries counts. Absent: none."""
    working_hours: Annotated[tuple[base.Hours, ...], base.bounded_list(base.DAY_RANGES)] | None = None
    """Working hours, cut to the opening hours. Absent: all opening hours; an empty list: never."""
    absences: Annotated[tuple[Absence, ...], base.bounded_list(50)] = ()
    """Whole days on which this person is away; with `person`, from all branches."""


class BranchSpec(base.Part):
    """The declared branch."""

    model_config = base.with_rules(
        base.rule(
            "self.tenantRef.name == oldSelf.tenantRef.name",
            "tenantRef cannot be changed; delete this Branch and create it anew under the other Tenant",
        )
    )

    tenant_ref: base.ObjectRef
    """The Tenant this branch belongs to; cannot be changed."""
    display_name: base.Text
    """Name of the branch as callers know it."""
    phone_numbers: Annotated[tuple[PhoneNumber, ...], base.bounded_list(20, key="number")] = ()
    """Numbers on which this branch is called; each belongs to one branch in the whole installation. A hotline's number may
    be listed at any of its branches: it does not choose the caller's branch."""
    address: Address | None = None
    """Where the branch is: postal code and city tell the branches of a hotline apart."""
    directions: base.SpokenText | None = None
    """The way, the entrance and where to park, as sentences that callers hear after the address."""
    holidays: Holidays | None = None
    """Days on which nothing can be booked. Absent: no holidays."""
    opening_hours: Annotated[tuple[base.Hours, ...], base.bounded_list(base.DAY_RANGES)] = ()
    """When the branch is open. Absent: never, nothing can be booked."""
    knowledge: Annotated[tuple[base.Knowledge, ...], base.bounded_list(base.KNOWN_QUESTIONS, key="question")] = ()
    """Questions about this branch and their answers; they come before those of the Tenant."""
    staff: Annotated[tuple[Staff, ...], base.bounded_list(60, key="id")] = ()
    """People who can be booked here. A caller who names nobody gets the free person with the required skills and the least
    time booked on that day; among equals, the first in this list."""

    @property
    def region(self) -> str:
        """The country (ISO 3166-1) in whose national format this branch's numbers are read."""
        from askproai_core.phone_numbers import home_region  # noqa: PLC0415  commands that read no number start without it

        written = (text for entry in self.phone_numbers for text in (entry.number, entry.did) if text)
        return home_region(written, self.holidays.country if self.holidays else None)

    def read_public(self, entry: PhoneNumber) -> str | None:
        """Return the published number of an entry in E.164; None if the entry is not a phone number."""
        return self._read(entry.number)

    def read_dialled(self, entry: PhoneNumber) -> str | None:
        """Return the number of an entry as Retell sees it, in E.164; None if the entry is not a phone number."""
        return self._read(entry.did or entry.number)

    def _read(self, number: str) -> str | None:
        from askproai_core.phone_numbers import e164_or_none  # noqa: PLC0415  as above

        return e164_or_none(number, self.region)


class BranchStatus(base.AppliedStatus):
    """The state of a Branch as the operator reports it."""

    phone_numbers: Annotated[tuple[base.Short, ...], base.bounded_list(20)] | None = None
    """The numbers as E.164, in the order of the spec."""
    services: base.Count | None = None
    """Number of services that can be booked here."""
    staff: base.Count | None = None
    """Number of people who can be booked here."""


class Branch(base.CustomResource):
    """One place of a tenant: its phone numbers, opening hours, holidays and people."""

    model_config = base.with_rules(
        *base.name_rules("Branch", base.NAME_LENGTH, "its default service is named <branch>-standardberatung")
    )
    kind: ClassVar = "Branch"
    plural: ClassVar = "branches"
    short_name: ClassVar = "apb"
    status_model: ClassVar = BranchStatus
    columns: ClassVar = (
        base.column("Number", ".status.phoneNumbers[0]", wide=False),
        base.column("Tenant", ".spec.tenantRef.name"),
        base.column("Services", ".status.services"),
        base.column("Staff", ".status.staff"),
    )
    further_columns: ClassVar = (base.column("Numbers", ".status.phoneNumbers"),)
    selectable: ClassVar = (".spec.tenantRef.name",)

    spec: BranchSpec
