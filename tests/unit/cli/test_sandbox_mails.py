"""`askproai sandbox mails` shows what the demo's tenants have sent."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from askproai_cli.main import app
from askproai_sandbox.mail_catcher import MailCatcher, serve_catcher
from askproai_sandbox.mail_catcher.server import CaughtMail

ZOE = CaughtMail(
    1, "2026-11-21T10:00:00+00:00", "Salon <termine@salon.example>", ["zoe@example.org"], "Ihr Termin\x1b[2J", "Guten Tag\n",
    "<p>", "REQUEST", "BEGIN:VCALENDAR\r\n",
)  # fmt: skip
OWNER = CaughtMail(2, "2026-11-21T10:01:00+00:00", "Salon", ["chefin@salon.example"], "Neu", "Neu\n", "", None, None)


@pytest.fixture
async def demo(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MailCatcher]:
    catcher = MailCatcher()
    async with serve_catcher(catcher) as (port, url):
        monkeypatch.setattr("askproai_cli.demo_state.find_demo", lambda: {"mailsUrl": url, "smtpPort": port})
        yield catcher


async def mails(*arguments: str) -> Any:
    return await asyncio.to_thread(CliRunner().invoke, app, ["sandbox", "mails", *arguments])


async def test_mails_are_listed_the_newest_first(demo: MailCatcher) -> None:
    demo.mails += [ZOE, OWNER]
    _, newest, oldest = (await mails()).stdout.splitlines()
    assert newest.split()[0] == "2"
    assert "chefin@salon.example" in newest
    assert "REQUEST" in oldest
    only = await mails("--to", "zoe@example.org", "-o", "json")
    assert [each["number"] for each in json.loads(only.stdout)["mails"]] == [1]


async def test_mail_shows_calendar_file_without_control_characters(demo: MailCatcher) -> None:
    demo.mails += [ZOE, OWNER]
    shown = (await mails("1")).stdout
    assert shown.startswith(
        "From:    Salon <termine@salon.example>\nTo:      zoe@example.org\nSubject: Ihr Termin\N{REPLACEMENT CHARACTER}"
    )
    assert "\nGuten Tag\n\nBEGIN:VCALENDAR\n" in shown
    assert shown.endswith("/mails/1.html\n")


async def test_folded_calendar_line_keeps_its_leading_blank(demo: MailCatcher) -> None:
    demo.mails += [replace(ZOE, calendar="SUMMARY:Klavierstunde 30 Min\r\n uten\r\nEND:VCALENDAR\r\n")]
    assert "\nSUMMARY:Klavierstunde 30 Min\n uten\nEND:VCALENDAR\n" in (await mails("1")).stdout


async def test_empty_mailbox_explains_how_tenants_send_mails(demo: MailCatcher) -> None:
    result = await mails()
    assert result.exit_code == 0
    assert "spec.notifications.email: {host: 127.0.0.1, port: " in result.stdout


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (None, "no demo is running"),
        ({}, "older than this command"),
        ({"mailsUrl": "http://127.0.0.1:9", "smtpPort": 9}, "the mail catcher does not answer"),
    ],
)
async def test_command_without_a_mail_catcher_explains_the_remedy(
    monkeypatch: pytest.MonkeyPatch, state: dict[str, Any] | None, message: str
) -> None:
    monkeypatch.setattr("askproai_cli.demo_state.find_demo", lambda: state)
    result = await mails()
    assert result.exit_code == 1
    assert message in result.stderr
    assert "askproai demo --keep" in result.stderr


async def test_missing_mail_names_the_list(demo: MailCatcher) -> None:
    result = await mails("3")
    assert (result.exit_code, result.stderr) == (1, "there is no mail 3: `askproai sandbox mails` lists them\n")
