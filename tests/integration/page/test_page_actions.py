"""Actions on the tenant's page, at a real pod: once, in the audit log, by permitted roles, and no input is lost."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from askproai_core.languages import Language
from askproai_core.reader_token import reader_token_of
from askproai_runtime.admin_api import AdminApiStore
from askproai_runtime.page.actions import ACTIONS
from askproai_runtime.page.sessions import LIFETIME, Signer
from askproai_runtime.page.words import WORDS
from tests.worlds.page_forms import add_begun, audit, fields_of, seed, state_of, token_of
from tests.worlds.page_visitor import Visitor, tags, visiting
from tests.worlds.private_desk import asking, book, request
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, next_friday

pytestmark = pytest.mark.nightly


@pytest.fixture
async def owner(shared_web_pod: TenantPod) -> AsyncIterator[Visitor]:
    async with visiting(shared_web_pod) as visitor:
        assert await visitor.log_in(ADMIN_TOKEN, "Karin") == 303
        yield visitor


async def test_each_action_acts_once_and_is_audited(owner: Visitor) -> None:
    pod, done = owner.pod, await seed(owner.pod, 2)
    csrf = await token_of(owner)
    expected = {
        "/messages/{id}/done": ("/messages?done=done", "message.done"),
        "/dead-letters/events/{id}/redrive": ("/dead-letters?done=redriven", "event.redriven"),
        "/dead-letters/notifications/{id}/redrive": ("/dead-letters?done=redriven", "notification.redriven"),
        "/blocks/new": ("?done=blocked", "block.added"),
        "/blocks/{id}/remove": ("/blocks?done=unblocked", "block.removed"),
        "/pause": ("/?done=paused", "block.added"),
        "/sessions/{id}/end": ("/sessions?done=session_", "page.logout"),
        "/appointments/{id}/move": ("?done=moved", "appointment.moved"),
        "/appointments/{id}/cancel": ("?done=cancelled", "appointment.cancelled"),
        "/appointments/{id}/attendance": ("?done=no_show", "appointment.no_show"),
    }
    assert set(expected) == set(ACTIONS)
    for path, (location, action) in expected.items():
        target, form = path.replace("{id}", done[path]), fields_of(pod, path, 2)
        form |= {"csrf": csrf, "request_id": str(uuid4())}
        before = len(await audit(pod))
        answers = await asyncio.gather(*(owner.post(target, **form) for _ in range(3)))
        answers.append(await owner.post(target, **form))  # a reload, much later
        for status, page, answer in answers:
            assert status == 303, (path, page)
            where = answer.headers["Location"]
            assert where.endswith(location) or where.startswith("/sessions?done=session_"), path
        recorded = (await audit(pod))[before:]
        assert [each[0] for each in recorded] == [action], path
        assert recorded[0][1]["claimed_by"] == "Karin", path
        _, page, _ = await owner.get(answers[0][2].headers["Location"])
        assert 'class="notice" role="status"' in page


async def test_refusals_and_results_use_the_pages_language(owner: Visitor) -> None:
    pod = owner.pod
    call, appointment = f"call_{uuid4().hex}", await book(pod, next_friday(pod, 9, 8))
    await pod.db.execute(
        "UPDATE appointments SET call_id = $3, correlation_id = $3 WHERE tenant = $1 AND id = $2::text::uuid",
        pod.store.tenant, appointment, call,
    )  # fmt: skip
    await pod.db.execute(
        "INSERT INTO calls (tenant, call_id, status, started_at, correlation_id) VALUES ($1, $2, 'ended', now(), $2)",
        pod.store.tenant, call,
    )  # fmt: skip
    csrf, path = await token_of(owner), f"/appointments/{appointment}/move"
    form = {"csrf": csrf, "day": next_friday(pod, 0, 8).date().isoformat(), "time": "23:00", "staff": ""}
    status, page, _ = await owner.post(path, **form, request_id=str(uuid4()))
    assert status == 409
    assert "In dieser Zeit macht die Person diese Leistung nicht." in page
    assert "outside of the hours" not in page
    assert (await owner.post(path, **form | {"time": "11:00"}, request_id=str(uuid4())))[0] == 303
    _, page, _ = await owner.get(f"/appointments/{appointment}")
    friday = f"{WORDS[Language.DE].weekdays[4]}, {next_friday(pod, 0, 8):%d.%m.%Y}"
    local = [f"{friday} {hour:02}:00, bei Anna" for hour in (9, 11)]
    assert "<b>Termin verschoben</b>" in page
    assert '<span class="state s-desk">am Tresen</span>' in page
    assert f"durch Karin · vorher: {local[0]} · jetzt: {local[1]}" in page
    assert "claimed_by" not in page


async def test_action_needs_own_session_and_form_token(owner: Visitor) -> None:
    pod, made = owner.pod, await seed(owner.pod, 4)
    before, csrf = await state_of(pod), await token_of(owner)
    signer = Signer(ADMIN_TOKEN, pod.store.tenant)
    expired = signer.seal(signer.open(is_reader=False, name="Karin", now=datetime.now(UTC) - LIFETIME))
    (cookie,) = owner.cookies()
    async with visiting(pod) as stranger, visiting(pod) as second:
        assert await second.log_in(ADMIN_TOKEN, "Karin") == 303
        foreign_csrf = await token_of(second)
        for path, target in made.items():
            url, form = path.replace("{id}", target), fields_of(pod, path, 4) | {"request_id": str(uuid4())}
            status, page, _ = await stranger.post(url, **form, csrf=csrf)
            assert status == 401, path
            assert all(f'name="{name}" value="{value}"' in page for name, value in form.items()), "nothing is lost"
            headers = {"Cookie": f"{cookie}={expired}"}
            async with stranger.session.post(
                f"{pod.private_url}{url}", data=form | {"csrf": csrf}, headers=headers
            ) as answer:
                assert answer.status == 401, path
            for token in ({}, {"csrf": ""}, {"csrf": foreign_csrf}, {"csrf": "0" * 64}):
                status, page, _ = await owner.post(url, **form, **token)
                assert (status, "zu alt" in page) == (403, True), path
                entered = [value for name, value in form.items() if value and name in {"reason", "note"}]
                assert all(f'value="{value}"' in page for value in entered)
    assert await state_of(pod) == before


async def test_form_sent_by_another_site_is_not_repeated(owner: Visitor) -> None:
    """SameSite withholds the cookie from the foreign form, but a click on a repeated form would send it."""
    url, form = f"{owner.pod.private_url}/blocks/new", fields_of(owner.pod, "/blocks/new", 4)
    async with visiting(owner.pod) as stranger:
        for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 401)):
            async with stranger.session.post(url, data=form, headers={"Sec-Fetch-Site": site}) as answer:
                assert (answer.status, "Zahnarzt" in await answer.text()) == (status, status == 401), site


async def test_cancellation_is_confirmed_first_with_its_subject(owner: Visitor) -> None:
    made = await seed(owner.pod, 6)
    appointment = made["/appointments/{id}/cancel"]
    _, page, _ = await owner.get(f"/appointments/{appointment}")
    assert f'href="/appointments/{appointment}/cancel"' in page
    _, page, _ = await owner.get(f"/appointments/{appointment}/cancel")
    assert "Petra Müller" in page
    live = [attributes for tag, attributes in tags(page) if tag == "body" and "sse-connect" in attributes]
    assert not live, "it stands still"


async def test_refused_move_explains_itself_keeping_the_entered_values(owner: Visitor) -> None:
    pod, made = owner.pod, await seed(owner.pod, 7)
    await book(pod, next_friday(pod, 14, 7))
    url, day = f"/appointments/{made['/appointments/{id}/move']}/move", next_friday(pod, 0, 7).date().isoformat()
    form = {"csrf": await token_of(owner), "request_id": str(uuid4()), "day": day, "time": "14:00", "staff": ""}
    status, page, _ = await owner.post(url, **form)
    assert status == 409
    assert "Die Person ist dann schon gebucht oder gesperrt." in page
    assert f'name="day" type="date" value="{day}"' in page
    assert form["request_id"] not in page, "other values need another id"
    free = re.search(r'<form method="post" action="[^"]+/move">(?:(?!</form>).)+</form>', page, re.DOTALL)
    assert free is not None
    offered = {str(a["name"]): a["value"] or "" for tag, a in tags(free[0]) if tag == "input"}
    status, _, answer = await owner.post(url, **offered)
    assert (status, answer.headers["Location"].endswith("?done=moved")) == (303, True)
    for entered, sentence in (
        ({"day": ""}, "Bitte Tag und Zeit angeben."),
        ({"day": "2026-03-01"}, "Diese Zeit gibt es an diesem Tag nicht, oder sie ist vorbei."),
        ({"time": "03:00"}, "In dieser Zeit macht die Person diese Leistung nicht."),
        ({"staff": "niemand"}, "Diese Person gibt es hier nicht, oder niemand kann bei ihr buchen."),
    ):
        status, page, _ = await owner.post(url, **form | {"request_id": str(uuid4())} | entered)
        assert (status in {400, 404, 409}, sentence in page) == (True, True), (entered, page)


async def test_no_show_is_marked_and_unmarked(owner: Visitor) -> None:
    pod = owner.pod
    begun = await add_begun(pod)
    for button, location, state in (
        ("Nicht erschienen", "?done=no_show", "no_show"),
        ("Doch erschienen", "?done=attended", "confirmed"),
    ):
        _, page, _ = await owner.get(f"/appointments/{begun}")
        form = re.search(r'<form method="post" action="[^"]+/attendance">(?:(?!</form>).)+</form>', page, re.DOTALL)
        assert form is not None
        assert button in form[0]
        fields = {str(a["name"]): a["value"] or "" for tag, a in tags(form[0]) if tag == "input"}
        status, _, answer = await owner.post(f"/appointments/{begun}/attendance", **fields)
        assert (status, answer.headers["Location"].endswith(location)) == (303, True)
        stored = await pod.db.fetchval("SELECT status FROM appointments WHERE id = $1::text::uuid", begun)
        assert stored == state
    to_come = await book(pod, next_friday(pod, 15, 9))
    _, page, _ = await owner.get(f"/appointments/{to_come}")
    assert "/attendance" not in page, "it has not begun"


async def test_whole_branch_is_blocked_from_the_same_form(owner: Visitor) -> None:
    pod, day = owner.pod, (next_friday(owner.pod, 0, 10) - timedelta(days=1)).date().isoformat()  # no test books then
    _, page, _ = await owner.get("/blocks/new")
    assert re.search(r'<option value="mitte/">Alle in [^<]+</option>', page)
    form = {"who": "mitte/", "day": day, "reason": "Schulung", "request_id": str(uuid4())}
    status, page, answer = await owner.post("/blocks/new", csrf=await token_of(owner), **form)
    assert status == 303, page
    _, page, _ = await owner.get(answer.headers["Location"])
    for member in pod.config().branches[0].staff:
        assert member.display_name in page


async def end_pauses(pod: TenantPod) -> None:
    for each in (await request(pod, "pauses"))[1]["pauses"]:
        assert (await request(pod, f"blocks/{each['block']['id']}/remove", asking()))[0] == 200


@pytest.fixture
async def unpaused(owner: Visitor) -> AsyncIterator[TenantPod]:
    """The pod without pauses of other tests, and without one after the test: those book."""
    await end_pauses(owner.pod)
    yield owner.pod
    await end_pauses(owner.pod)


async def test_pause_is_shown_on_every_page_until_resumed(owner: Visitor, unpaused: TenantPod) -> None:
    pod, asked = unpaused, {"service": "Haarschnitt", "start": next_friday(unpaused, 9, 3).isoformat()}
    _, page, _ = await owner.get("/")
    assert 'href="/pause"' in page
    form = {"csrf": await token_of(owner), "request_id": str(uuid4()), "last_time": "12:00"}
    status, page, _ = await owner.post("/pause", **form)
    assert (status, "Bitte Tag und Zeit angeben." in page) == (400, True), "a time without its day"
    status, page, answer = await owner.post("/pause", **form | {"last_time": "", "request_id": str(uuid4())})
    assert (status, answer.headers["Location"]) == (303, "/?done=paused"), page
    async with visiting(pod) as reader:
        assert await reader.log_in(reader_token_of(ADMIN_TOKEN)) == 303
        for visitor, may in ((owner, True), (reader, False)):
            for path in ("/", "/week", "/calls", "/system"):
                _, page, _ = await visitor.get(path)
                since = r"Es werden keine neuen Termine angenommen: [^,<]+, seit [^<]+\d\d:\d\d\.</b>"
                assert re.search(since, page), path
                assert ("Fortsetzen" in page) is may, path
    said = (await pod.function("check_availability", f"call_{uuid4().hex}", asked)).body
    assert said["slots"] == []
    assert "Zurzeit nehmen wir keine neuen Termine an." in said["message"]
    _, page, _ = await owner.get("/")
    (block,) = re.findall(r'href="(/blocks/[0-9a-f-]{36})">Fortsetzen', page)
    _, page, _ = await owner.get(block)
    assert "Ja, wieder Termine annehmen" in page
    fields = {str(a["name"]): a["value"] or "" for tag, a in tags(page) if tag == "input"}
    status, page, answer = await owner.post(f"{block}/remove", **fields)
    assert (status, answer.headers["Location"]) == (303, "/?done=resumed"), page
    _, page, _ = await owner.get("/")
    assert 'class="paused"' not in page
    assert [name for name, _ in (await audit(pod))[-2:]] == ["block.added", "block.removed"]
    assert (await owner.post(f"{block}/remove", **fields))[0] == 303, "a second click does nothing more"
    assert (await pod.function("check_availability", f"call_{uuid4().hex}", asked)).body["slots"]


async def test_block_form_shows_affected_customers_and_acts_once(owner: Visitor) -> None:
    pod = owner.pod
    appointment = await book(pod, next_friday(pod, 14, 8), staff="mehmet")
    form = {
        "csrf": await token_of(owner), "request_id": str(uuid4()), "who": "mitte/mehmet",
        "time": "", "last_day": "", "last_time": "",
        "day": next_friday(pod, 0, 8).date().isoformat(), "reason": "krank",
    }  # fmt: skip
    status, page, answer = await owner.post("/blocks/new", **form)
    assert status == 303, page
    _, page, _ = await owner.get(answer.headers["Location"])
    assert f"/appointments/{appointment}" in page
    assert "krank" in page
    status, _, answer = await owner.post("/blocks/new", **form | {"request_id": str(uuid4()), "reason": "Urlaub"})
    assert (status, answer.headers["Location"].endswith("?done=existed")) == (303, True)
    for entered, sentence in (
        ({"who": "mitte/gone"}, "Diese Person gibt es hier nicht"),
        ({"last_day": "2026-01-01"}, "Das Ende liegt nicht nach dem Beginn."),
        ({"day": "2025-01-01"}, "Diese Zeit ist schon vorbei."),
        ({"last_day": "2029-01-01"}, "So lange lässt sich nicht sperren."),
        ({"reason": "x" * 201}, "Eine Angabe passt nicht"),
        ({"who": ""}, "Eine Angabe passt nicht"),
    ):
        status, page, _ = await owner.post("/blocks/new", **form | {"request_id": str(uuid4())} | entered)
        assert (status in {400, 404}, sentence in page) == (True, True), (entered, page)


async def test_second_persons_note_is_shown_after_a_conflict(owner: Visitor) -> None:
    made = await seed(owner.pod, 9)
    url = f"/messages/{made['/messages/{id}/done']}/done"
    async with visiting(owner.pod) as second:
        assert await second.log_in(ADMIN_TOKEN, "Mehmet") == 303
        form = {"csrf": await token_of(second), "request_id": str(uuid4()), "note": "kommt am Freitag"}
        assert (await owner.post(url, csrf=await token_of(owner), request_id=str(uuid4()), note="angerufen"))[0] == 303
        status, page, _ = await second.post(url, **form)
        assert status == 409
        assert "Jemand war schneller" in page
        assert "kommt am Freitag" in page
        assert "angerufen" in page


async def test_form_repeated_after_database_outage_acts_once(owner: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    pod, made = owner.pod, await seed(owner.pod, 10)
    redrive = AdminApiStore.redrive_job

    async def lost(*arguments: Any) -> list[str]:
        await redrive(*arguments)  # the commit is done, and its answer is lost
        raise asyncpg.ConnectionDoesNotExistError

    form = {"csrf": await token_of(owner), "request_id": str(uuid4())}
    url = f"/dead-letters/events/{made['/dead-letters/events/{id}/redrive']}/redrive"
    before = len(await audit(pod))
    with monkeypatch.context() as patch:
        patch.setattr(AdminApiStore, "redrive_job", lost)
        status, page, _ = await owner.post(url, **form)
    assert status == 503
    again = {str(a["name"]): a["value"] or "" for tag, a in tags(page) if tag == "input"}
    assert again == form
    assert [a["action"] for tag, a in tags(page) if tag == "form"] == [url.replace(":", "%3A")] or url in page
    assert (await owner.post(url, **again))[0] == 303
    assert len(await audit(pod)) == before + 1
