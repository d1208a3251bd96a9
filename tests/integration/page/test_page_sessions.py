"""Sessions of the tenant's page at a real pod: who gets one, what it opens, and when it ends."""

import asyncio
import json
import time
from copy import copy
from datetime import timedelta
from http.cookies import Morsel
from pathlib import Path
from uuid import uuid4

import pytest
from aiohttp.web import HTTPSeeOther, HTTPTooManyRequests

from askproai_core.reader_token import reader_token_of
from askproai_runtime.page import event_stream
from askproai_runtime.page.views import VIEWS
from tests.worlds.databases import Database
from tests.worlds.page_rows import CALLER, ILLNESS, NAME, add_call, filled
from tests.worlds.page_visitor import Visitor, hidden, visiting
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, open_pod, running_web
from tests.worlds.waiting import SOON, eventually

READER = reader_token_of(ADMIN_TOKEN)


async def test_visitor_without_a_session_sees_only_the_login(pod: TenantPod, seeded: dict[str, str]) -> None:
    async with visiting(pod) as stranger:
        for path in VIEWS:
            status, page, answer = await stranger.get(filled(path, seeded))
            assert (status, page) == (303, ""), path
            assert answer.headers["Location"].partition("?")[0] == "/login", path
        assert (await stranger.get("/live"))[0] == 401
        status, page, answer = await stranger.get("/", **{"HX-Request": "true"})
        assert (status, answer.headers["HX-Redirect"]) == (401, "/login")
        assert (await stranger.post("/logout"))[0] == 303
        for wrong in ("", "wrong", ADMIN_TOKEN + "x", "ä" * 300):
            assert await stranger.log_in(wrong) == 403
        assert list(stranger.cookies()) == [], "no session; the login's cookie is for its own path"


async def test_another_tenants_session_and_token_are_refused(
    owner: Visitor, seeded: dict[str, str], emptied_database: Database, tmp_path: Path
) -> None:
    async with open_pod(emptied_database, tmp_path, f"foreign-{uuid4().hex[:6]}") as other:
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
                needles = (CALLER, NAME, ILLNESS, seeded["calls"])
                assert "{id}" in path or not [needle for needle in needles if needle in page]
            assert (await visitor.get(filled("/appointments/{id}", seeded)))[0] == 404
            assert (await visitor.get(filled("/calls/{id}", seeded)))[0] == 404


async def test_form_of_another_session_changes_nothing(owner: Visitor, reader: Visitor) -> None:
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


async def test_session_ends_with_its_logout_at_every_pod(pod: TenantPod, owner: Visitor) -> None:
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


async def test_owner_lists_and_ends_another_persons_session(pod: TenantPod, owner: Visitor, reader: Visitor) -> None:
    async with visiting(pod) as colleague:
        assert await colleague.log_in(ADMIN_TOKEN, "Mehmet <b>") == 303
        cookie = "; ".join(f"{name}={value}" for name, value in colleague.cookies().items())
        status, page, _ = await owner.get("/sessions")
        assert status == 200
        assert [each for each in ("Mehmet &lt;b&gt;", "nur lesen", "<b>(Sie)</b>") if each not in page] == []
        ended = await pod.db.fetchval(
            """SELECT correlation_id FROM audit_log WHERE tenant = $1 AND action = 'page.login'
               AND detail->>'claimed_by' = 'Mehmet <b>' ORDER BY id DESC LIMIT 1""", pod.store.tenant,
        )  # fmt: skip
        form = {"csrf": hidden(page), "request_id": str(uuid4())}
        assert (await reader.get("/sessions"))[0] == 403
        for _ in range(2):
            status, _, answer = await owner.post(f"/sessions/{ended}/end", **form)
            assert (status, answer.headers["Location"].startswith("/sessions?done=session_")) == (303, True)
        assert (await colleague.get("/"))[0] == 303
        assert (await owner.get("/"))[0] == (await reader.get("/"))[0] == 200, "the others go on"
        second = copy(pod)
        async with running_web(second), visiting(second) as thief:
            assert (await thief.get("/", Cookie=cookie))[0] == 303
        _, page, _ = await owner.get("/sessions")
        assert ended not in page
        assert (await owner.post(f"/sessions/{'0' * 32}/end", **form | {"request_id": str(uuid4())}))[0] == 404
    rows = await pod.db.fetch(
        "SELECT actor, detail FROM audit_log WHERE tenant = $1 AND action = 'page.logout' AND correlation_id = $2",
        pod.store.tenant, ended,
    )  # fmt: skip
    ((actor, detail),) = [(row["actor"], json.loads(row["detail"])) for row in rows]
    assert (actor, detail["claimed_by"]) == ("desk", "Karin")
    assert (detail["session_of"], detail["role"]) == ("Mehmet <b>", "owner")


async def test_a_new_token_ends_all_sessions(pod: TenantPod, owner: Visitor, reader: Visitor) -> None:
    try:
        (pod.folder / "token").write_text("rotated\n")
        assert (await owner.get("/"))[0] == (await reader.get("/"))[0] == 303
    finally:
        (pod.folder / "token").write_text(ADMIN_TOKEN + "\n")
    assert (await owner.get("/"))[0] == 200


async def test_no_script_or_other_site_sends_the_cookie(pod: TenantPod) -> None:
    async with visiting(pod) as visitor:
        assert await visitor.log_in(ADMIN_TOKEN) == 303
        (cookie,) = [morsel for morsel in visitor.session.cookie_jar if not morsel.key.endswith("-login")]
        assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Strict", "43200")
        assert not cookie["secure"], "a forwarded port has no TLS"
        cut = cookie.value[:-1] + ("0" if cookie.value[-1] != "0" else "1")
        async with visiting(pod) as forger:
            assert (await forger.get("/", Cookie=f"{cookie.key}={cut}"))[0] == 303


async def test_login_cookies_behind_tls_are_sent_securely(pod: TenantPod) -> None:
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


async def test_page_logins_are_rate_limited(pod: TenantPod) -> None:
    async with visiting(pod) as visitor:
        _, form, _ = await visitor.get("/login")
        began = time.monotonic()
        answers = await asyncio.gather(*(visitor.post("/login", csrf=hidden(form), token="guess") for _ in range(30)))
        seconds = time.monotonic() - began
        statuses = [status for status, _, _ in answers]
        assert set(statuses) <= {403, 429}
        assert statuses.count(403) <= 5 * (seconds + 2), "five in each second, the first and last begun ones too"
        assert await visitor.log_in("guess") == 403, "a second later there is room again"


async def test_ended_sessions_stream_ends_even_when_busy(owner: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "_HEARTBEAT", timedelta(seconds=1))

    async def much_happens() -> None:
        while True:
            await add_call(owner.pod)
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
