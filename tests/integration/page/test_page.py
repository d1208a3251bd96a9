"""The views of the tenant's page at a real pod: what each shows to whom, and that no word of a caller becomes markup."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from aiohttp.web import HTTPSeeOther, HTTPTooManyRequests

from askproai_core.database import StatementTimeout
from askproai_core.languages import Language
from askproai_runtime.admin_api import PulseStore, figures
from askproai_runtime.page.views import VIEWS
from askproai_runtime.page.words import WORDS
from tests.worlds.page_rows import CALLER, ILLNESS, NAME, filled, seed
from tests.worlds.page_visitor import Visitor, hidden, tags, visiting
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod
from tests.worlds.waiting import eventually

HOSTILE = "<script>alert(1)</script>\"' onmouseover=alert(2) {{7919*7907}} <img src=x onerror=alert(3)>"


async def test_owner_sees_every_view_and_readers_no_customer(
    owner: Visitor, reader: Visitor, seeded: dict[str, str]
) -> None:
    seen = ""
    for path in VIEWS:
        status, page, answer = await owner.get(filled(path, seeded))
        assert status == 200, (path, page)
        assert answer.headers["Cache-Control"] == "no-store"
        seen += page
        status, page, _ = await reader.get(filled(path, seeded))
        assert status == (403 if path == "/sessions" else 200), (path, page)
        assert [needle for needle in (CALLER, *NAME.split(), ILLNESS) if needle in page] == [], path
    assert [needle for needle in (CALLER, NAME, ILLNESS) if needle not in seen] == []
    call = filled("/calls/{id}", seeded)
    _, page, _ = await owner.get(call)
    assert ILLNESS not in page, "what was said is shown on demand"
    assert "confirmation · Kunde · E-Mail" in page, "the notifications of its appointments are in a call's timeline"
    _, page, _ = await owner.get("/failures")
    assert "TimeoutError in book" in page
    _, page, _ = await owner.get(f"{call}?personal=true")
    assert f"{NAME}: {ILLNESS}" in page
    assert f"Notiz: {ILLNESS}" in page, "the arguments of functions have German names, too"
    assert (await reader.get(f"{call}?personal=true"))[0] == 403
    reading = "SELECT detail FROM audit_log WHERE tenant = $1 AND action = 'call.read' AND detail->>'call' = $2"
    read = await owner.pod.db.fetch(reading, owner.pod.store.tenant, seeded["calls"])
    assert [json.loads(row["detail"])["claimed_by"] for row in read] == ["Karin"]


async def test_searched_id_leads_to_its_timeline_if_known(
    owner: Visitor, reader: Visitor, seeded: dict[str, str]
) -> None:
    call, appointment = seeded["calls"], seeded["appointments"]
    await seed(owner.pod, "Petra", "bitte kurz")  # a second call
    _, page, _ = await owner.get("/messages")
    assert 'role="search" method="get" action="/timeline"' in page, "the field is on every view"
    for visitor in (owner, reader):
        for asked in (call, f"%20{call}%20", call[:20], appointment, appointment[:8], quote(call)):
            status, page, _ = await visitor.get(f"/timeline?id={asked}")
            assert status == 200
            assert f'href="/calls/{call}"' in page
            assert f'href="/appointments/{appointment}"' in page
            assert '<ol class="timeline">' in page, asked
            read = [needle for needle in (CALLER, *NAME.split(), ILLNESS) if needle in page]
            assert read == [], "who listens asks for it"
        for unknown in (uuid4().hex, "call_unknown", "x", quote("<b>"), "%00"):
            status, page, _ = await visitor.get(f"/timeline?id={unknown}")
            assert (status, "<b>" in page) == (200, False), unknown
            assert "Diese Kennung gehört zu keinem Anruf" in page, unknown
        _, page, _ = await visitor.get("/timeline?id=call_")
        assert "So beginnen mehrere Kennungen" in page
        _, page, _ = await visitor.get("/timeline")
        assert "auch ihr Anfang" in page


async def test_waiting_list_shows_each_offers_end_and_person(owner: Visitor, seeded: dict[str, str]) -> None:
    """The shown deadline is that of the offer: a customer who gets no messages is called before it."""
    db, tenant = owner.pod.db, owner.pod.store.tenant
    entry = await db.fetchval("SELECT id FROM waitlist WHERE tenant = $1 AND state = 'waiting' LIMIT 1", tenant)
    expires = datetime.now(UTC) + timedelta(hours=2)
    offer = await db.fetchval(
        """INSERT INTO waitlist_offers (tenant, entry_id, freed_id, staff, starts_at, ends_at, expires_at)
           VALUES ($1, $2, 1, 'anna', $3, $3::timestamptz + interval '1 hour', $4) RETURNING id""",
        tenant, entry, expires + timedelta(days=1), expires,
    )  # fmt: skip
    _, page, _ = await owner.get("/waitlist")
    await db.execute("DELETE FROM waitlist_offers WHERE tenant = $1 AND id = $2", tenant, offer)
    local = expires.astimezone(ZoneInfo("Europe/Berlin"))
    assert "Wartet bis" in page
    assert f"bei Anna, Angebot offen bis {WORDS[Language.DE].weekdays[local.weekday()]}, {local:%d.%m.%Y %H:%M}" in page


async def test_week_shows_blocks_on_days_off(owner: Visitor, reader: Visitor, seeded: dict[str, str]) -> None:
    starts_at = await owner.pod.db.fetchval(
        "SELECT starts_at FROM refusals WHERE block_id::text = $1", seeded["blocks"]
    )
    local = starts_at.astimezone(ZoneInfo("Europe/Berlin"))
    for visitor in (owner, reader):
        _, page, _ = await visitor.get(f"/week?day={local.date().isoformat()}")
        assert f'<a class="block" href="/blocks/{seeded["blocks"]}">Gesperrt {local:%H:%M}–' in page
        assert (ILLNESS in page) == (visitor is owner)


async def test_week_shows_absences_like_the_day(owner: Visitor, reader: Visitor) -> None:
    for visitor, language, closed in ((owner, "de", "Erster Weihnachtstag"), (reader, "en", "Christmas Day")):
        for path in ("/week?day=2026-12-25", "/?day=2026-12-25"):
            _, page, _ = await visitor.get(path, **{"Accept-Language": language})
            assert re.search(rf"away[^>]*>(Geschlossen|Closed): {closed}<", page), path


async def test_block_of_days_reads_equally_on_every_page(owner: Visitor) -> None:
    pod, zone = owner.pod, ZoneInfo("Europe/Berlin")
    first = (datetime.now(zone) + timedelta(days=90)).replace(hour=0, minute=0, second=0, microsecond=0)
    first -= timedelta(days=first.weekday())
    await pod.db.execute(
        """INSERT INTO refusals (tenant, resource_id, starts_at, ends_at, until, reason, block_id)
           VALUES ($1, $2, $3, $4, 'infinity', 'Fortbildung', gen_random_uuid())""",
        pod.store.tenant, pod.store.resources["mitte", "anna", 1], first, first + timedelta(days=2, hours=12),
    )  # fmt: skip
    expected = [*["Gesperrt ganztägig · Fortbildung"] * 2, "Gesperrt 00:00–12:00 · Fortbildung"]
    _, week, _ = await owner.get(f"/week?day={first.date().isoformat()}")
    assert re.findall(r'<a class="block" [^>]*>(Gesperrt [^<]*)<', week) == expected
    for number, shown in enumerate(expected):
        _, page, _ = await owner.get(f"/?day={(first.date() + timedelta(days=number)).isoformat()}")
        assert f">{shown}</a></li>" in page


async def test_messages_say_on_which_day_to_call_back(owner: Visitor, reader: Visitor) -> None:
    message = await owner.pod.db.fetchval(
        """INSERT INTO messages (tenant, call_id, key, branch, name, text, call_back, call_back_from, call_back_until,
                                 correlation_id)
           VALUES ($1, $2, 'k', 'mitte', $3, 'Rechnung', 'morgen nach 17 Uhr', '2026-11-25T17:00+01', '2026-11-26T00:00+01', $2)
           RETURNING id::text""",
        owner.pod.store.tenant, f"call_{uuid4().hex}", NAME,
    )  # fmt: skip
    written = "Rückruf: Mittwoch, 25. November 2026, ab 17:00 Uhr („{said}“)"
    for path in ("/messages", f"/messages/{message}/done"):
        _, page, _ = await owner.get(path)
        assert written.format(said="morgen nach 17 Uhr") in page
    _, page, _ = await reader.get("/messages")
    assert written.format(said="…") in page
    _, page, _ = await owner.get("/messages", **{"Accept-Language": "en"})
    assert "Call back: Wednesday, 25 November 2026, from 17:00 (“morgen nach 17 Uhr”)" in page


async def test_the_login_names_the_secrets_of_the_tenant(owner: Visitor) -> None:
    _, page, _ = await owner.get("/login")
    _, _, name = owner.pod.store.tenant.partition(".")
    assert f"Secret {name}-admin, oder zum Lesen der aus {name}-reader." in page


async def test_booking_refused_by_the_calendar_is_one_failure(owner: Visitor) -> None:
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


async def test_callers_words_never_become_markup(owner: Visitor) -> None:
    hostile = await seed(owner.pod, HOSTILE, HOSTILE)
    for path in (*VIEWS, "/calls/{id}?personal=true"):
        status, page, answer = await owner.get(filled(path, hostile))
        assert status == 200
        assert HOSTILE not in page
        assert str(7919 * 7907) not in page, "no template is made of what somebody said"
        for tag, attributes in tags(page):
            assert tag != "img"
            assert tag != "script" or (attributes.get("src") or "").startswith("/page/"), attributes
            inline = [name for name in attributes if name.startswith("on") or name == "style"]
            assert not inline, (path, tag, attributes)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
    _, page, _ = await owner.get(filled("/appointments/{id}", hostile))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    async with visiting(owner.pod) as named:
        assert await named.log_in(ADMIN_TOKEN, HOSTILE[:90]) == 303
        _, page, _ = await named.get("/system")
        assert "<script>alert" not in page


async def test_visit_is_shown_by_its_services_names(owner: Visitor, seeded: dict[str, str]) -> None:
    await owner.pod.db.execute(
        "UPDATE appointments SET service = 'haarschnitt+gone' WHERE id = $1::text::uuid", seeded["appointments"]
    )
    for path in ("/", "/week", "/appointments/{id}"):
        _, page, _ = await owner.get(filled(path, seeded))
        assert "Haarschnitt + gone" in page, path


async def test_static_files_are_cached_and_need_no_login(pod: TenantPod) -> None:
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


async def test_form_sent_in_two_packets_is_accepted(pod: TenantPod) -> None:
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
                # Other tests' logins.
                return None if answer.status == HTTPTooManyRequests.status_code else answer.status

        assert await eventually(post, every=0.3) == HTTPSeeOther.status_code


async def test_slow_figures_are_explained_in_a_sentence(owner: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    async def take_too_long(*_: object) -> None:
        raise StatementTimeout("counting took too long: canceling statement due to statement timeout")

    monkeypatch.setattr(figures, "list_days_of_bookings", take_too_long)
    status, page, answer = await owner.get("/figures")
    assert (status, answer.content_type) == (503, "text/html")
    assert WORDS[Language.DE].failed_page in page


async def test_unknown_path_is_a_page_or_problem(pod: TenantPod) -> None:
    async with visiting(pod) as visitor:
        status, page, answer = await visitor.get("/nope", Accept="text/html,*/*;q=0.8")
        assert (status, answer.content_type) == (404, "text/html")
        assert "Das gibt es hier nicht." in page
        for path in ("/nope", "/a/b/c"):
            status, _, answer = await visitor.get(path, Accept="application/json")
            assert (status, answer.content_type) == (404, "application/problem+json")
