"""Plays call scripts against the running demo, and compares what callers heard, both books and the mails with the script."""

import asyncio
import os
import re
import secrets
import shlex
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp

from askproai_sandbox.call_scripts.script import (
    WEEKDAYS,
    CallScript,
    Command,
    ExpectedMail,
    OpenDay,
    PodsMissingError,
    ScriptError,
    SpokenCall,
    differ_in_calendar_only,
    differences,
    mail_differences,
    missing_sentence,
)
from askproai_sandbox.caller import CallRecord, play_call
from askproai_sandbox.programs import program_folder

_FIRST_DAY: Final = timedelta(days=8)  # more than a week ahead, so that no weekday means this week
_LAST_DAY: Final = timedelta(days=85)  # within the horizon of the examples' services
_READY_WITHIN: Final = 60.0  # seconds, until a resumed or newly applied tenant has a web pod
_SETTLED_WITHIN: Final = 30.0  # seconds, until our book is as expected
_SYNCED_WITHIN: Final = 360.0  # seconds, until Cal.com's is: unanswered requests are looked up after 300
_MAILED_WITHIN: Final = 90.0  # further seconds, since a notification is sent within a minute
_COMMAND_TIMEOUT: Final = 180.0  # seconds


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of the demo's parts.

    `admin` returns the URL and token of a tenant's private API. It raises PodsMissingError if the tenant has no ready pod, and
    ScriptError if the demo lacks the tenant. `ready_within` is in seconds.
    """

    retell_url: str
    calcom_url: str
    mails_url: str
    kubeconfig: Path
    admin: Callable[[str], tuple[str, str]]
    ready_within: float = _READY_WITHIN


def create_email() -> str:
    """Return a mail address that is new in each play. It contains a person's name: pods take "caller" for a placeholder."""
    return f"emma.post.{secrets.token_hex(2)}@example.de"


async def play_script(script: CallScript, addresses: Addresses, show: Callable[[str], None]) -> list[str]:
    """Play a script, and return a sentence for each difference from it. `show` gets each line of the calls.

    Raises ScriptError if the script cannot be played.
    """
    await _require_tenant(script, addresses, show)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        books = _Books(session, addresses, script.tenant)
        day = await books.find_open_day(script.on) if script.on else None
        email = create_email()
        values, problems, call_ids = script.values(day, email), list[str](), set[str]()
        numbers: defaultdict[str, str] = defaultdict(
            lambda: f"+491510{secrets.randbelow(10**7):07}", anonymous="anonymous"
        )
        for step in script.parse_steps(values):
            if isinstance(step, Command):
                problems += await _run(step, addresses, show)
                continue
            from_number = step.caller if step.caller.startswith("+") else numbers[step.caller]
            record = await _call(step, from_number, script, addresses)
            call_ids.add(record.call_id)
            for each in record.steps:
                show(each.to_text())
            problems += _judge(step, record)
        problems += await books.differences(script, values, call_ids)
        mails = _Mails(session, addresses.mails_url, {email, *numbers.values()} - {"anonymous"})
        return problems + await mails.differences(script.expected_mails(values))


async def _require_tenant(script: CallScript, addresses: Addresses, show: Callable[[str], None]) -> None:
    """Wait for a ready pod of the script's tenant. If the tenant is missing, raises ScriptError with the manifest to apply."""
    try:
        await _reach_pods(script.tenant, addresses, show)
    except PodsMissingError:
        raise
    except ScriptError as error:
        manifest = f"{script.manifest} (examples/README.md, Try them)" if script.manifest else "its manifests"
        raise ScriptError(f"{error}; apply {manifest}") from None


async def _reach_pods(
    tenant: str, addresses: Addresses, show: Callable[[str], None] = lambda _: None
) -> tuple[str, str]:
    """Return address and token of a tenant's private API, as soon as one of its pods is ready. Raises ScriptError."""
    end, waits = time.monotonic() + addresses.ready_within, False
    while True:
        try:
            return addresses.admin(tenant)
        except PodsMissingError as error:
            if time.monotonic() > end:
                namespace, _, name = tenant.partition(".")
                reason = f"`kubectl get tenants.askproai.de {name} -n {namespace} -o wide` says why"
                raise PodsMissingError(f"{error}, {addresses.ready_within:.0f} s long; {reason}") from None
            if not waits:
                show(f"{'wait':8} {error}")
            waits = True
        await asyncio.sleep(0.2)


async def _call(step: SpokenCall, from_number: str, script: CallScript, addresses: Addresses) -> CallRecord:
    try:
        return await play_call(
            addresses.retell_url, script.number, step.say, from_number=from_number, args=step.tool_calls
        )
    except ValueError as error:
        raise ScriptError(f"{script.title}: {error}") from None


def _judge(step: SpokenCall, record: CallRecord) -> list[str]:
    """Return the problems of a call: steps that failed or should have failed, and expected sentences that were not heard."""
    heard = [each.text or "" for each in record.steps if each.kind == "heard"]
    missing = missing_sentence(step.heard, heard)
    expected = [re.compile(pattern) for pattern in step.failing]
    failed = [f"failed: {error}" for error in record.errors if not any(each.search(error) for each in expected)]
    worked = [f"did not fail: {each.pattern}" for each in expected if not any(map(each.search, record.errors))]
    return failed + worked + ([f"not heard: {missing}"] if missing else [])


async def _run(command: Command, addresses: Addresses, show: Callable[[str], None]) -> list[str]:
    """Run a command of a script, and return its problems: an unexpected exit code, or expected output that is missing."""
    words = shlex.split(command.run)
    show(f"{'run':8} {command.run}")
    folders = (str(Path(sys.executable).parent), str(await program_folder()), os.environ["PATH"])
    environment = {**os.environ, "KUBECONFIG": str(addresses.kubeconfig), "PATH": os.pathsep.join(folders)}
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )  # fmt: skip
    async with asyncio.timeout(_COMMAND_TIMEOUT):
        output, _ = await process.communicate()
    lines = output.decode(errors="replace").splitlines()
    for line in lines:
        show(f"{'':8} {line}")
    if process.returncode:
        return [f"exit code {process.returncode}: {command.run}"]
    missing = missing_sentence(command.printed, lines)
    return [f"not printed by {words[0]}: {missing}"] if missing else []


class _Mails:
    """The caught mails that belong to this play: sent to one of its callers' addresses, or with one of its callers' numbers."""

    def __init__(self, session: aiohttp.ClientSession, url: str, callers: Collection[str]) -> None:
        self._session, self._url, self._callers = session, url, callers

    async def differences(self, expected: Sequence[ExpectedMail]) -> list[str]:
        """Return the differences between the mails and the script. Repeat for some time until there are none."""
        if not expected:
            return []
        if not self._url:
            raise ScriptError(
                "the running demo is an older one that keeps no mails; start `askproai demo --keep` again"
            )
        end = time.monotonic() + _MAILED_WITHIN
        while True:
            found = mail_differences(expected, await self._fetch())
            if not found or time.monotonic() > end:
                return found
            await asyncio.sleep(0.5)

    async def _fetch(self) -> list[dict[str, Any]]:
        async with self._session.get(f"{self._url}/mails") as answer:
            mails = (await answer.json())["mails"]
        return [
            mail for mail in mails if any(caller in mail["to"] or caller in mail["text"] for caller in self._callers)
        ]


class _Books:
    """Our book, read by the private API, and the book at Cal.com."""

    def __init__(self, session: aiohttp.ClientSession, addresses: Addresses, tenant: str) -> None:
        self._session, self._addresses, self._tenant = session, addresses, tenant

    async def find_open_day(self, wanted: OpenDay) -> date:
        """Return the first day that the script accepts and on which nobody has an appointment yet. Raises ScriptError."""
        today, last = datetime.now(UTC).date(), 6 if wanted.soon else 5
        weekdays = {wanted.weekday} if wanted.weekday else set(WEEKDAYS[:last])
        for days in range(1 if wanted.soon else _FIRST_DAY.days, _LAST_DAY.days):
            day = today + timedelta(days=days)
            if WEEKDAYS[day.weekday()] not in weekdays:
                continue
            query = {"branch": wanted.branch, "service": wanted.service, "date": day.isoformat()}
            slots = (await self._get("slots", **query))["slots"]
            is_open = any(wanted.staff in {None, slot["staff"]} for slot in slots)
            if (
                is_open
                and not (await self._get("appointments", **{"from": day.isoformat(), "to": day.isoformat()}))[
                    "appointments"
                ]
            ):
                return day
        raise ScriptError(
            f"{self._tenant} has no {wanted.weekday or 'open day'} without appointments for {wanted.service} any more"
        )

    async def differences(self, script: CallScript, values: Mapping[str, str], call_ids: Collection[str]) -> list[str]:
        """Return the differences between both books and the script. Repeat for some time until there are none."""
        began, expected = time.monotonic(), script.expected(values)
        while True:
            appointments = await self._appointments(call_ids)
            found = differences(expected, appointments)
            longest = _SYNCED_WITHIN if differ_in_calendar_only(expected, appointments) else _SETTLED_WITHIN
            if not found or time.monotonic() > began + longest:
                return found
            await asyncio.sleep(0.2)

    async def _appointments(self, call_ids: Collection[str]) -> list[dict[str, Any]]:
        ours, cursor = list[dict[str, Any]](), dict[str, str]()
        while True:
            page = await self._get("appointments", **cursor)
            ours += [each for each in page["appointments"] if each["call_id"] in call_ids]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        bookings = await self._bookings() if any(each["external_id"] for each in ours) else {}
        return [
            {
                "start": datetime.fromisoformat(each["start"]).strftime("%Y-%m-%d %H:%M"),
                "calendar": bookings.get(each["external_id"]),
                **{name: each[name] for name in ("service", "staff", "customer_name", "status")},
            }
            for each in ours
        ]

    async def _bookings(self) -> dict[str, str]:
        """Return the status of each booking at Cal.com, by its uid."""
        async with self._session.get(f"{self._addresses.calcom_url}/_sim/state") as answer:
            accounts = (await answer.json())["accounts"].values()
        return {booking["uid"]: booking["status"] for account in accounts for booking in account["bookings"]}

    async def _get(self, path: str, **query: Any) -> Any:
        url, token = await _reach_pods(self._tenant, self._addresses)
        headers = {"Authorization": f"Bearer {token}"}
        while True:
            async with self._session.get(f"{url}/api/v1/{path}?{urlencode(query)}", headers=headers) as answer:
                body = await answer.json()
            # The search for a day without appointments asks more than the API's limit a second.
            if answer.status != 429:
                break
            await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
        if answer.status != 200:
            raise ScriptError(f"{self._tenant}: {body.get('detail', answer.status)}")
        return body
