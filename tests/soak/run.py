"""One run: open the environment, let the storm rage, drain, read the books, check, report."""

import pickle
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from askproai_core.logging import configure_logs
from tests.soak.books import Books, read_calcom, read_logs, read_redis, read_tables
from tests.soak.business import play_week
from tests.soak.checker import Violation, booked_again, check, missed_changes
from tests.soak.drain import drain
from tests.soak.environment import EVENT_TYPES, PLANS, Environment, Team
from tests.soak.history import FOREVER, History, clock
from tests.soak.offers import BAR, Cause, Fate, accepted_offers, tally
from tests.soak.opening import open_environment
from tests.soak.sentences import Said, read
from tests.soak.storm import rage
from tests.soak.week import Deed, free_times_age
from tests.soak.week_result import judge_week

_EXPLAINED = 10  # violations whose history is printed


async def soak(seconds: float, seed: int, keep: Path | None = None, *, week: bool = False) -> int:
    """Run a storm, or a `week` of ordinary business with faults, print the report, and return the exit code."""
    configure_logs("warning", component="soak")
    console = Console(width=160, highlight=False, markup=False)
    directory = keep or Path(tempfile.mkdtemp(prefix="askproai-soak-"))
    directory.mkdir(parents=True, exist_ok=True)
    console.print(f"seed {seed}, {seconds:g} s; logs in {directory}")
    history, books, done = await play(directory, seconds, seed, console.print, week=week)
    with (directory / "history.pickle").open("wb") as file:
        pickle.dump((history, books), file)
    violations = check(history, books)
    report(console, history, books, violations, seed)
    ok = not violations
    if week:
        result = judge_week(history, books, violations, done)
        console.print(f"\nA week in {seconds:g} s, seed {seed}", *result.lines(), sep="\n")
        ok &= result.holds
    if ok and keep is None:
        shutil.rmtree(directory, ignore_errors=True)
    return 0 if ok else 1


async def play(
    directory: Path, seconds: float, seed: int, say: Callable[[str], None], *, week: bool
) -> tuple[History, Books, Counter[Deed]]:
    """Run it; return what happened, the books after it, and what was done of a week."""
    history, done = History(), Counter[Deed]()
    if week:
        history.free_times = free_times_age(seconds).total_seconds()
    async with open_environment(directory, history, seed) as env:
        say(f"all parts run; the {'week' if week else 'storm'} begins")
        if week:
            done = await play_week(env, seconds, seed)
        else:
            await rage(env, seconds, seed)
        say("it is over; draining")
        await drain(env)
        return history, await _read(env), done


async def _read(env: Environment) -> Books:
    db = await env.connect()
    try:
        books = await read_tables(db)
    finally:
        await db.close()
    staff = {(t.key, env.host(t, each).name): each for t in env.tenants for each in EVENT_TYPES.values()}
    read_calcom(books, env.calcom.dump()["accounts"], {t.calcom_key: t.key for t in env.tenants}, staff)
    books.teams = frozenset(t.key for t in env.tenants if t.plan.team)
    books.chosen_hosts = frozenset(t.key for t in env.tenants if t.plan.team is Team.CHOSEN)
    await read_redis(books, env.redis)
    owners = {p.name: t.key for t in env.tenants for p in (*t.webs, *t.workers)}
    read_logs(books, env.directory, owners | {p.name: "" for p in env.coordinators})
    # First the tenant's name, which shared processes may use, then texts that only its callers have.
    books.canaries = {f"{p.name}.{p.name}": (f"{p.name}.{p.name}", p.token, p.prefix.lstrip("+")) for p in PLANS}
    return books


def report(console: Console, history: History, books: Books, violations: list[Violation], seed: int) -> None:
    """Print one table, the histories of the broken promises, and the verdict as the last line."""
    table = Table("what", "count", title=f"Soak with seed {seed}")
    for name, count in _numbers(history, books):
        table.add_row(name, f"{count:,}")
    kinds = Counter(v.kind for v in violations)
    for kind in ("lost", "double", "crossed", "untrue"):
        table.add_row(kind, str(kinds[kind]))
    console.print(table)
    accepted = accepted_offers(history, books)
    certain, unconfirmed = (tally(accepted, certain=is_certain) for is_certain in (True, False))
    console.print(f"at the yes, of the times that were offered as certain: {certain}")
    verdict = "held" if certain.share < BAR else "missed"
    console.print(f"  {certain.share:.2%} of them was gone and could have been known; bar {BAR:.2%}: {verdict}")
    console.print(f"at the yes, of those that were said to be not confirmed: {unconfirmed}")
    for each in accepted:
        if each.fate is Fate.GONE:
            console.print(f"  {each.yes.tenant}: {each.why}")
    for cause, count in Counter(_cause(letter.cause) for letter in history.dead_letters).most_common():
        console.print(f"dead letters redriven: {count} x {cause}")
    for fault in history.faults:
        if "ended by itself" in fault.text:  # a coordinator does when it has lost its Lease; anything else is a defect
            console.print(f"{clock(fault.at)} {fault.text}")
    for violation in violations[:_EXPLAINED]:
        console.print(f"\n{violation.kind}: {violation.tenant}: {violation.text}")
        for line in explain(history, books, violation):
            console.print(f"  {line}")
    for violation in violations[_EXPLAINED:]:
        console.print(f"{violation.kind}: {violation.tenant}: {violation.text[:200]}")
    console.print(
        f"\nverdict: {f'{len(violations)} promises broken' if violations else 'every promise held'} (seed {seed})"
    )


def _numbers(history: History, books: Books) -> Iterable[tuple[str, int]]:
    faults = [f.text for f in history.faults]
    changes = [a for a in history.answers if a.function not in ("check_availability", "find_appointments")]
    heard = Counter(read(a).said for a in changes)
    yield "calls", len({(a.tenant, a.call_id) for a in history.answers})
    yield "answers of call functions", sum(a.status == 200 for a in history.answers)
    yield "… without an answer, or an error", sum(a.status != 200 for a in history.answers)
    yield "… a change was promised", heard[Said.THERE] + heard[Said.GONE]
    yield "… a change was denied", heard[Said.NOT_DONE]
    yield "… a change was left open", heard[Said.OPEN]
    yield "webhooks acknowledged", sum(d.acknowledged for d in history.deliveries)
    yield (
        "… from Redis, while PostgreSQL was away",
        sum('"outcome": "spooled"' in text for _, where, text in books.texts if where.startswith("log of")),
    )
    yield "… not acknowledged", sum(not d.acknowledged and not d.stray for d in history.deliveries)
    yield "… sent to another tenant", sum(d.stray for d in history.deliveries)
    yield "changes by people at Cal.com", len(history.changes)
    yield "… whose event never arrived (Cal.com sends once), found by the poll", len(missed_changes(history, books))
    absences = [b for b in history.busy_times if b.what == "an absence"]
    stored = {(e.tenant, e.payload.decode()) for e in books.events if b"OOO_CREATED" in e.payload}
    heard_of = sum(
        any(b.tenant == tenant and all(part in text for part in b.event) for tenant, text in stored)
        for b in absences
        if b.event[0]
    )
    yield "entries of people in linked calendars", len(history.busy_times) - len(absences)
    yield "absences entered or changed", len(absences)
    yield "… of the key's own user, of whom Cal.com sends an event", sum(bool(b.event[0]) for b in absences)
    yield "… … and whose event arrived", heard_of
    yield "entries that were removed or changed", sum(b.removed_at != FOREVER for b in history.busy_times)
    yield "bookings that a person gave to another host of a team", sum(c.action == "reassign" for c in history.changes)
    accepted = accepted_offers(history, books)
    fates = Counter(each.fate for each in accepted)
    yield "offered times that were accepted, and kept", fates[Fate.KEPT]
    for fate in (Fate.FASTER, Fate.OPEN, Fate.GONE):
        yield f"… {fate}", fates[fate]
    for cause in Cause:
        yield f"… … {cause}", sum(each.cause is cause for each in accepted)
    known = [each for each in accepted if each.cause is Cause.KNOWN]
    yield "… … … and offered as certain (untrue)", sum(each.is_certain for each in known)
    yield (
        "… of a team's hosts, gone or kept",
        sum(each.yes.tenant in books.teams and each.fate in (Fate.GONE, Fate.KEPT) for each in accepted),
    )
    yield "repetitions that booked again, since the first was changed meanwhile (known)", len(booked_again(history))
    yield "appointments", len(books.appointments)
    yield "… live in the end", sum(a.live for a in books.appointments)
    yield "bookings at Cal.com", len(books.bookings)
    yield (
        "faults",
        sum(not text.startswith(("SIGCONT", "Cal.com: no more")) and "is back" not in text for text in faults),
    )
    yield "… processes that ended by themselves", sum("ended by itself" in text for text in faults)
    yield "dead letters, all redriven", len(history.dead_letters)


def _cause(text: str) -> str:
    """Return a cause without ids and times, to count it."""
    return " ".join("…" if any(c.isdigit() for c in word) or len(word) > 25 else word for word in text.split())[:200]


def explain(history: History, books: Books, violation: Violation) -> list[str]:
    """Return everything about a violation's subject in order: appointment, its calls, its bookings."""
    if not violation.subject:
        return []
    words, tenant = {violation.subject}, violation.tenant
    rows = [a for a in books.appointments if a.tenant == tenant and words & {a.id, a.call_id, a.external_id}]
    words |= {word for a in rows for word in (a.id, a.call_id, a.external_id) if word}
    bookings = [b for b in books.bookings if b.tenant == tenant]
    for _ in bookings:
        more = {b.uid for b in bookings if words & {b.uid, b.request_id, b.moved_from}}
        more |= {b.moved_from for b in bookings if b.uid in words and b.moved_from}
        if more <= words:
            break
        words |= more
    lines = history.lines_about(tenant, words, *_span(history, tenant, words))
    return [*lines, *(str(a) for a in rows), *(str(b) for b in bookings if b.uid in words)]


def _span(history: History, tenant: str, words: set[str]) -> tuple[float, float]:
    """Return when something happened to it, so that only faults of that time are printed."""
    times = [
        a.asked_at
        for a in history.answers
        if a.tenant == tenant and (a.call_id in words or words & {str(v) for v in a.args.values()})
    ]
    times += [
        d.sent_at for d in history.deliveries if d.tenant == tenant and any(word.encode() in d.body for word in words)
    ]
    times += [c.began_at for c in history.changes if c.tenant == tenant and words & {c.uid, c.new_uid}]
    return (min(times), min(max(times), min(times) + 120)) if times else (FOREVER, 0.0)
