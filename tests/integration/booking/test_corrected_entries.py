"""A second request for the waiting list in one call corrects the first one, or adds an entry, and the answer says which."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from askproai_runtime.conversation.types import Answer
from tests.worlds.booking_environment import Salon, call, join_waitlist
from tests.worlds.full_calendar import nothing_free
from tests.worlds.waitlist_environment import FIRST, FRIDAY, SECOND, wait

pytestmark = pytest.mark.nightly
EVA = {"customer_name": "Eva Kowalski"}
THURSDAY = {"date": "2026-11-26"}
REQUESTED = {"26.": "Donnerstag, den 26. November", "27.": "Freitag, den 27. November"}


async def ask(salon: Salon, said: str | None, call_id: str = "call_1", **args: Any) -> Answer:
    """Ask for an entry after the caller has said these words about the last one, a line each; None: without a transcript."""
    heard = () if said is None else tuple(said.splitlines())
    spoken = replace(
        call(call_id, FIRST), said_since=said, said_since_joining=heard, replies=None if said is None else {}
    )
    async with nothing_free(salon):
        return await join_waitlist(salon.booking, spoken, FRIDAY | args)


async def waiting(salon: Salon) -> list[tuple[str, str]]:
    """Return the name and the day of each waiting entry."""
    rows = await salon.rows("SELECT name, requested FROM waitlist WHERE state = 'waiting' ORDER BY name, since")
    days = {requested: day for day, requested in REQUESTED.items()}
    return [(row["name"], days.get(row["requested"], row["requested"])) for row in rows]


@pytest.mark.parametrize(
    ("said", "args"),
    [
        ("Nein, Ewa mit w, Kowalska mit a am Ende.", {"customer_name": "Ewa Kowalska", "choice": "rename"}),
        ("Nein, Ewa mit w, Kowalska mit a am Ende.", {"customer_name": "Ewa Kowalska"}),
        ("Kowalska, mit a.", {"customer_name": "Eva Kowalska", "choice": "rename"}),
        ("Das schreibt man mit w.", {"customer_name": "Ewa Kowalski"}),
        ("No, it's spelled Kowalsky, with a y.", {"customer_name": "Eva Kowalsky"}),
        ("Nein, nicht Eva Kowalski, Otto Kurz.", {"customer_name": "Otto Kurz"}),
        ("Nein, auf den Namen Otto Kurz bitte.", {"customer_name": "Otto Kurz"}),
        ("Sorry, the name is Otto Kurz.", {"customer_name": "Otto Kurz"}),
        ("Ich heiße Otto Kurz.", {"customer_name": "Otto Kurz", "choice": "rename"}),
        (None, {"customer_name": "Ewa Kowalska", "choice": "rename"}),
        ("Ewa, mit w.", {"customer_name": "Ewa Kowalski"}),
        ("Da haben Sie sich verhört, Ewa Kowalska.", {"customer_name": "Ewa Kowalska"}),
        ("Kowalska, nicht Kowalski.", {"customer_name": "Eva Kowalska"}),
        ("Eva Kowalsky with y, please.", {"customer_name": "Eva Kowalsky"}),
        ("Eva Kowalsky, not Kowalski.", {"customer_name": "Eva Kowalsky"}),
    ],
)  # fmt: skip
async def test_corrected_name_renames_waiting_list_entry(salon: Salon, said: str | None, args: dict[str, str]) -> None:
    first = await ask(salon, None, **EVA)
    (before,) = await salon.rows("SELECT created_at FROM waitlist")
    for number in range(2):
        again = await ask(salon, said, **args)
        assert (again.success, again.fields["waitlist_id"]) == (True, first.fields["waitlist_id"]), again
        assert (f"Den Namen habe ich geändert: {args['customer_name']}." in again.message) is (number == 0)
        assert await waiting(salon) == [(args["customer_name"], "27.")]
    assert await salon.rows("SELECT created_at FROM waitlist") == [before]


@pytest.mark.parametrize(
    ("said", "args"),
    [
        ("Und meinen Mann bitte auch, Otto Kurz.", {"customer_name": "Otto Kurz"}),
        ("Und meinen Mann bitte auch, Otto Kurz.", {"customer_name": "Otto Kurz", "choice": "rename"}),
        ("Nein danke. Mein Mann möchte warten, Otto Kurz.", {"customer_name": "Otto Kurz"}),
        ("No, but my husband wants to wait, Otto Kurz.", {"customer_name": "Otto Kurz"}),
        ("Otto Kowalski, bitte.", {"customer_name": "Otto Kowalski"}),
        (None, {"customer_name": "Otto Kurz"}),
        (None, {"customer_name": "Otto Kurz", "choice": "rename"}),
        ("Entschuldigung, meine Frau Anna Kurz.", {"customer_name": "Anna Kurz"}),
        ("Mein Mann heißt Otto Kurz.", {"customer_name": "Otto Kurz", "choice": "rename"}),
    ],
)  # fmt: skip
async def test_second_person_gets_own_waiting_list_entry(salon: Salon, said: str | None, args: dict[str, str]) -> None:
    await ask(salon, None, **EVA)
    answer = await ask(salon, said, **args)
    assert (answer.success, "Namen" in answer.message, "Platz" in answer.message) == (True, False, False), answer
    assert await waiting(salon) == sorted([("Eva Kowalski", "27."), (args["customer_name"], "27.")])


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("Eva Kowalski", "Ewa Kowalska", "Und Ewa Kowalska auch."),
        ("Petra Lange", "Peter Lange", "Mein Mann Peter möchte mit auf die Liste."),
        ("Petra Lange", "Peter Lange", "Jetzt für Peter Lange, mein Mann kommt mit."),
        ("Petra Lange", "Peter Lange", "Nein, mein Mann Peter Lange."),
        ("Petra Lange", "Peter Lange", "Was kostet das?\nNein, Peter Lange."),
        ("Petra Lange", "Petra Langer", "Für meine Mutter Petra Langer bitte, der Name ist mit r am Ende."),
        ("Martin Kurz", "Martina Kurz", "Martina Kurz will mit auf die Liste, ihr Name ist Martina Kurz."),
        ("Lena Weber", "Lea Weber", "Die zweite heißt Lea Weber."),
        ("Lena Weber", "Lea Weber", "Jetzt die Schwester, die kommt mit ihr. Lea Weber heißt sie."),
        ("Jan Kurz", "Jana Kurz", "Setzen Sie Jana Kurz mit drauf."),
        ("Jan Kurz", "Jana Kurz", "Entschuldigung, Jana Kurz."),
        ("Jan Kurz", "Jana Kurz", "Schreiben Sie Jana Kurz auf, ohne Termin."),
        ("Jan Kurz", "Jana Kurz", "My daughter Jana, spelled with an a."),
        ("Jan Kurz", "Jana Kurz", "Jana Kurz comes with a friend."),
    ],
)  # fmt: skip
async def test_alike_name_without_a_correction_is_asked_about(salon: Salon, first: str, second: str, said: str) -> None:
    await ask(salon, None, customer_name=first)
    asked = await ask(salon, said, customer_name=second)
    assert (asked.success, asked.fields["choices"]) == (False, ["rename", "further"])
    assert await waiting(salon) == [(first, "27.")]


@pytest.mark.parametrize(
    ("said", "args"),
    [
        ("Quatsch, Donnerstag meine ich, nicht Freitag.", {"date": "Donnerstag, nicht Freitag"}),
        ("Quatsch, Donnerstag meine ich, nicht Freitag.", THURSDAY),
        ("Nicht Freitag.", THURSDAY),
        ("Freitag kann ich nicht, Donnerstag ginge.", THURSDAY),
        ("Hm.", {"date": "Donnerstag statt Freitag"}),
        ("Ach, doch lieber Donnerstag.", THURSDAY),
        ("Können Sie mich lieber für Donnerstag eintragen?", THURSDAY),
        ("Nein, Donnerstag.", THURSDAY),
        ("Nee, Donnerstag habe ich gesagt.", THURSDAY),
        ("Moment, ich habe mich vertan, es ist der Donnerstag.", THURSDAY),
        ("Streichen Sie den Freitag, Donnerstag ist besser.", THURSDAY),
        ("Den Freitag brauche ich dann nicht mehr.", THURSDAY),
        ("Thursday, not Friday.", THURSDAY),
        ("Actually, make it Thursday instead.", THURSDAY),
        ("I'd rather have Thursday.", THURSDAY),
        ("Friday doesn't work after all, Thursday.", THURSDAY),
        ("Lieber Donnerstag als Freitag.", THURSDAY),
        ("Sorry, I meant Thursday.", THURSDAY),
        ("Ja.", THURSDAY | {"choice": "move"}),
        ("Entschuldigung, nein, Donnerstag.", THURSDAY),
        ("Halt, nicht Freitag, Donnerstag.", THURSDAY),
        ("Ich meine Donnerstag, nicht Freitag.", THURSDAY),
        ("Was kostet das?\nQuatsch, Donnerstag.", THURSDAY),
        ("Nein, Donnerstag.\nJa, trotzdem auf die Warteliste.", THURSDAY),
    ],
)  # fmt: skip
async def test_rejected_time_moves_the_waiting_list_entry(salon: Salon, said: str, args: dict[str, str]) -> None:
    first = await ask(salon, None)
    for _ in range(2):
        answer = await ask(salon, said, **args)
        assert answer.success, answer
        assert answer.message.startswith(
            "Der Platz auf der Warteliste ist gestrichen: Haarschnitt, Freitag, den 27. November. Sie stehen"
        )
        assert f"für Haarschnitt: {REQUESTED['26.']}." in answer.message
        assert await waiting(salon) == [("Petra Müller", "26.")]
    assert answer.fields["waitlist_id"] != first.fields["waitlist_id"]


@pytest.mark.parametrize(
    ("said", "args"),
    [
        ("Donnerstag, bitte.", THURSDAY),
        ("Und Donnerstag auch.", THURSDAY),
        ("Nein, Donnerstag auch noch.", THURSDAY),
        ("Nicht nur Freitag, auch Donnerstag.", THURSDAY),
        ("Donnerstag wäre mir lieber, aber Freitag bleibt.", THURSDAY),
        ("Freitag wäre mir lieber, aber Donnerstag geht zur Not.", THURSDAY),
        ("And Thursday, in case Friday doesn't work.", THURSDAY),
        ("Nein danke. Tragen Sie mich für Donnerstag ein.", THURSDAY),
        ("Quatsch, Donnerstag meine ich, nicht Freitag.", THURSDAY | {"choice": "further"}),
        ("Actually, put me down for Thursday as well.", THURSDAY),
        ("Could I wait for Thursday, too?", THURSDAY),
        (None, THURSDAY),
        (None, {"date": "Donnerstag, nicht Freitag"}),
        ("Kann ich für Donnerstag da auch stehen?\nNein, Donnerstag bitte auf die Warteliste.", THURSDAY),
        ("Schreiben Sie mich für Donnerstag dazu.\nNein, ich möchte am Donnerstag auf die Liste.", THURSDAY),
        ("Und Donnerstag bitte.\nNee, lieber auf die Warteliste.", THURSDAY),
        ("Geht denn Donnerstag?\nNein, Donnerstag bitte auf die Warteliste.", THURSDAY),
        ("Geht denn Donnerstag?\nStattdessen bitte auf die Warteliste.", THURSDAY),
        ("Geht denn Donnerstag?\nNein, ich sagte doch: Donnerstag auf die Warteliste.", THURSDAY),
        ("Geht denn Donnerstag?\nLieber warten, am Donnerstag.", THURSDAY),
        ("Geht denn Donnerstag?\nDie erste ist zu früh, die andere passt nicht.", THURSDAY),
        ("Entschuldigung, können Sie mich für Donnerstag ebenfalls eintragen?", THURSDAY),
        ("Donnerstag würde ich ebenfalls nehmen, das habe ich vorhin vergessen. Entschuldigung.", THURSDAY),
        ("Oh, Entschuldigung, und Donnerstag.", THURSDAY),
        ("Halt, Donnerstag.", THURSDAY),
        ("Moment, Donnerstag ginge notfalls genauso.", THURSDAY),
        ("Verzeihung, Donnerstag passt mir genauso gut.", THURSDAY),
        ("Ich meine, Donnerstag ginge ja.", THURSDAY),
        ("Doppelt hält besser, tragen Sie mich für Donnerstag ein.", THURSDAY),
        ("Am Donnerstag könnte ich. Ändern Sie dafür bitte nichts am Freitag.", THURSDAY),
        ("Alternativ lieber Donnerstag.", THURSDAY),
        ("Nein, aber Donnerstag würde mir passen.", THURSDAY),
        ("Nee, Donnerstag vorsichtshalber als Ausweichtag.", THURSDAY),
        ("Sorry, could you put me down for Thursday likewise?", THURSDAY),
        ("Actually, Thursday works for me as an alternative.", THURSDAY),
        ("I'd rather have more options, Thursday.", THURSDAY),
        ("Sorry, I forgot: Thursday is fine.", THURSDAY),
        ("Is Thursday free?\nNo, put me on the waiting list for Thursday instead.", THURSDAY),
        ("Wait, Thursday would work for me.", THURSDAY),
        ("I mean, Thursday would be a good back-up.", THURSDAY),
        ("Nein, alles gut. Donnerstag würde mir passen.", THURSDAY),
    ],
)  # fmt: skip
async def test_additional_time_leaves_the_former_waiting_list_entry(
    salon: Salon, said: str | None, args: dict[str, str]
) -> None:
    first = await ask(salon, None)
    for _ in range(2):
        answer = await ask(salon, said, **args)
        assert answer.success, answer
        assert answer.message.endswith(
            "Der frühere Platz auf der Warteliste bleibt: Haarschnitt, Freitag, den 27. November."
        )
        assert [each["waitlist_id"] for each in answer.fields["waiting"]] == [first.fields["waitlist_id"]]
        assert await waiting(salon) == [("Petra Müller", "26."), ("Petra Müller", "27.")]


async def test_later_objection_removes_the_earlier_waiting_list_entry(salon: Salon) -> None:
    await ask(salon, None)
    await ask(salon, "Donnerstag, bitte.", **THURSDAY)
    objected = await ask(salon, "Den Freitag können Sie streichen.", **THURSDAY)
    assert objected.message.startswith("Der Platz auf der Warteliste ist gestrichen: Haarschnitt, Freitag")
    assert await waiting(salon) == [("Petra Müller", "26.")]


async def test_objection_removes_only_the_rejected_waitlist_entry(salon: Salon) -> None:
    for day in ("2026-11-27", "2026-11-25"):
        await ask(salon, "Und der auch.", date=day)
    answer = await ask(salon, "Nicht Freitag, Donnerstag.", **THURSDAY)
    assert "gestrichen: Haarschnitt, Freitag, den 27. November." in answer.message
    assert answer.message.endswith("bleibt: Haarschnitt, Mittwoch, den 25. November.")
    assert [day for _, day in await waiting(salon)] == ["Mittwoch, den 25. November", "26."]


async def test_corrected_hour_changes_the_waitlist_entry(salon: Salon) -> None:
    await ask(salon, None, time="ab 15 Uhr")
    await ask(salon, "Quatsch, ab 14 Uhr.", time="ab 14 Uhr")
    assert [requested for _, requested in await waiting(salon)] == ["Freitag, den 27. November, ab 14 Uhr"]


async def test_correction_leaves_entries_of_other_calls_unchanged(salon: Salon) -> None:
    await ask(salon, None, "call_0")
    answer = await ask(salon, "Nicht Freitag, Donnerstag.", **THURSDAY)
    assert (answer.success, "Platz" in answer.message) == (True, False)
    await ask(salon, "Nein, Otto Kurz.", "call_2", customer_name="Otto Kurz", **THURSDAY)
    assert await waiting(salon) == [("Otto Kurz", "26."), ("Petra Müller", "26."), ("Petra Müller", "27.")]


async def test_caller_at_the_entry_limit_can_correct_entries(salon: Salon) -> None:
    for day in ("2026-11-24", "2026-11-25"):
        await wait(salon, FIRST, date=day)
    await ask(salon, None)
    assert (await ask(salon, "Nicht Freitag, Donnerstag.", **THURSDAY)).success
    assert not (await ask(salon, "Und Samstag auch.", date="2026-11-28")).success
    assert len(await waiting(salon)) == 3


async def test_correcting_a_waitlist_entry_withdraws_its_open_offer(salon: Salon) -> None:
    first = await ask(salon, None)
    await salon.rows(
        """INSERT INTO waitlist_offers (tenant, entry_id, freed_id, staff, starts_at, ends_at, expires_at)
           SELECT tenant, id, 1, 'anna', since, until, until FROM waitlist WHERE id = $1""",
        UUID(first.fields["waitlist_id"]),
    )
    await ask(salon, "Nicht Freitag, Donnerstag.", **THURSDAY)
    assert [row["state"] for row in await salon.rows("SELECT state FROM waitlist_offers")] == ["withdrawn"]


async def test_waiting_list_entry_of_another_number_stays(salon: Salon) -> None:
    await ask(salon, None)
    answer = await ask(salon, "Nicht Freitag, Donnerstag.", phone=SECOND, **THURSDAY)
    assert (answer.success, "gestrichen" in answer.message) == (True, False)
