"""The tenant's page at a real pod: who sees what, that no word of a caller becomes markup, and that changes come by themselves."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from copy import copy
from datetime import UTC, datetime, timedelta
from http.cookies import Morsel
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp.web import HTTPSeeOther, HTTPTooManyRequests

from askproai_core.database import Migrator, shipped_migrations
from askproai_core.reader_token import reader_token_of
from askproai_runtime.admin_api import PulseStore
from askproai_runtime.page import server
from askproai_sandbox.databases import Database
from tests.worlds.page_visitor import VIEWS, Visitor, hidden, tags, visiting
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, open_pod, running_web
from tests.worlds.waiting import SOON, eventually

READER = reader_token_of(ADMIN_TOKEN)
HOSTILE = "<script>alert(1)</script>\"' onmouseover=alert(2) {{7*7}} <img src=x onerror=alert(3)>"
CALLER, NAME, ILLNESS = "+4915155500088", "Zacharias Kanarienvogel", "Bandscheibenvorfall"


@pytest.fixture
async def owner(pod: TenantPod) -> AsyncIterator[Visitor]:
    async with visiting(pod) as visitor:
        assert await visitor.log_in(ADMIN_TOKEN, "Karin") == 303
        yield visitor


@pytest.fixture
async def reader(pod: TenantPod) -> AsyncIterator[Visitor]:
    async with visiting(pod) as visitor:
        assert await visitor.log_in(READER) == 303
        yield visitor


@pytest.fixture
async def seeded(pod: TenantPod) -> dict[str, str]:
    """A call with an appointment, a message, a place on the waiting list, a failure, a dead letter and a dead notification."""
    return await seed(pod, NAME, ILLNESS)


async def seed(pod: TenantPod, name: str, text: str) -> dict[str, str]:
    """Write the rows themselves: their texts are what an attacker would have got past every check before."""
    call, tenant, db = f"call_{uuid4().hex}", pod.store.tenant, pod.db
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    await db.execute(
        """INSERT INTO calls (tenant, call_id, branch, direction, from_number, to_number, status, started_at, transcript,
                              disconnection_reason, correlation_id)
           VALUES ($1, $2, 'mitte', 'inbound', $3, '+49301234567', 'ended', $4, $5, $6, $2)""",
        tenant,
        call,
        CALLER,
        start,
        f"{name}: {text}",
        text[:40],
    )
    appointment = await db.fetchval(
        """INSERT INTO appointments (tenant, branch, service, staff, customer_name, starts_at, ends_at, status, call_id, caller,
                                     notes, error, correlation_id)
           VALUES ($1, 'mitte', 'haarschnitt', 'anna', $2, $3, $4, 'confirmed', $5, $6, $7, $8, $5) RETURNING id::text""",
        tenant,
        name,
        start,
        start + timedelta(minutes=30),
        call,
        CALLER,
        text,
        "calendar error",
    )
    await db.execute(
        """INSERT INTO function_requests (tenant, call_id, at, function, arguments, outcome, cause, answer, duration_ms,
                                          correlation_id)
           VALUES ($1, $2, $3, 'book_appointment', $4::jsonb, 'failed', 'TimeoutError in book', $5, 12, $2)""",
        tenant,
        call,
        start,
        json.dumps({"customer_name": name, "notes": text}),
        text,
    )
    await db.execute(
        """INSERT INTO messages (tenant, call_id, key, branch, caller, name, text, recipient, call_back, correlation_id)
           VALUES ($1, $2, 'k', 'mitte', $3, $4, $5, $5, $5, $2)""",
        tenant,
        call,
        CALLER,
        name[:80],
        text[:200],
    )
    await db.execute(
        """INSERT INTO waitlist (tenant, call_id, key, branch, service, spans, requested, since, until, name, phone, correlation_id)
           VALUES ($1, $2, $2, 'mitte', 'haarschnitt', '[]', 'am Freitag', $3, $4, $5, $6, $2)""",
        tenant,
        call,
        start,
        start + timedelta(days=3),
        name[:80],
        CALLER,
    )
    await db.execute(
        """INSERT INTO notifications (tenant, kind, subject, recipient, channel, appointment_id, state, error, correlation_id)
           VALUES ($1, 'confirmation', $2, 'customer', 'Email', $3::text::uuid, 'dead', 'refused', $2)""",
        tenant,
        call,
        appointment,
    )
    await db.execute(
        """INSERT INTO jobs (tenant, kind, priority, state, last_error, correlation_id, appointment_id)
           VALUES ($1, 'calendar-sync', 'default', 'dead', 'calendar is away', $2, $3::text::uuid)""",
        tenant,
        call,
        appointment,
    )
    message = await db.fetchval("SELECT id::text FROM messages WHERE tenant = $1 AND call_id = $2", tenant, call)
    block = str(uuid4())
    await db.execute(
        """INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, reason, block_id)
           VALUES ($1, $2, $3, $4, 'infinity', $5, $6::text::uuid)""",
        tenant,
        pod.store.resources["mitte", "mehmet", 1],
        start + timedelta(hours=1),
        start + timedelta(hours=2),
        text[:200],
        block,
    )
    return {"calls": call, "appointments": appointment, "messages": message, "blocks": block}


def filled(path: str, seeded: dict[str, str]) -> str:
    return path.replace("{id}", seeded.get(path.split("/")[1], ""))


async def test_every_view_is_shown_to_the_owner_and_a_reader_learns_of_no_customer_who_it_is(
    owner: Visitor, reader: Visitor, seeded: dict[str, str]
) -> None:
    seen = ""
    for path in VIEWS:
        status, page, answer = await owner.get(filled(path, seeded))
        assert status == 200, (path, page)
        assert answer.headers["Cache-Control"] == "no-store"
        seen += page
        status, page, _ = await reader.get(filled(path, seeded))
        assert status == 200, (path, page)
        assert [needle for needle in (CALLER, *NAME.split(), ILLNESS) if needle in page] == [], path
    assert [needle for needle in (CALLER, NAME, ILLNESS) if needle not in seen] == []
    call = filled("/calls/{id}", seeded)
    _, page, _ = await owner.get(call)
    assert ILLNESS not in page, "what was said is shown on demand"
    assert "confirmation · customer · Email" in page, "the notifications of its appointments are in a call's timeline"
    _, page, _ = await owner.get("/failures")
    assert "TimeoutError in book" in page
    _, page, _ = await owner.get(f"{call}?personal=true")
    assert f"{NAME}: {ILLNESS}" in page
    assert (await reader.get(f"{call}?personal=true"))[0] == 403
    read = await owner.pod.db.fetch(
        "SELECT detail FROM audit_log WHERE tenant = $1 AND action = 'call.read' AND detail->>'call' = $2",
        owner.pod.store.tenant,
        seeded["calls"],
    )
    assert [json.loads(row["detail"])["claimed_by"] for row in read] == ["Karin"]


async def test_a_booking_that_the_calendar_refused_is_one_failure_with_its_reason(owner: Visitor) -> None:
    """The request to book and the appointment that failed are the same failure; one without an appointment is its own."""
    db, tenant, call, now = owner.pod.db, owner.pod.store.tenant, f"call_{uuid4().hex}", datetime.now(UTC)
    since = now - timedelta(hours=1)
    before = (await PulseStore(db, tenant).get_pulse(since, since)).failed
    await db.execute(
        """INSERT INTO appointments (tenant, branch, service, staff, customer_name, starts_at, ends_at, status, call_id, error,
                                     correlation_id)
           VALUES ($1, 'mitte', 'haarschnitt', 'anna', $2, $3, $4, 'failed', $5, 'API key is invalid.', $5)""",
        tenant, NAME, now + timedelta(days=1), now + timedelta(days=1, minutes=30), call,
    )  # fmt: skip
    for outcome, correlation in (("refused", call), ("busy", "another request")):
        await db.execute(
            """INSERT INTO function_requests (tenant, call_id, at, function, outcome, duration_ms, correlation_id)
               VALUES ($1, $2, $3, 'book_appointment', $4, 12, $5)""",
            tenant, call, now, outcome, correlation,
        )  # fmt: skip
    _, page, _ = await owner.get("/failures")
    rows = [row for row in page.split("<tr>") if call in row]
    assert len(rows) == 2, rows
    assert "überlastet" in "".join(rows)
    assert "API key is invalid." in "".join(rows)
    assert (await PulseStore(db, tenant).get_pulse(since, since)).failed == before + 2


async def test_without_a_login_there_is_the_login_alone(pod: TenantPod, seeded: dict[str, str]) -> None:
    async with visiting(pod) as stranger:
        for path in VIEWS:
            status, page, answer = await stranger.get(filled(path, seeded))
            assert (status, page, answer.headers["Location"]) == (303, "", "/login"), path
        assert (await stranger.get("/live"))[0] == 401
        status, page, answer = await stranger.get("/", **{"HX-Request": "true"})
        assert (status, answer.headers["HX-Redirect"]) == (401, "/login")
        assert (await stranger.post("/logout"))[0] == 303
        for wrong in ("", "wrong", ADMIN_TOKEN + "x", "ä" * 300):
            assert await stranger.log_in(wrong) == 403
        assert list(stranger.cookies()) == [], "no session; the login's cookie is for its own path"


async def test_a_session_and_a_token_of_another_tenant_open_nothing(
    owner: Visitor, seeded: dict[str, str], database: Database, tmp_path: Path
) -> None:
    async with open_pod(database, tmp_path, f"foreign-{uuid4().hex[:6]}") as other:
        (other.folder / "token").write_text("token-of-the-other")
        async with running_web(other), visiting(other) as visitor:
            assert await visitor.log_in(ADMIN_TOKEN) == 403
            assert await visitor.log_in(READER) == 403
            (mine,) = owner.cookies().items()
            for name in (mine[0], *visitor.cookies()):
                status, _, answer = await visitor.get("/", Cookie=f"{name}={mine[1]}")
                assert (status, answer.headers["Location"]) == (303, "/login")
            assert await visitor.log_in("token-of-the-other") == 303
            (name,) = visitor.cookies()
            assert name != mine[0], "two pages at one host keep both sessions"
            for path in VIEWS:
                _, page, _ = await visitor.get(filled(path, seeded))
                assert [
                    needle
                    for needle in (CALLER, NAME, ILLNESS, seeded["calls"])
                    if needle in page and "{id}" not in path
                ] == []
            assert (await visitor.get(filled("/appointments/{id}", seeded)))[0] == 404
            assert (await visitor.get(filled("/calls/{id}", seeded)))[0] == 404
        # The same admin token, by chance or by mistake: the cookie is of the other tenant all the same.
        (other.folder / "token").write_text(ADMIN_TOKEN)
        async with running_web(other), visiting(other) as visitor:
            assert await visitor.log_in(ADMIN_TOKEN) == 303
            (name,) = visitor.cookies()
            async with visiting(other) as fresh:
                assert (await fresh.get("/", Cookie=f"{name}={mine[1]}"))[0] == 303


async def test_what_callers_say_never_becomes_markup(owner: Visitor) -> None:
    hostile = await seed(owner.pod, HOSTILE, HOSTILE)
    for path in (*VIEWS, "/calls/{id}?personal=true"):
        status, page, answer = await owner.get(filled(path, hostile))
        assert status == 200
        assert HOSTILE not in page
        assert "49 " not in page.replace("+49", ""), "no template is made of what somebody said"
        for tag, attributes in tags(page):
            assert tag != "img"
            assert tag != "script" or (attributes.get("src") or "").startswith("/page/"), attributes
            assert not [name for name in attributes if name.startswith("on") or name == "style"], (
                path,
                tag,
                attributes,
            )
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
    _, page, _ = await owner.get(filled("/appointments/{id}", hostile))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    async with visiting(owner.pod) as named:
        assert await named.log_in(ADMIN_TOKEN, HOSTILE[:90]) == 303
        _, page, _ = await named.get("/system")
        assert "<script>alert" not in page


async def test_a_visit_is_shown_by_the_names_of_its_services(owner: Visitor, seeded: dict[str, str]) -> None:
    await owner.pod.db.execute(
        "UPDATE appointments SET service = 'haarschnitt+gone' WHERE id = $1::text::uuid", seeded["appointments"]
    )
    for path in ("/", "/week", "/appointments/{id}"):
        _, page, _ = await owner.get(filled(path, seeded))
        assert "Haarschnitt + gone" in page, path


async def test_a_form_of_somebody_else_changes_nothing(owner: Visitor, reader: Visitor) -> None:
    _, page, _ = await owner.get("/")
    _, others, _ = await reader.get("/")
    for csrf in ("", "0" * 64, hidden(others)):
        assert (await owner.post("/logout", csrf=csrf))[0] == 403
    assert (await owner.get("/"))[0] == 200
    async with visiting(owner.pod) as visitor:
        await visitor.get("/login")
        assert (await visitor.post("/login", token=ADMIN_TOKEN, csrf=hidden(page)))[0] == 403
        assert (await visitor.post("/login", token=ADMIN_TOKEN))[0] == 403
        assert (await visitor.post("/login", token="x" * 10_000))[0] == 413


async def test_a_session_ends_with_its_logout_at_every_pod(pod: TenantPod, owner: Visitor) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in owner.cookies().items())
    _, page, _ = await owner.get("/")
    assert (await owner.post("/logout", csrf=hidden(page)))[0] == 303
    second = copy(pod)
    async with running_web(second), visiting(second) as thief:  # another process has no memory of it
        assert (await thief.get("/", Cookie=cookie))[0] == 303
    rows = await pod.db.fetch(
        "SELECT action, detail FROM audit_log WHERE tenant = $1 AND actor = 'page' ORDER BY id DESC LIMIT 2",
        pod.store.tenant,
    )
    assert [row["action"] for row in rows] == ["page.logout", "page.login"]
    assert json.loads(rows[1]["detail"]) == {"token": "admin", "claimed_by": "Karin"}


async def test_a_new_token_ends_all_sessions(pod: TenantPod, owner: Visitor, reader: Visitor) -> None:
    try:
        (pod.folder / "token").write_text("rotated\n")
        assert (await owner.get("/"))[0] == (await reader.get("/"))[0] == 303
    finally:
        (pod.folder / "token").write_text(ADMIN_TOKEN + "\n")
    assert (await owner.get("/"))[0] == 200


async def test_the_session_is_a_cookie_that_no_script_and_no_other_site_sends(pod: TenantPod) -> None:
    async with visiting(pod) as visitor:
        assert await visitor.log_in(ADMIN_TOKEN) == 303
        (cookie,) = [morsel for morsel in visitor.session.cookie_jar if not morsel.key.endswith("-login")]
        assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Strict", "43200")
        assert not cookie["secure"], "a forwarded port has no TLS"
        cut = cookie.value[:-1] + ("0" if cookie.value[-1] != "0" else "1")
        async with visiting(pod) as forger:
            assert (await forger.get("/", Cookie=f"{cookie.key}={cut}"))[0] == 303


async def test_behind_tls_both_cookies_of_a_login_are_sent_with_tls_alone(pod: TenantPod) -> None:
    async with visiting(pod, **{"X-Forwarded-Proto": "https"}) as visitor:
        _, form, shown = await visitor.get("/login")
        (cookie,) = shown.cookies.values()
        headers = {"Cookie": f"{cookie.key}={cookie.value}"}

        async def log_in() -> Morsel[str] | None:
            async with visitor.session.post(
                f"{pod.private_url}/login",
                data={"csrf": hidden(form), "token": ADMIN_TOKEN},
                headers=headers,
                allow_redirects=False,
            ) as opened:
                if opened.status == HTTPTooManyRequests.status_code:  # other tests' logins
                    return None
                assert opened.status == HTTPSeeOther.status_code
                return opened.cookies[cookie.key.removesuffix("-login")]

        session = await eventually(log_in, every=0.3)
        assert (cookie["secure"], session["secure"]) == (True, True)


async def test_a_caller_is_answered_while_a_view_is_rendered_and_one_is_rendered_at_a_time(
    owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, may_end, render, running, most = threading.Event(), threading.Event(), server.render, 0, 0

    def slow(*args: Any) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        started.set()
        assert may_end.wait(SOON), "nothing else was answered"
        running -= 1
        return render(*args)

    monkeypatch.setattr(server, "render", slow)
    views = [asyncio.create_task(owner.get(path)) for path in ("/week", "/calls", "/messages")]
    assert await asyncio.to_thread(started.wait, SOON)
    answer = await owner.pod.function("check_availability", "call_1", {"service": "Haarschnitt"})
    may_end.set()
    assert answer.status == 200
    assert {status for status, _, _ in await asyncio.gather(*views)} == {200}
    assert most == 1


async def test_logins_are_limited(pod: TenantPod) -> None:
    async with visiting(pod) as visitor:
        _, form, _ = await visitor.get("/login")
        began = time.monotonic()
        answers = await asyncio.gather(*(visitor.post("/login", csrf=hidden(form), token="guess") for _ in range(30)))
        seconds = time.monotonic() - began
        statuses = [status for status, _, _ in answers]
        assert set(statuses) <= {403, 429}
        assert statuses.count(403) <= 5 * (seconds + 2), (
            "five in each second that it took, the first and last begun ones too"
        )
        assert await visitor.log_in("guess") == 403, "a second later there is room again"


async def test_static_files_are_kept_for_ever_and_need_no_login(pod: TenantPod) -> None:
    async with visiting(pod) as visitor:
        _, page, _ = await visitor.get("/login")
        (style,) = [attributes["href"] for tag, attributes in tags(page) if attributes.get("rel") == "stylesheet"]
        status, text, answer = await visitor.get(str(style))
        assert status == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert ".b0{grid-row-start:1}" in text
        for path in ("/page/0/page.css", f"{style}/../server.py", "/page/../../etc/passwd"):
            assert (await visitor.get(path))[0] in {303, 404}


async def test_the_page_speaks_german_and_english(owner: Visitor) -> None:
    for header, language, word in (
        ("de-DE,en;q=0.5", "de", "Warteliste"), ("en-GB,de;q=0.5", "en", "Waiting list"), ("fr", "de", "Warteliste"),
    ):  # fmt: skip
        _, page, _ = await owner.get("/", **{"Accept-Language": header})
        assert f'<html lang="{language}">' in page
        assert word in page


async def events(visitor: Visitor, path: str, **headers: str) -> AsyncIterator[dict[str, str]]:
    """Yield the events of a stream, those without a name left out."""
    async with visitor.session.get(
        f"{visitor.pod.private_url}{path}", headers=headers, timeout=aiohttp.ClientTimeout(SOON)
    ) as answer:
        assert answer.status == 200
        fields: dict[str, str] = {}
        async for line in answer.content:
            name, _, value = line.decode().strip().partition(": ")
            if name:
                fields[name] = value
            elif fields:
                if "event" in fields:
                    yield fields
                fields = {}


async def test_a_change_is_announced_within_a_second_of_its_commit_and_again_to_who_comes_back(owner: Visitor) -> None:
    _, page, _ = await owner.get("/calls")
    (connect,) = [attributes["sse-connect"] for tag, attributes in tags(page) if tag == "body"]
    stream = events(owner, str(connect))
    first = asyncio.ensure_future(anext(stream))
    while (await asyncio.wait({first}, timeout=1.2))[0]:  # what other tests have changed; then nothing is announced
        first = asyncio.ensure_future(anext(stream))
    committed = time.monotonic()
    await owner.pod.db.execute(
        "INSERT INTO calls (tenant, call_id, status, started_at, correlation_id) VALUES ($1, $2, 'ongoing', now(), 'c')",
        owner.pod.store.tenant,
        f"call_{uuid4().hex}",
    )
    event = await first
    took = time.monotonic() - committed
    assert event["event"] == "calls"
    assert took < 1, f"{took:.2f} s"
    await stream.aclose()
    again = await anext(events(owner, "/live", **{"Last-Event-ID": str(connect).partition("=")[2]}))
    assert again["event"] == "calls"
    assert again["id"] == event["id"]


async def test_open_pages_do_not_keep_a_pod_from_ending(pod: TenantPod) -> None:
    second = copy(pod)
    async with running_web(second) as stop, visiting(second) as visitor:
        assert await visitor.log_in(ADMIN_TOKEN) == 303
        async with visitor.session.get(f"{second.private_url}/live") as answer:
            assert answer.status == 200
            await answer.content.readline()
            started = time.monotonic()
            stop.set()
            with suppress(aiohttp.ClientError):  # a browser comes back in either case
                await asyncio.wait_for(answer.content.read(), SOON)
        assert time.monotonic() - started < 10


async def test_a_form_that_comes_in_two_parts_is_read_whole(pod: TenantPod) -> None:
    async with visiting(pod) as visitor:
        _, form, _ = await visitor.get("/login")

        async def parts() -> AsyncIterator[bytes]:
            yield f"csrf={hidden(form)}&to".encode()
            await asyncio.sleep(0.1)  # another packet
            yield f"ken={ADMIN_TOKEN}".encode()

        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        url = f"{pod.private_url}/login"

        async def post() -> int | None:
            async with visitor.session.post(url, data=parts(), headers=kind, allow_redirects=False) as answer:
                return (
                    None if answer.status == HTTPTooManyRequests.status_code else answer.status
                )  # other tests' logins

        assert await eventually(post, every=0.3) == HTTPSeeOther.status_code


async def test_many_pages_at_once_take_one_connection_that_callers_wait_for(
    owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_ended, running, most = PulseStore.has_ended, 0, 0

    async def counted(store: PulseStore, session: str) -> bool:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return await has_ended(store, session)

    monkeypatch.setattr(PulseStore, "has_ended", counted)
    answers = await asyncio.gather(*(owner.get("/messages") for _ in range(10)))
    assert {status for status, _, _ in answers} == {200}
    assert most == 1


async def test_a_stream_of_a_session_that_was_ended_ends_also_while_much_happens(
    owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_HEARTBEAT", timedelta(seconds=1))

    async def much_happens() -> None:
        while True:
            await owner.pod.db.execute(
                "INSERT INTO calls (tenant, call_id, status, started_at, correlation_id) VALUES ($1, $2, 'ended', now(), 'c')",
                owner.pod.store.tenant,
                f"call_{uuid4().hex}",
            )
            await asyncio.sleep(0.1)

    _, page, _ = await owner.get("/calls")
    async with owner.session.get(f"{owner.pod.private_url}/live") as stream:
        await stream.content.readline()
        assert (await owner.post("/logout", csrf=hidden(page)))[0] == 303
        happening = asyncio.create_task(much_happens())
        try:
            async with asyncio.timeout(SOON):
                await stream.content.read()
        finally:
            happening.cancel()


async def test_each_view_waits_for_what_is_announced(owner: Visitor, seeded: dict[str, str]) -> None:
    for path in VIEWS:
        _, page, _ = await owner.get(filled(path, seeded))
        (connect,) = [attributes["sse-connect"] for tag, attributes in tags(page) if tag == "body"]
        announced = {mark.partition("-")[0] for mark in str(connect).partition("=")[2].split(".")}
        (trigger,) = [attributes["hx-trigger"] for _, attributes in tags(page) if "hx-trigger" in attributes]
        assert {each.strip().removeprefix("sse:") for each in str(trigger).split(",")} <= announced, path


async def test_on_the_schema_of_the_release_before_a_call_is_shown_and_what_has_no_table_says_so(
    database: Database, tmp_path: Path
) -> None:
    async with open_pod(database, tmp_path, "older") as pod:
        assert 13 in await Migrator(database.dsn).down(len(shipped_migrations()) - 12)
        await pod.db.execute(
            "INSERT INTO calls (tenant, call_id, status, started_at, correlation_id) VALUES ($1, 'call_1', 'ended', now(), 'c')",
            pod.store.tenant,
        )
        async with running_web(pod), visiting(pod) as visitor:
            assert await visitor.log_in(ADMIN_TOKEN) == 303
            for path in ("/calls", "/calls/call_1"):
                status, page, _ = await visitor.get(path)
                assert status == 200, page
                assert "call_1" in page
            assert (await visitor.get("/failures"))[0] == 200
            for path in ("/messages", "/waitlist", "/dead-letters"):
                status, page, _ = await visitor.get(path)
                assert (status, "<h1>" in page) == (503, True), page
