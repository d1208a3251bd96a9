"""The config of a branch: its staff, hours, numbers and own answers. Times of day are local wall-clock times."""

from datetime import date, time

from askproai_core.tenant_config.vocabulary import ConfigStruct, Weekday


class Hours(ConfigStruct, frozen=True):
    """One range of time on some weekdays, half-open: [opens, closes). `closes` 00:00 is the end of the day."""

    days: tuple[Weekday, ...]
    opens: time
    closes: time


class Absence(ConfigStruct, frozen=True):
    """Whole days on which a staff member is absent, from `first` to `last`, both included."""

    first: date
    last: date


class Address(ConfigStruct, frozen=True):
    street: str = ""
    postal_code: str = ""
    city: str = ""


class Holidays(ConfigStruct, frozen=True):
    """Public holidays of a country and subdivision (ISO 3166-2 without the country), and the branch's own closed days."""

    country: str
    subdivision: str | None = None
    closed: tuple[date, ...] = ()


class Knowledge(ConfigStruct, frozen=True):
    """A question that callers ask, and the tenant's own answer to the question, which the agent says word for word."""

    question: str
    answer: str


class PhoneNumber(ConfigStruct, frozen=True):
    """A branch's phone number in E.164: `number` is published, `did` is dialed (Retell's `to_number`). Both are usually equal."""

    number: str
    did: str


class Staff(ConfigStruct, frozen=True):
    """A staff member with `units` units: the least common multiple of the capacities of the services that this person offers
    here. One unit takes one appointment at a time.

    `resource_ids` are rows of the table `resources`: first one for each unit, then rows of units that existed before. Rows of
    former units get no new claims, but may still have appointments.

    `travel_minutes` lie between an appointment in another branch and one here. `languages` are ISO codes; empty means German.
    """

    id: str
    display_name: str
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    working_hours: tuple[Hours, ...] | None = None
    absences: tuple[Absence, ...] = ()
    resource_ids: tuple[int, ...] = ()
    units: int = 1
    travel_minutes: int = 0


class Branch(ConfigStruct, frozen=True):
    name: str
    display_name: str
    phone_numbers: tuple[PhoneNumber, ...] = ()
    address: Address = Address()
    directions: str = ""
    holidays: Holidays | None = None
    opening_hours: tuple[Hours, ...] = ()
    knowledge: tuple[Knowledge, ...] = ()
    staff: tuple[Staff, ...] = ()
