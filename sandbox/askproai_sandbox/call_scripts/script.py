"""A call script: a YAML file with callers' sentences and the expected answers, books and mails. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

_MONTHS: Final = {
    "de": (
        "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
        "Dezember",
    ),
    "en": (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    ),
}  # fmt: skip
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SPOKEN_WEEKDAYS: Final = {
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_PROGRAMS: Final = ("askproai", "kubectl")
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")

Weekday = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
Language = Literal["de", "en"]
Text = Annotated[str, Meta(min_length=1)]
FunctionCall = Annotated[
    dict[Text, dict[str, Any]], Meta(min_length=1, max_length=1)
]  # a function's name: its arguments


class ScriptError(ValueError):
    """A call script that cannot be played; the message has its file and what to change."""


class PodsMissingError(ScriptError):
    """The tenant of a script exists in the demo's cluster, but none of its web pods is ready yet."""


class OpenDay(Struct, frozen=True, forbid_unknown_fields=True):
    """The day for the script's calls: the first day, more than a week ahead, that is open and has no appointments.

    Without a `weekday`, it is from Monday to Friday. With `soon`, the search starts tomorrow and includes Saturdays.
    """

    branch: Text
    service: Text  # the name of a ServiceOffering that has free times then
    weekday: Weekday | None = None
    staff: Text | None = None  # the id of a staff member who has free times then
    soon: bool = False


class SpokenCall(Struct, frozen=True, forbid_unknown_fields=True):
    """One call. `say` are the caller's sentences, or pressed keys such as `[2]`; `functions` has the function call that the
    language model makes after each sentence, None for no call. `{offer.1}` in an argument is the start of the first time in
    the latest offer.

    `heard` are regular expressions that must match the agent's sentences in this order. `failing` are regular expressions of
    events and functions that must fail, such as the events while no pod runs. `caller` is a number, `anonymous`, or a freely
    chosen name: each name gets a number, which is new in each play.
    """

    say: Annotated[list[Text], Meta(min_length=1)]
    functions: list[FunctionCall | None]
    heard: list[Text] = []
    failing: list[Text] = []
    caller: Text = "caller"

    @property
    def tool_calls(self) -> list[dict[str, Any] | None]:
        """Return `functions` in the form in which a `CallRequest` has tool calls."""
        calls = [each and next(iter(each.items())) for each in self.functions]
        return [each and {"name": each[0], "args": each[1]} for each in calls]


class Command(Struct, frozen=True, forbid_unknown_fields=True):
    """A command between calls, such as `kubectl patch …` or `askproai appointments cancel …`, without a shell.

    `printed` are regular expressions, found in this order in its output.
    """

    run: Text
    printed: list[Text] = []


class ExpectedAppointment(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An appointment that the script's calls must have made by the end. Absent fields are not compared, except the status.

    `calendar` is the status of its booking at Cal.com, such as `accepted`.
    """

    start: Text  # local time, as `{date} 10:00`
    service: str | None = None
    staff: str | None = None
    customer_name: str | None = None
    status: str = "confirmed"
    calendar: str | None = None


class ExpectedMail(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A mail that the script's calls must have caused by the end: to `{email}`, or with the number of a caller.

    `subject` is a regular expression; `text` are several that must match in this order. `calendar` is the METHOD of its
    calendar file, such as `REQUEST`. Absent fields are not compared. An `optional` mail may be missing: the next change may
    replace it.
    """

    to: Text
    subject: str | None = None
    text: list[Text] = []
    calendar: str | None = None
    optional: bool = False


class CallScript(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `examples/calls/`.

    Texts may contain `{day}` (3. Dezember), `{weekday}` (Donnerstag) and `{date}` (2026-12-03) of the day that `on` describes,
    `{tenant}`, and `{email}`, an address that is new in each play. If `language` is en, they are English (3 December,
    Thursday). Without `mails`, no mails are compared. `manifest` is the file that declares the tenant; an error message names
    it if the demo lacks the tenant.
    """

    title: Text
    tenant: Text  # NAMESPACE.TENANT
    number: Text
    steps: Annotated[list[dict[str, Any]], Meta(min_length=1)]
    on: OpenDay | None = None
    manifest: Text | None = None
    language: Language = "de"
    appointments: list[ExpectedAppointment] = []
    mails: list[ExpectedMail] = []

    def values(self, day: date | None, email: str = "emma.post@example.de") -> dict[str, str]:
        """Return the values of the script's placeholders: `{day}`, `{weekday}`, `{date}`, `{tenant}` and `{email}`."""
        values = {"tenant": self.tenant, "email": email}
        if day is not None:
            point = "." if self.language == "de" else ""
            values["day"] = f"{day.day}{point} {_MONTHS[self.language][day.month - 1]}"
            values |= {"weekday": _SPOKEN_WEEKDAYS[self.language][day.weekday()], "date": day.isoformat()}
        return values

    def parse_steps(self, values: Mapping[str, str]) -> list[SpokenCall | Command]:
        """Return the script's calls and commands with the placeholders replaced. Raises ScriptError."""
        return [_parse_step(_fill(step, values)) for step in self.steps]

    def expected(self, values: Mapping[str, str]) -> list[ExpectedAppointment]:
        """Return the expected appointments with the placeholders replaced. Raises ScriptError."""
        return [
            msgspec.convert(_fill(msgspec.to_builtins(each), values), ExpectedAppointment) for each in self.appointments
        ]

    def expected_mails(self, values: Mapping[str, str]) -> list[ExpectedMail]:
        """Return the expected mails with the placeholders replaced. Raises ScriptError."""
        mails = [msgspec.convert(_fill(msgspec.to_builtins(each), values), ExpectedMail) for each in self.mails]
        _require_patterns(pattern for each in mails for pattern in (each.subject or "", *each.text))
        return mails


def load_script(file: Path) -> CallScript:
    """Read a call script. Raises ScriptError if the file is not one."""
    try:
        # YAML 1.1 reads the key `on` as true
        document = {
            "on" if key is True else key: value for key, value in yaml.safe_load(file.read_text("utf-8")).items()
        }
        script = msgspec.convert(document, CallScript)
        values = script.values(date(2026, 12, 3))
        script.parse_steps(values)
        script.expected(values)
        script.expected_mails(values)
    except (OSError, UnicodeDecodeError, AttributeError, yaml.YAMLError, msgspec.ValidationError, ScriptError) as error:
        raise ScriptError(f"{file}: {error}") from None
    if script.on is None and _needs_day(script):
        raise ScriptError(f"{file}: {{day}}, {{weekday}} and {{date}} need `on`: the branch and service of that day")
    return script


def missing_sentence(patterns: Iterable[str], lines: Sequence[str]) -> str | None:
    """Return the first pattern that has no match in the lines after the previous pattern's match; None if all patterns match."""
    text, position = "\n".join(lines), 0
    for pattern in patterns:
        found = re.compile(pattern).search(text, position)
        if found is None:
            return pattern
        position = found.end()
    return None


def differences(expected: Sequence[ExpectedAppointment], found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each expected appointment that was not found, and for each found one that was not expected.

    `found` have the fields of `ExpectedAppointment`.
    """
    left, missing = list(found), []
    for each in expected:
        wanted = msgspec.to_builtins(each) | {"status": each.status}
        match = next((other for other in left if wanted.items() <= other.items()), None)
        if match is None:
            missing.append(f"missing: {_line(wanted)}")
        else:
            left.remove(match)
    return missing + [f"not expected: {_line(other)}" for other in left]


def differ_in_calendar_only(expected: Sequence[ExpectedAppointment], found: Sequence[Mapping[str, Any]]) -> bool:
    """Return True if our book is as expected and only the bookings at Cal.com differ, which a job changes later."""
    here = [msgspec.structs.replace(each, calendar=None) for each in expected]
    synced = {"calendar": None, "status": "confirmed"}
    settled = [{**each, **synced} if each["status"] == "pending_sync" else {**each, "calendar": None} for each in found]
    return bool(differences(expected, found)) and not differences(here, settled)


def mail_differences(expected: Sequence[ExpectedMail], found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each expected mail that was not found, and for each found mail that was not expected; an empty list
    without `expected`.

    `found` have the fields of the mail catcher's mails.
    """
    if not expected:
        return []
    left, missing = list(found), []
    for each in expected:
        match = next((mail for mail in left if _is_mail(each, mail)), None)
        if match is None and not each.optional:
            missing.append(f"missing: mail {_line(msgspec.to_builtins(each))}")
        elif match is not None:
            left.remove(match)
    return missing + [f"not expected: mail to {', '.join(mail['to'])}, subject {mail['subject']}" for mail in left]


def _is_mail(expected: ExpectedMail, mail: Mapping[str, Any]) -> bool:
    return (
        expected.to in mail["to"]
        and re.search(expected.subject or "", mail["subject"]) is not None
        and missing_sentence(expected.text, [mail["text"]]) is None
        and expected.calendar in {None, mail["method"]}
    )


def _parse_step(fields: dict[str, Any]) -> SpokenCall | Command:
    """Return the call or command of one step. Raises ScriptError for an invalid pattern, or a program that scripts may not run."""
    if "run" in fields:
        command = msgspec.convert(fields, Command)
        if (program := command.run.split()[0]) not in _PROGRAMS:
            raise ScriptError(f"a script may run {' and '.join(_PROGRAMS)}, not {program}")
        _require_patterns(command.printed)
        return command
    call = msgspec.convert(fields, SpokenCall)
    if len(call.functions) != len(call.say):
        raise ScriptError(
            f"{len(call.say)} sentences have {len(call.functions)} functions: name one for each, null for none"
        )
    _require_patterns([*call.heard, *call.failing])
    return call


def _require_patterns(patterns: Iterable[str]) -> None:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ScriptError(f"{pattern} is no regular expression: {error}") from None


def _line(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in fields.items() if value is not None)


def _needs_day(script: CallScript) -> bool:
    left_behind = msgspec.to_builtins([*script.appointments, *script.mails])
    used = set(_PLACEHOLDER.findall(str(script.steps) + str(left_behind)))
    return bool(used & {"day", "weekday", "date"})


def _fill(value: Any, values: Mapping[str, str]) -> Any:
    """Replace the placeholders in all texts. Raises ScriptError for an unknown placeholder."""
    if isinstance(value, str):
        try:
            return _PLACEHOLDER.sub(lambda match: values[match[1]], value)
        except KeyError as error:
            raise ScriptError(f"{{{error.args[0]}}} is no placeholder; there are: {', '.join(values)}") from None
    if isinstance(value, Mapping):
        return {key: _fill(each, values) for key, each in value.items()}
    return [_fill(each, values) for each in value] if isinstance(value, list) else value
