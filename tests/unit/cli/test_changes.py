"""A change of a tenant's book is sent until it is answered, always with the same request id."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner

from askproai_cli import tenant_api
from askproai_cli.client import PrivateApiClient
from askproai_cli.main import app

BLOCK = {"id": "b", "staff": ["mitte/anna"], "start": "2026-11-27T00:00:00+01:00", "end": "2026-11-28T00:00:00+01:00",
         "reason": "", "in_force": True}  # fmt: skip


APPOINTMENT = {"id": "d42e1170-0000-4000-8000-000000000001", "branch": "mitte", "service": "haarschnitt", "staff": "anna",
               "start": "2026-11-27T14:30:00+01:00", "end": "2026-11-27T15:00:00+01:00", "customer_name": "Erika Mustermann",
               "phone": "+4915112345678"}  # fmt: skip
OFFERED = {"id": "1c0de000-0000-4000-8000-000000000001", "branch": "mitte", "service": "haarschnitt", "staff": None,
           "name": "Wanda Wartend", "phone": "+4915100000001", "state": "offered",
           "offer": {"staff": "anna", "start": "2026-11-27T15:00:00+01:00", "end": "2026-11-27T15:30:00+01:00",
                     "expires_at": "2026-11-26T12:00:00+01:00"}}  # fmt: skip
PREVIEW = {"staff": ["mitte/anna"], "start": "2026-11-27T13:00:00+01:00", "end": "2026-11-28T00:00:00+01:00",
           "appointments": [APPOINTMENT], "zone": "Europe/Berlin", "at_calcom": True}  # fmt: skip


async def preview(_request: web.Request) -> web.Response:
    return web.json_response(PREVIEW)


async def run(
    monkeypatch: pytest.MonkeyPatch, statuses: list[int], *options: str, answer: str = ""
) -> tuple[Any, list[dict[str, Any]]]:
    """Run `askproai block` against a server that answers with `statuses`; return the result and the bodies that came."""
    monkeypatch.setenv("ASKPROAI_TOKEN", "t")
    monkeypatch.setattr(tenant_api, "_WAITS", (0.0, 0.0))
    bodies: list[dict[str, Any]] = []

    async def respond(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        status = statuses[len(bodies) - 1]
        content = (
            {"block": BLOCK, "appointments": [], "zone": "Europe/Berlin"}
            if status == 200
            else {"title": "No", "detail": "because"}
        )
        return web.json_response(content, status=status)

    api = web.Application()
    api.router.add_post("/api/v1/blocks", respond)
    api.router.add_get("/api/v1/block-preview", preview)
    async with TestServer(api) as server:
        command = ["block", "--staff", "anna", "--from", "2026-11-27", "-t", "a.b", "--url", str(server.make_url(""))]
        return await asyncio.to_thread(CliRunner().invoke, app, [*command, *options], input=answer), bodies


async def test_unanswered_request_is_repeated_with_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    result, bodies = await run(monkeypatch, [500, 503, 200], "--yes")
    assert result.exit_code == 0, result.output
    assert "blocked: mitte/anna" in result.output
    assert len({UUID(body["request_id"]) for body in bodies}) == 1
    assert len(bodies) == 3
    assert all("@" in body["by"] for body in bodies)


async def test_lost_answer_prints_how_to_continue_with_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result, bodies = await run(monkeypatch, [500, 500, 500], "--yes")
    assert result.exit_code == 1
    assert f"--request-id {bodies[0]['request_id']}" in result.stderr
    _, again = await run(monkeypatch, [200], "--yes", "--request-id", bodies[0]["request_id"])
    assert again[0]["request_id"] == bodies[0]["request_id"]


async def test_refused_change_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    result, bodies = await run(monkeypatch, [409], "--yes")
    assert (result.exit_code, len(bodies)) == (1, 1)
    assert "because" in result.stderr
    assert "--request-id" not in result.stderr


def answering(monkeypatch: pytest.MonkeyPatch, **answers: dict[str, Any]) -> list[tuple[str, str]]:
    """Answer the requests of the commands from a table, by method and the first word of the path; return what was sent."""
    sent: list[tuple[str, str]] = []

    def answer(self: PrivateApiClient, method: str, path: str, **_: Any) -> Any:
        sent.append((method, path))
        return answers[method]

    monkeypatch.setenv("ASKPROAI_TOKEN", "t")
    monkeypatch.setattr(PrivateApiClient, "request", answer)
    return sent


def invoke(*command: str) -> str:
    result = CliRunner().invoke(app, [*command, "-t", "a.b", "--url", "http://127.0.0.1:1"])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_second_equal_block_is_reported_as_existing(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"block": BLOCK, "appointments": [], "zone": "Europe/Berlin", "added": False}
    answering(monkeypatch, POST=answer)
    command = ("block", "--staff", "anna", "--from", "2026-11-27", "--yes")
    assert invoke(*command).startswith("is already blocked, nothing was added: mitte/anna")
    answering(monkeypatch, POST=answer | {"added": True})
    assert invoke(*command).startswith("blocked: mitte/anna")


def test_removed_block_names_the_remaining_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    other = BLOCK | {"id": "1f0c6a52-0000-4000-8000-000000000001", "reason": "Urlaub"}
    shown = {"block": BLOCK, "appointments": [], "zone": "Europe/Berlin"}
    answering(monkeypatch, GET=shown, POST=BLOCK | {"in_force": False, "still_blocked_by": [other]})
    printed = invoke("unblock", "b", "--yes")
    assert printed.startswith("removed: mitte/anna")
    assert "1 other block in that time, still in force" in printed
    assert other["id"] in printed
    answering(monkeypatch, GET=shown, POST=BLOCK | {"in_force": False, "still_blocked_by": []})
    assert invoke("unblock", "b", "--yes").startswith("no longer blocked: mitte/anna")


def test_pause_question_says_for_whom_and_how_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering(monkeypatch, POST={"block": BLOCK, "appointments": [], "zone": "Europe/Berlin", "added": True})
    address = ("-t", "a.b", "--url", "http://127.0.0.1:1")
    asked = CliRunner().invoke(app, ["offers", "pause", *address], input="y\n")
    assert "Pause bookings of all branches until you resume them?" in asked.stderr
    assert "paused: mitte/anna" in asked.stdout
    asked = CliRunner().invoke(
        app, ["offers", "pause", "--branch", "mitte", "--until", "Freitag", *address], input="n\n"
    )
    assert ("Pause bookings of mitte until Freitag?" in asked.stderr, "paused" in asked.stdout) == (True, False)
    paused = {"pauses": [{"block": BLOCK, "branches": ["mitte", "pankow"]}], "zone": "Europe/Berlin"}
    removed = BLOCK | {"in_force": False, "still_blocked_by": []}
    sent = answering(monkeypatch, GET=paused, POST=removed)
    assert "mitte, pankow" in invoke("offers", "show")
    asked = CliRunner().invoke(app, ["offers", "resume", *address], input="n\n")
    assert (asked.exit_code, "Resume bookings: end mitte/anna" in asked.stderr) == (1, True)
    together = CliRunner().invoke(app, ["offers", "resume", "--branch", "mitte", "--yes", *address])
    assert (together.exit_code, "mitte, pankow" in together.stderr) == (1, True)
    assert [method for method, _ in sent] == ["GET"] * 3, "nothing was ended"
    assert invoke("offers", "resume", "--yes").startswith("resumed: mitte/anna")
    assert sent[-1] == ("POST", f"blocks/{BLOCK['id']}/remove")
    answering(monkeypatch, GET={"pauses": [], "zone": "Europe/Berlin"})
    assert invoke("offers", "resume") == "nothing is paused\n"


def test_question_before_a_block_shows_its_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, GET=PREVIEW)
    command = ["block", "--staff", "anna", "--from", "Freitag 13 Uhr", "--reason", "krank"]
    asked = CliRunner().invoke(app, [*command, "-t", "a.b", "--url", "http://127.0.0.1:1"], input="n\n")
    *shown, question = asked.stderr.split("Aborted")[0].strip().splitlines()
    assert "Block mitte/anna, Fri 27 Nov 2026 13:00 CET until Sat 28 Nov 2026 00:00 CET, krank?" in question
    assert ("1 appointment in it" in shown[0], "Erika Mustermann  +4915112345678" in shown[-1]) == (True, True), shown
    assert "Erika" not in asked.stdout, "which is for programs"


def test_open_offers_ended_by_a_block_are_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = {"block": BLOCK, "appointments": [], "zone": "Europe/Berlin", "added": True, "offers": [OFFERED]}
    answering(monkeypatch, GET=PREVIEW | {"appointments": [], "offers": [OFFERED]}, POST=done)
    command = ["block", "--staff", "anna", "--from", "2026-11-27", "-t", "a.b", "--url", "http://127.0.0.1:1"]
    result = CliRunner().invoke(app, command, input="y\n")
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


async def test_confirmed_block_has_the_span_of_its_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    result, bodies = await run(monkeypatch, [200], answer="y\n")
    assert result.exit_code == 0, result.output
    assert [(body["from"], body["to"]) for body in bodies] == [(PREVIEW["start"], PREVIEW["end"])]


def test_block_command_warns_that_remote_calendar_lacks_block(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"block": BLOCK, "appointments": [], "zone": "Europe/Berlin", "added": True}
    command = ("block", "--staff", "anna", "--from", "2026-11-27", "--yes")
    answering(monkeypatch, POST=answer | {"at_calcom": True})
    assert "The remote calendar's own pages do not know the block" in invoke(*command)
    answering(monkeypatch, POST=answer | {"at_calcom": False})
    assert "remote calendar" not in invoke(*command)


def test_unblocking_a_removed_block_asks_no_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    removed = BLOCK | {"in_force": False}
    shown = {"block": removed, "appointments": [], "zone": "Europe/Berlin"}
    answering(monkeypatch, GET=shown, POST=removed | {"still_blocked_by": []})
    assert invoke("unblock", "b").startswith("it was removed already: mitte/anna")


async def test_change_is_sent_only_after_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    result, bodies = await run(monkeypatch, [])
    assert (result.exit_code, bodies) == (1, [])


async def test_unanswered_booking_names_its_original_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Run again a minute later, "now" could be another start, and the id would be that of another booking."""
    monkeypatch.setenv("ASKPROAI_TOKEN", "t")
    monkeypatch.setattr(tenant_api, "_WAITS", (0.0, 0.0))
    bodies: list[dict[str, Any]] = []

    async def fail(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.json_response({"title": "No"}, status=500)

    async def show(_request: web.Request) -> web.Response:
        booking = {name: APPOINTMENT[name] for name in ("branch", "service", "start", "end")}
        return web.json_response(booking | {"staff": None, "zone": "Europe/Berlin"})

    api = web.Application()
    api.router.add_post("/api/v1/appointments", fail)
    api.router.add_get("/api/v1/booking-preview", show)
    async with TestServer(api) as server:
        command = ["appointments", "book", "--name", "Petra Müller", "-t", "a.b", "--url", str(server.make_url(""))]
        result = await asyncio.to_thread(CliRunner().invoke, app, command, input="y\n")
    assert "Book haarschnitt in mitte, Fri 27 Nov 2026 14:30 CET, for Petra Müller?" in result.stderr
    assert (result.exit_code, len(bodies), len({body["request_id"] for body in bodies})) == (1, 3, 1)
    assert f"--request-id {bodies[0]['request_id']} --start {APPOINTMENT['start']}" in result.stderr
    assert (bodies[0]["branch"], bodies[0]["start"], "staff" in bodies[0]) == ("mitte", APPOINTMENT["start"], False)


async def test_booking_announces_the_customers_mail_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKPROAI_TOKEN", "t")

    async def show(request: web.Request) -> web.Response:
        booking = {name: APPOINTMENT[name] for name in ("branch", "service", "start", "end")}
        further = {"staff": None, "zone": "Europe/Berlin", "notified_by": ["Email", "Webhook"]}
        return web.json_response(booking | further)

    api = web.Application()
    api.router.add_get("/api/v1/booking-preview", show)
    async with TestServer(api) as server:
        command = ["appointments", "book", "--name", "Petra", "-t", "a.b", "--url", str(server.make_url(""))]
        alone = await asyncio.to_thread(CliRunner().invoke, app, command, input="n\n")
        with_email = [*command, "--email", "petra@example.org"]
        mailed = await asyncio.to_thread(CliRunner().invoke, app, with_email, input="n\n")
    assert "for Petra?" in alone.stderr
    assert "for Petra, with a mail to petra@example.org and a message by the webhook?" in mailed.stderr
