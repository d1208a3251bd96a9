"""Dialogues in YAML, each with an agent whose functions answer over HTTP: a dialogue is a test, with a case for each row.

    A no to the move stays final:
      before: [{customer_name: Otto Lange}]
      rows: {said: ["Nein.", "Nein, danke."]}
      turns:
      - {say: "Petra Lange hier, meinen Termin auf fünf.", move: {time: "17:00"}, hears: has needs_answer}
      - {say: "{said}", move: again, hears: no needs_answer, left: [14:00 Otto]}

`before` are bookings in an earlier call of the number; `by: call` is this call, `by: other` another caller, and `by: past` is moved
to two months ago. `rows` are tables: each combination of their rows is a case. `{name}` is its value, and a mapping under `more`,
or each of several, is merged at its place.

A turn has the caller's words (`say`, or several one after the other), words that the agent adds (`agent`), and a function with
its arguments. `book`, `search` and `wait` ask for Petra Lange's haircut on Friday at two, as far as nothing else is given; full
names of functions and the other short ones get only the given arguments. `again` repeats the last ones, `{offer.1}` is the first
time of the last offer, `{id.1}` the first appointment that an answer has named, `{entry}` the last waiting list entry, and
`{number}` the first call's number. Several functions under `at_once` are asked in one turn of the model. Before the caller speaks,
`call` begins a `later` call of the number, one of an `other` caller or of a `withheld` number, or goes on with the `first`; and
`meanwhile` is a statement of SQL. `repeat` asks again. The requests of a `silent` dialogue have no transcript.
A dialogue in which the caller's number is said has a `number`.

`hears` has one or more of these; the whole answers are in `tests/golden`:

    done, refused           whether the function succeeded
    same, other             whether the sentence is that of its last answer
    has unclear, no slots   a field of the answer
    2 candidates            the number of its entries
    staff = anna            a field begins with the word; of a list, each with its own: `candidates.start = 2026-12-04 2026-12-11`,
                            or all with one: `all slots.start = 2026-12-04`
    begins …, ends …, not … the sentence begins or ends so, or lacks the words
    …                       other words are in the sentence

`left` are all appointments of the number, each with words for its service, day, time, staff member, customer, notes (`no-notes`),
address (`no-email`) or the customer's number (`no-phone`), and `noted` are its messages, each with words for its customer,
`"text"`, recipient, `[call-back]`, the time of that (`10-12:00`) and number (`no-recipient`, …). `waiting` are its present waiting
list entries, each with words for its customer and time, and `places` are the states of all of them.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from askproai_sandbox.example_tenant import NUMBER
from tests.worlds.spoken_calls import SpokenCall, friday_at
from tests.worlds.tenant_pod import TenantPod

FUNCTIONS: Final = {
    "book": "book_appointment", "search": "check_availability", "wait": "join_waitlist", "move": "reschedule_appointment",
    "cancel": "cancel_appointment", "find": "find_appointments", "note": "leave_message", "ask": "business_information",
}  # fmt: skip
FRIDAYS: Final = {"book", "search", "wait"}
OFFERS: Final = ("slots", "alternatives", "candidates")
LIVE: Final = """
    SELECT concat_ws(' ', service, to_char(starts_at AT TIME ZONE 'Europe/Berlin', 'YYYY-MM-DD HH24:MI'), staff, customer_name,
                     coalesce(notes, 'no-notes'), CASE WHEN attendee_email ~ '@(gmx|web)' THEN attendee_email ELSE 'no-email' END,
                     coalesce((SELECT phone FROM customers WHERE id = customer_id), 'no-phone'))
    FROM appointments WHERE caller IS NOT DISTINCT FROM $1 AND status IN ('confirmed', 'pending_sync')
    ORDER BY starts_at, created_at"""
NOTED: Final = """
    SELECT concat_ws(' ', name, '"' || text || '"', coalesce(recipient, 'no-recipient'),
                     coalesce('[' || call_back || ']', 'no-call-back'),
                     coalesce(nullif(concat(to_char(call_back_from AT TIME ZONE 'Europe/Berlin', 'YYYY-MM-DD HH24:MI'),
                                            to_char(call_back_until AT TIME ZONE 'Europe/Berlin', '-HH24:MI')), ''), 'no-time'),
                     coalesce(phone, 'no-phone'))
    FROM messages WHERE caller IS NOT DISTINCT FROM $1 ORDER BY created_at"""
WAITING: Final = """
    SELECT concat_ws(' ', name, '"' || requested || '"') FROM waitlist WHERE caller IS NOT DISTINCT FROM $1 AND state = 'waiting'
    ORDER BY created_at"""
ROWS: Final = {"left": LIVE, "noted": NOTED, "waiting": WAITING}
PAST: Final = """UPDATE appointments SET starts_at = starts_at - interval '60 days', ends_at = ends_at - interval '60 days'
                 WHERE id = $1::text::uuid"""
_NAME: Final = re.compile(r"\{([\w.]+)\}")
Values = Mapping[str, Any]


def load_dialogues(module: str, salon: str = "spoken_salon", to_number: str = NUMBER) -> dict[str, Callable[..., Any]]:
    """Return the tests of the YAML file beside a test module, in the pod of the fixture `salon`. Its key `shared` has anchors."""
    dialogues = yaml.safe_load(Path(module).with_suffix(".yaml").read_text("utf-8"))
    dialogues.pop("shared", None)
    tests = {f"test_{re.sub(r'[^a-z]+', '_', title.lower())}": each for title, each in dialogues.items()}
    assert len(tests) == len(dialogues), "two dialogues have one title"
    return {name: _make_test(name, salon, to_number, **dialogue) for name, dialogue in tests.items()}


def _make_test(
    name: str, salon: str, to_number: str, /, turns: list[Any], before: Any = None, rows: dict[str, list[Any]] | None = None,
    silent: bool = False, number: str | None = None,
) -> Callable[..., Any]:  # fmt: skip
    assert len(name.split("_")) <= 9, f"{name}: a title has at most eight words"

    async def test(row: dict[str, Any], **pods: TenantPod) -> None:
        call = SpokenCall(pods[salon], *filter(None, [number]), to_number=to_number)
        dialogue = _Dialogue(call, row, silent)
        await dialogue.book(before or [])
        for turn in _flatten(turns):
            await dialogue.play(turn)

    cases = [_merge(each) for each in product(*(_read_table(*table) for table in (rows or {}).items()))]
    ids = ["-".join(map(str, case.values())) for case in cases]
    test.__name__ = test.__qualname__ = name
    fixtures = [inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY) for each in ("row", salon)]
    test.__signature__ = inspect.Signature(fixtures)  # type: ignore[attr-defined]
    return pytest.mark.parametrize("row", cases, ids=ids if rows else ["once"])(test)


def _read_table(columns: str, rows: list[Any]) -> list[dict[str, Any]]:
    names = columns.split(", ")
    return [dict(zip(names, row if len(names) > 1 else [row], strict=True)) for row in rows]


def _merge(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {name: value for part in parts for name, value in part.items()}


def _flatten(entries: list[Any]) -> list[Any]:
    """Return the entries, with those of shared lists in their place."""
    return [entry for each in entries for entry in (_flatten(each) if isinstance(each, list) else [each])]


def _fill(value: Any, values: Values) -> Any:
    """Return a value with the values of its placeholders. A text that is only a placeholder becomes that value."""
    match value:
        case str() if (whole := _NAME.fullmatch(value)) and whole[1] in values:
            return _fill(values[whole[1]], {name: each for name, each in values.items() if name != whole[1]})
        case str():
            return _NAME.sub(lambda match: str(_fill(match[0], values)) if match[1] in values else match[0], value)
        case list():
            return [_fill(each, values) for each in value]
        case dict():
            filled = ((name, _fill(each, values)) for name, each in value.items())
            parts = [
                _flatten([each or {}]) if name == "more" else [{_fill(name, values): each}] for name, each in filled
            ]
            return _merge(_flatten(parts))
    return value


class _Dialogue:
    """A call of a number, or several one after the other, with the last requests and sentences of each function."""

    def __init__(self, call: SpokenCall, row: Values, silent: bool) -> None:
        self.call, self.first, self.silent = call, call, silent
        self.values: dict[str, Any] = {**row, "number": call.number}
        self.asked: dict[str, Any] = {}
        self.heard: dict[str, str] = {}

    def _begin_call(self, *number: str | None) -> SpokenCall:
        """Return a new call of a number, or of one that has never called."""
        return SpokenCall(self.call.pod, *number, to_number=self.call.to_number)

    async def book(self, bookings: list[dict[str, Any]]) -> None:
        """Make the bookings that the dialogue begins with."""
        earlier = self._begin_call(self.call.number)
        for args in _fill(bookings, self.values):
            kind = args.pop("by", None)
            by = {"call": self.call, "other": self._begin_call()}.get(kind, earlier)
            booked = await by.ask(FUNCTIONS["book"], friday_at(self.call.pod, **args))
            assert booked["success"], booked
            if kind == "past":
                await self.call.pod.db.execute(PAST, booked["appointment_id"])
                continue
            self._remember(booked)

    async def play(self, turn: dict[str, Any]) -> None:
        """Say and ask what the turn has. Raises AssertionError if something else is heard or left."""
        rest = dict(turn)
        rest |= _fill(rest.pop("more", {}), self.values)
        if statement := rest.pop("meanwhile", None):
            await self.call.pod.db.execute(_fill(statement, self.values))
        match _fill(rest.pop("call", None), self.values):
            case "later":
                self.call = self._begin_call(self.call.number)
            case "other":
                self.call = self._begin_call()
            case "withheld":
                self.call = self._begin_call(None)
            case "first":
                self.call = self.first
        said, agent, repeat = (rest.pop(name, None) for name in ("say", "agent", "repeat"))
        hears = rest.pop("hears", None)
        places, *rows = (_fill(rest.pop(name, None), self.values) for name in ("places", *ROWS))
        assert rest or hears is None, f"nothing is heard: {turn}"
        for words in _flatten([_fill(said, self.values) or []]):
            self.call.say(words)
        if agent is not None:
            self.call.transcript.append({"role": "agent", "content": _fill(agent, self.values)})
        for _ in range(repeat or 1):
            for name, args in rest.items():
                requests = args if name == "at_once" else [{name: args, "hears": hears}]
                await self._ask(*requests)
        for (name, query), expected in zip(ROWS.items(), rows, strict=True):
            if expected is not None:
                found = [row[0] for row in await self.call.pod.db.fetch(query, self.call.number)]
                assert _match(expected, found), f"{found} are {name}, not {expected}"
        if places is not None:
            states = "SELECT state FROM waitlist WHERE caller = $1 ORDER BY created_at"
            assert [row["state"] for row in await self.call.pod.db.fetch(states, self.call.number)] == places

    async def _ask(self, *requests: dict[str, Any]) -> None:
        """Call functions, several of them in one turn of the model, and check each answer."""
        asked = [
            self._read_request({name: each for name, each in request.items() if name != "hears"})
            for request in requests
        ]
        answers = (
            [await self._ask_silently(*each) for each in asked] if self.silent else await self.call.ask_at_once(*asked)
        )
        for (function, args), request, answer in zip(asked, requests, answers, strict=True):
            before, self.asked[function], self.heard[function] = self.heard.get(function), args, answer["message"]
            self._remember(answer)
            hears = _fill(request.get("hears"), self.values)
            for term in _flatten([hears] if hears else []):
                assert _is_heard(term, answer, before), f"not {term!r}: {answer}"

    async def _ask_silently(self, function: str, args: dict[str, Any]) -> dict[str, Any]:
        """Send a function request without a transcript, late enough for the caller to have answered the last one."""
        await self.call.pod.let_two_seconds_pass(self.call.call_id)
        numbers = {"from_number": self.call.number, "to_number": self.call.to_number}
        reply = await self.call.pod.function(function, self.call.call_id, args, **numbers)
        return dict(reply.body)

    def _read_request(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        ((name, given),) = _fill(request, self.values).items()
        function = FUNCTIONS.get(name, name)
        if given == "again":
            return function, self.asked[function]
        if "again" in given:
            return function, self.asked[function] | {key: each for key, each in given.items() if key != "again"}
        return function, friday_at(self.call.pod, **given) if name in FRIDAYS else given

    def _remember(self, answer: dict[str, Any]) -> None:
        """Keep the appointments, times and entries of an answer as values of placeholders."""
        ids = [answer.get("appointment_id"), *(each["appointment_id"] for each in answer.get("appointments") or ())]
        for new in (each for each in ids if each and each not in self.values.values()):
            self.values[f"id.{1 + sum(name.startswith('id.') for name in self.values)}"] = new
        if entry := answer.get("waitlist_id"):
            self.values["entry"] = entry
        for offers in (answer[name] for name in OFFERS if answer.get(name)):
            self.values |= {f"offer.{number}": each["start"] for number, each in enumerate(offers, 1)}
            break


def _match(expected: list[str], rows: list[str]) -> bool:
    """Return whether each text has a row of its own with all its words."""
    left = list(rows)
    for text in expected:
        found = next((row for row in left if all(word in row for word in str(text).split())), None)
        if found is None:
            return False
        left.remove(found)
    return not left


def _is_heard(term: str, answer: dict[str, Any], before: str | None) -> bool:
    """Return whether a term of `hears` is true of an answer; `before` is the sentence of the function's last answer."""
    message = answer["message"]
    match term.split(" ", 1):
        case ["done" | "refused"]:
            return bool(answer["success"] is (term == "done"))
        case ["same" | "other"]:
            return (message == before) is (term == "same")
        case ["has" | "no" as word, name] if name.islower() and name.replace("_", "").isalpha():
            return (name in answer) is (word == "has")
        case ["begins", words]:
            return bool(message.startswith(words))
        case ["ends", words]:
            return bool(message.endswith(words))
        case ["not", words]:
            return words not in message
        case [number, name] if number.isdigit() and name in {*OFFERS, "appointments", "waiting"}:
            return len(answer[name]) == int(number)
    if field := re.fullmatch(r"(all )?([a-z_]+)(?:\.([a-z_]+))? = (.*)", term):
        found, wanted = _read_field(answer.get(field[2]), field[3]), field[4].split()
        wanted = wanted * len(found) if field[1] else wanted
        return len(found) == len(wanted) > 0 and all(map(str.startswith, found, wanted))
    return term in message


def _read_field(value: Any, part: str | None) -> list[str]:
    """Return the words of a field; for one part of each entry, each word once."""
    values = value if isinstance(value, list) else [value]
    if part is not None:
        values = list(dict.fromkeys(each[part] for each in values))
    return [word for each in values for word in (str(each).lower() if isinstance(each, bool) else str(each)).split()]
