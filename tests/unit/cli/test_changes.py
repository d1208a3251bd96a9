"""A change of a tenant's book is sent until it is answered, always with the same request id."""

import json
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from typer.testing import CliRunner, Result

from askproai_cli.client import PrivateApiClient
from askproai_cli.main import app
from tests.unit.cli.conftest import PrivatePort

BLOCK = {"id": "b", "staff": ["mitte/anna"], "start": "2026-11-27T00:00:00+01:00", "end": "2026-11-28T00:00:00+01:00",
         "reason": "", "in_force": True}  # fmt: skip


APPOINTMENT = {"id": "d42e1170-0000-4000-8000-000000000001", "branch": "mitte", "service": "haarschnitt", "staff": "anna",
               "start": "2026-11-27T14:30:00+01:00", "end": "2026-11-27T15:00:00+01:00", "customer_name": "Erika Mustermann",
               "phone": "+4915112345678"}  # fmt: skip
BOOKING = {name: APPOINTMENT[name] for name in ("branch", "service", "start", "end")} | {
    "staff": None,
    "zone": "Europe/Berlin",
}
OFFERED = {"id": "1c0de000-0000-4000-8000-000000000001", "branch": "mitte", "service": "haarschnitt", "staff": None,
           "name": "Wanda Wartend", "phone": "+4915100000001", "state": "offered",
           "offer": {"staff": "anna", "start": "2026-11-27T15:00:00+01:00", "end": "2026-11-27T15:30:00+01:00",
                     "expires_at": "2026-11-26T12:00:00+01:00"}}  # fmt: skip
PREVIEW = {"staff": ["mitte/anna"], "start": "2026-11-27T13:00:00+01:00", "end": "2026-11-28T00:00:00+01:00",
           "appointments": [APPOINTMENT], "zone": "Europe/Berlin", "at_calcom": True}  # fmt: skip


DONE = {"block": BLOCK, "appointments": [], "zone": "Europe/Berlin"}


async def block(port: PrivatePort, statuses: list[int], *options: str, typed: str | None = None) -> Result:
    """Run `askproai block` against a pod that answers with `statuses`."""
    left = iter(statuses)

    async def respond(_request: web.Request) -> web.Response:
        status = next(left)
        return web.json_response(DONE if status == 200 else {"title": "No", "detail": "because"}, status=status)

    port.answers = {"blocks": respond, "block-preview": PREVIEW}
    return await port.run("block", "--staff", "anna", "--from", "2026-11-27", *options, typed=typed)


async def test_unanswered_request_is_repeated_with_its_id(port: PrivatePort) -> None:
    result = await block(port, [500, 503, 200], "--yes")
    assert result.exit_code == 0, result.output
    assert "blocked: mitte/anna" in result.output
    assert len({UUID(body["request_id"]) for body in port.bodies}) == 1
    assert len(port.bodies) == 3
    assert all("@" in body["by"] for body in port.bodies)


async def test_lost_answer_prints_how_to_continue_with_id(port: PrivatePort) -> None:
    result = await block(port, [500, 500, 500], "--yes")
    assert result.exit_code == 1
    request_id = port.bodies[0]["request_id"]
    assert f"--request-id {request_id}" in result.stderr
    await block(port, [200], "--yes", "--request-id", request_id)
    assert port.bodies[-1]["request_id"] == request_id


async def test_refused_change_is_not_sent_again(port: PrivatePort) -> None:
    result = await block(port, [409], "--yes")
    assert (result.exit_code, len(port.bodies)) == (1, 1)
    assert "because" in result.stderr
    assert "--request-id" not in result.stderr


async def test_change_is_sent_only_after_a_yes(port: PrivatePort) -> None:
    refused = await block(port, [])
    assert (refused.exit_code, port.bodies) == (1, [])
    confirmed = await block(port, [200], typed="y\n")
    assert confirmed.exit_code == 0, confirmed.output
    assert [(body["from"], body["to"]) for body in port.bodies] == [(PREVIEW["start"], PREVIEW["end"])]


def answering(monkeypatch: pytest.MonkeyPatch, **answers: dict[str, Any]) -> list[tuple[str, str]]:
    """Answer the requests of the commands from a table, by method and the first word of the path; return what was sent."""
    sent: list[tuple[str, str]] = []

    def answer(self: PrivateApiClient, method: str, path: str, **_: Any) -> Any:
        sent.append((method, path))
        return answers[method]

    monkeypatch.setenv("ASKPROAI_TOKEN", "t")
    monkeypatch.setattr(PrivateApiClient, "request", answer)
    return sent


def run(*command: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, [*command, "-t", "a.b", "--url", "http://127.0.0.1:1"], input=typed)


def invoke(*command: str) -> str:
    result = run(*command)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_second_equal_block_is_reported_as_existing(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = DONE | {"added": False}
    answering(monkeypatch, POST=answer)
    command = ("block", "--staff", "anna", "--from", "2026-11-27", "--yes")
    assert invoke(*command).startswith("is already blocked, nothing was added: mitte/anna")
    answering(monkeypatch, POST=answer | {"added": True})
    assert invoke(*command).startswith("blocked: mitte/anna")


def test_removed_block_names_the_remaining_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    other = BLOCK | {"id": "1f0c6a52-0000-4000-8000-000000000001", "reason": "Urlaub"}
    answering(monkeypatch, GET=DONE, POST=BLOCK | {"in_force": False, "still_blocked_by": [other]})
    printed = invoke("unblock", "b", "--yes")
    assert printed.startswith("removed: mitte/anna")
    assert "1 other block in that time, still in force" in printed
    assert other["id"] in printed
    answering(monkeypatch, GET=DONE, POST=BLOCK | {"in_force": False, "still_blocked_by": []})
    assert invoke("unblock", "b", "--yes").startswith("no longer blocked: mitte/anna")


def test_pause_question_says_for_whom_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, POST=DONE | {"added": True})
    asked = run("offers", "pause", typed="y\n")
    assert "Pause bookings of all branches until you resume them?" in asked.stderr
    assert "paused: mitte/anna" in asked.stdout
    asked = run("offers", "pause", "--branch", "mitte", "--until", "Freitag", typed="n\n")
    assert ("Pause bookings of mitte until Freitag?" in asked.stderr, "paused" in asked.stdout) == (True, False)
    paused = {"pauses": [{"block": BLOCK, "branches": ["mitte", "pankow"]}], "zone": "Europe/Berlin"}
    removed = BLOCK | {"in_force": False, "still_blocked_by": []}
    sent = answering(monkeypatch, GET=paused, POST=removed)
    assert "mitte, pankow" in invoke("offers", "show")
    asked = run("offers", "resume", typed="n\n")
    assert (asked.exit_code, "Resume bookings: end mitte/anna" in asked.stderr) == (1, True)
    together = run("offers", "resume", "--branch", "mitte", "--yes")
    assert (together.exit_code, "mitte, pankow" in together.stderr) == (1, True)
    assert [method for method, _ in sent] == ["GET"] * 3, "nothing was ended"
    assert invoke("offers", "resume", "--yes").startswith("resumed: mitte/anna")
    assert sent[-1] == ("POST", f"blocks/{BLOCK['id']}/remove")
    answering(monkeypatch, GET={"pauses": [], "zone": "Europe/Berlin"})
    assert invoke("offers", "resume") == "nothing is paused\n"


def test_question_before_a_block_shows_its_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, GET=PREVIEW)
    asked = run("block", "--staff", "anna", "--from", "Freitag 13 Uhr", "--reason", "krank", typed="n\n")
    *shown, question = asked.stderr.split("Aborted")[0].strip().splitlines()
    assert "Block mitte/anna, Fri 27 Nov 2026 13:00 CET until Sat 28 Nov 2026 00:00 CET, krank?" in question
    assert ("1 appointment in it" in shown[0], "Erika Mustermann  +4915112345678" in shown[-1]) == (True, True), shown
    assert "Erika" not in asked.stdout, "which is for programs"


def test_open_offers_ended_by_a_block_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    done = DONE | {"added": True, "offers": [OFFERED]}
    answering(monkeypatch, GET=PREVIEW | {"appointments": [], "offers": [OFFERED]}, POST=done)
    result = run("block", "--staff", "anna", "--from", "2026-11-27", typed="y\n")
    assert result.exit_code == 0, result.output
    for shown in (result.stderr, result.stdout):
        assert "1 open offer of the waiting list in it, which a block ends; call whoever was told of it:" in shown
        assert "Fri 27 Nov 2026 15:00 CET  anna  haarschnitt  Wanda Wartend  +4915100000001  1c0de000-" in shown
    printed = invoke("block", "--staff", "anna", "--from", "2026-11-27", "--yes", "-o", "json")
    assert json.loads(printed)["offers"] == [OFFERED]
    answering(monkeypatch, GET=done)
    shown = invoke("blocks", "show", "b")
    assert ("no appointments in it" in shown, "Wanda Wartend" in shown) == (True, True)
    assert json.loads(invoke("blocks", "show", "b", "-o", "json")) == done


def test_block_command_warns_that_remote_calendar_lacks_block(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = DONE | {"added": True}
    command = ("block", "--staff", "anna", "--from", "2026-11-27", "--yes")
    answering(monkeypatch, POST=answer | {"at_calcom": True})
    assert "The remote calendar's own pages do not know the block" in invoke(*command)
    answering(monkeypatch, POST=answer | {"at_calcom": False})
    assert "remote calendar" not in invoke(*command)


def test_unblocking_a_removed_block_asks_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    removed = BLOCK | {"in_force": False}
    answering(monkeypatch, GET=DONE | {"block": removed}, POST=removed | {"still_blocked_by": []})
    assert invoke("unblock", "b").startswith("it was removed already: mitte/anna")


async def test_unanswered_booking_names_its_original_start(port: PrivatePort) -> None:
    """A minute later, "now" could be another start, and the repeated id would mean another booking."""

    async def fail(_request: web.Request) -> web.Response:
        return web.json_response({"title": "No"}, status=500)

    port.answers = {"booking-preview": BOOKING, "appointments": fail}
    result = await port.run("appointments", "book", "--name", "Petra Müller", typed="y\n")
    assert "Book haarschnitt in mitte, Fri 27 Nov 2026 14:30 CET, for Petra Müller?" in result.stderr
    bodies = port.bodies
    assert (result.exit_code, len(bodies), len({body["request_id"] for body in bodies})) == (1, 3, 1)
    assert f"--request-id {bodies[0]['request_id']} --start {APPOINTMENT['start']}" in result.stderr
    assert (bodies[0]["branch"], bodies[0]["start"], "staff" in bodies[0]) == ("mitte", APPOINTMENT["start"], False)


async def test_booking_announces_the_customers_mail_beforehand(port: PrivatePort) -> None:
    port.answers = {"booking-preview": BOOKING | {"notified_by": ["Email", "Webhook"]}}
    book = ("appointments", "book", "--name", "Petra")
    assert "for Petra?" in (await port.run(*book, typed="n\n")).stderr
    mailed = await port.run(*book, "--email", "petra@example.org", typed="n\n")
    assert "for Petra, with a mail to petra@example.org and a message by the webhook?" in mailed.stderr
