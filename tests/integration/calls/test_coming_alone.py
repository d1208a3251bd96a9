"""A time was offered to two people, and the booking names only one: the caller is asked once for the companion."""

from typing import Any

import pytest

from askproai_runtime.sentences import say
from tests.worlds.spoken_calls import CUT, SpokenCall, friday_at
from tests.worlds.tenant_pod import TenantPod

CHECK, BOOK = "check_availability", "book_appointment"
PETRA, OTTO = "Petra Lange", "Otto Kurz"
ASKED = say().name_of_companion + say().or_alone


@pytest.fixture
async def call(call: SpokenCall) -> SpokenCall:
    """Two people were offered 14:00."""
    assert (await call.ask(CHECK, friday_at(call.pod, companions=[{}])))["success"]
    return call


@pytest.mark.parametrize("more", [{}, {"companions": None}, {"companions": []}, {"companions": "nur ich"}])
async def test_caller_coming_alone_is_booked_after_the_question(call: SpokenCall, more: dict[str, Any]) -> None:
    call.say("Ja, um zwei.")
    assert (await call.ask(BOOK, friday_at(call.pod)))["message"] == ASKED
    call.say("Doch nur ich.")
    done = await call.ask(BOOK, friday_at(call.pod, **more))
    assert (done["success"], PETRA in done["message"]) == (True, True), done
    assert [each[3] for each in await call.live()] == [PETRA]


@pytest.mark.parametrize("said", ["Ja, das passt uns. Meine Schwester heißt Mia.", "Ja, um zwei."])
async def test_empty_companion_list_prompts_the_companion_question(call: SpokenCall, said: str) -> None:
    """A model that fills in each argument gives it."""
    call.say(said)
    assert (await call.ask(BOOK, friday_at(call.pod, companions=[])))["message"] == ASKED
    assert await call.live() == []


@pytest.mark.parametrize("more", [{}, {"companions": []}])
@pytest.mark.parametrize(
    "said", ["Nein, nur für mich.", "Doch nur ich.", "Mein Mann kommt doch nicht mit.", "Just me."]
)
async def test_caller_who_said_alone_is_booked_directly(call: SpokenCall, said: str, more: dict[str, Any]) -> None:
    call.say(said)
    assert (await call.ask(BOOK, friday_at(call.pod, **more)))["success"]
    assert [each[3] for each in await call.live()] == [PETRA]


@pytest.mark.parametrize("companion", [{}, "unbekannt", "Gast", "meine Frau", "eine Freundin", "my wife", "N.N."])
@pytest.mark.parametrize("kept", [True, False])
async def test_an_unnamed_companion_is_asked_for_once(
    call: SpokenCall, companion: str | dict[str, str], kept: bool
) -> None:
    """The person comes all the same, whether or not the next request still has one; without one it is asked whether alone."""
    call.say("Ja, um zwei, für uns beide.")
    wanted = friday_at(call.pod, companions=[companion])
    is_nameless = companion in ({}, "unbekannt")
    assert (await call.ask(BOOK, wanted))["message"] == (ASKED if is_nameless else say().name_of_companion)
    call.say("Weiß ich noch nicht.")
    if not kept:
        assert (await call.ask(BOOK, friday_at(call.pod, companions=[])))["message"] == ASKED
        call.say("Nein, zu zweit.")
    for begins in ("Die Termine sind eingetragen", "Die Termine stehen schon"):
        done = await call.ask(BOOK, wanted)
        assert (done["success"], done["message"].startswith(begins)) == (True, True), done
    assert sorted(each[3] for each in await call.live()) == ["Gast von Lange", PETRA]


@pytest.mark.parametrize("more", [{}, {"companions": []}])
@pytest.mark.parametrize(
    ("said", "is_said"),
    [
        ("Otto.", True),
        ("Nicht allein, mit Otto.", True),
        ("Ohne Otto geht's nicht.", True),
        ("Nein, mein Mann kommt mit.", True),
        ("Otto hat keine Zeit.", True),
        ("Ja, allein.", False),
        ("Mein Mann kommt doch nicht mit.", False),
    ],
)
async def test_left_out_companion_is_mentioned_in_the_answer(
    call: SpokenCall, more: dict[str, Any], said: str, *, is_said: bool
) -> None:
    call.say("Ja, um zwei.")
    assert (await call.ask(BOOK, friday_at(call.pod, **more)))["message"] == ASKED
    call.say(said)
    done = await call.ask(BOOK, friday_at(call.pod, **more))
    assert (done["success"], say().only_this_one in done["message"]) == (True, is_said), done
    assert [each[3] for each in await call.live()] == [PETRA]


@pytest.mark.parametrize("more", [{}, {"companions": []}])
async def test_booking_at_another_time_asks_for_the_companion(call: SpokenCall, more: dict[str, Any]) -> None:
    call.say("Lieber um vier.")
    assert (await call.ask(BOOK, friday_at(call.pod, "16:00", **more)))["message"] == ASKED
    assert await call.live() == []


@pytest.mark.parametrize("more", [{}, {"companions": []}])
async def test_companion_of_earlier_request_is_asked_for(call: SpokenCall, more: dict[str, Any]) -> None:
    alone = SpokenCall(call.pod)
    alone.say("Für mich und Otto Kurz, petra.lange@web.de.")
    both = {"companions": [{"customer_name": OTTO}], "email": "petra.lange@web.de"}
    assert not (await alone.ask(BOOK, friday_at(call.pod, "16:00", **both)))["success"]
    alone.say("Ja, stimmt.")
    asked = await alone.ask(BOOK, friday_at(call.pod, "16:00", email="petra.lange@web.de", **more))
    assert asked["message"] == ASKED
    assert await alone.live() == []


@pytest.mark.parametrize("listed", [PETRA, "Petra"])
async def test_caller_listed_as_companion_is_booked_once(call: SpokenCall, listed: str) -> None:
    call.say("Ja, für mich und Otto Kurz.")
    people = [{"customer_name": listed}, {"customer_name": OTTO}]
    assert (await call.ask(BOOK, friday_at(call.pod, companions=people)))["success"]
    assert sorted(each[3] for each in await call.live()) == [OTTO, PETRA]


async def test_several_unnamed_guests_are_numbered(call: SpokenCall) -> None:
    call.say("Wir kommen zu dritt.")
    wanted = friday_at(call.pod, "12:00", companions=["Gast", "unbekannt"])
    assert (await call.ask(BOOK, wanted))["message"] == say().names_of_companions
    call.say("Weiß ich nicht.")
    for _ in range(2):  # they are offered times one after the other
        done = await call.ask(BOOK, wanted)
    assert done["success"], done
    assert sorted(each[3] for each in await call.live()) == ["Gast von Lange 1", "Gast von Lange 2", PETRA]


async def test_a_named_companion_is_booked(call: SpokenCall) -> None:
    call.say("Ja, um zwei.")
    assert (await call.ask(BOOK, friday_at(call.pod)))["message"] == ASKED
    call.say(OTTO)
    assert (await call.ask(BOOK, friday_at(call.pod, companions=[{"customer_name": OTTO}])))["success"]
    assert sorted(each[3] for each in await call.live()) == [OTTO, PETRA]


async def test_unanswered_companion_question_is_repeated(call: SpokenCall) -> None:
    call.say("Ja, um zwei.")
    for _ in range(2):
        assert (await call.ask(BOOK, friday_at(call.pod)))["message"] == ASKED
    assert await call.live() == []


FILLED = {"customer_name": "", "service": "", "staff": ""}
NAMELESS: list[Any] = [
    FILLED, {}, {"customer_name": None}, {"service": CUT}, {"customer_name": "", "service": CUT, "staff": ""}, {"staff": "Anna"},
    "unbekannt",
]  # fmt: skip


@pytest.mark.parametrize("companion", [*NAMELESS, {"customer_name": PETRA}, {"customer_name": "Petra"}])
@pytest.mark.parametrize("said", ["Haarschnitt am Freitag um zwei.", "Machen wir Freitag um 2, seit 3 Tagen juckt es."])
async def test_companion_without_name_adds_no_appointment(spoken_salon: TenantPod, companion: Any, said: str) -> None:
    """A model fills in the whole schema: nobody has spoken of another person."""
    call = SpokenCall(spoken_salon)
    call.say(f"{said} Petra Lange.")
    wanted = friday_at(call.pod, companions=[companion])
    found = await call.ask(CHECK, wanted)
    assert found["success"]
    assert companion not in NAMELESS or not found["slots"][0].get("companions")
    assert (await call.ask(BOOK, wanted))["success"]
    assert [each[3] for each in await call.live()] == [PETRA]


@pytest.mark.parametrize("said", ["Ich komme allein.", "Nein, nur einen Termin.", "Niemand sonst.", "Just me."])
async def test_caller_deciding_to_come_alone_is_booked_alone(spoken_salon: TenantPod, said: str) -> None:
    call = SpokenCall(spoken_salon)
    call.say("Freitag um zwei für meine Frau und mich, Petra Lange.")
    wanted = friday_at(call.pod, companions=[FILLED])
    assert (await call.ask(BOOK, wanted))["message"] == ASKED
    call.say(said)
    assert (await call.ask(BOOK, wanted))["success"]
    assert [each[3] for each in await call.live()] == [PETRA]


COMPANY = [
    "Mein Verlobter will auch.", "Meine Lebensgefährtin kommt mit.", "Mein Schwager auch.", "Ein Bekannter kommt dazu.",
    "Julia auch.", "Ich komme mit Otto.", "Für Petra und Julia.", "Wir kommen zusammen.", "A mate of mine wants the same.",
    "My fiancé wants one, too.", "Für Otto und mich.", "Otto auch.", "Der Kleine auch.", "Otto and me.",
]  # fmt: skip


@pytest.mark.parametrize("said", COMPANY)
async def test_words_of_company_prompt_the_company_question(spoken_salon: TenantPod, said: str) -> None:
    call = SpokenCall(spoken_salon)
    call.say(f"Haarschnitt am Freitag um zwei, Petra Lange. {said}")
    assert (await call.ask(BOOK, friday_at(call.pod, companions=[FILLED])))["message"] == say().anybody_along
    assert await call.live() == []


@pytest.mark.parametrize("companion", [FILLED, {}, {"service": CUT}])
@pytest.mark.parametrize(
    ("said", "people"),
    [
        ("Für meine zwei Söhne.", 2), ("Mein Mann will auch gleich mit.", 2), ("Mein Sohn und meine Tochter.", 2),
        ("For my two sons.", 2), ("Für meine Mutter.", 1), ("Mein Sohn braucht einen Haarschnitt.", 1),
    ],
)  # fmt: skip
async def test_a_search_is_for_the_people_who_come(
    spoken_salon: TenantPod, said: str, people: int, companion: dict[str, str]
) -> None:
    call = SpokenCall(spoken_salon)
    call.say(f"Haarschnitt am Freitag um zwei. {said}")
    found = await call.ask("check_availability", friday_at(call.pod, companions=[companion]))
    assert 1 + len(found["slots"][0].get("companions", ())) == people, found["message"]


@pytest.mark.parametrize("companion", [FILLED, {"service": CUT}])
@pytest.mark.parametrize(
    "said",
    [
        "Nein.", "Wie, welchen anderen?", "Wie bitte?", "Petra Lange.", "Keinen anderen.", "Na auf meinen.", "Nur meinen.",
        "Kein anderer, nur der eine.", "Just mine.", "Bitte tragen Sie ihn ein.",
    ],
)  # fmt: skip
async def test_everyday_word_books_no_guest(spoken_salon: TenantPod, said: str, companion: dict[str, Any]) -> None:
    """ "Uns" may be of two people: the caller is asked, and an answer without company leaves one person."""
    call = SpokenCall(spoken_salon)
    call.say("Freitag um zwei passt uns, Petra Lange.")
    wanted = friday_at(call.pod, companions=[companion])
    assert (await call.ask(BOOK, wanted))["message"] == say().anybody_along
    call.say(said)
    assert (await call.ask(BOOK, wanted))["success"]
    assert [each[3] for each in await call.live()] == [PETRA]


@pytest.mark.parametrize("said", ["Ja.", "Ja, mein Mann.", "Zwei.", "Und mein Mann."])
async def test_affirmed_companion_is_asked_for_by_name(spoken_salon: TenantPod, said: str) -> None:
    call = SpokenCall(spoken_salon)
    call.say("Freitag um zwei passt uns, Petra Lange.")
    wanted = friday_at(call.pod, companions=[FILLED])
    assert (await call.ask(BOOK, wanted))["message"] == say().anybody_along
    call.say(said)
    assert (await call.ask(BOOK, wanted))["message"] == say().name_of_companion
    call.say("Weiß ich noch nicht.")
    assert (await call.ask(BOOK, wanted))["success"]
    assert sorted(each[3] for each in await call.live()) == ["Gast von Lange", PETRA]


@pytest.mark.parametrize(
    "said", ["Haarschnitt für zwei", "Zweimal Haarschnitt", "Otto und ich kommen", "Haircut for two", "2 Haarschnitte"]
)
@pytest.mark.parametrize("companion", [FILLED, {}, {"service": CUT}])
async def test_second_person_is_never_dropped(spoken_salon: TenantPod, said: str, companion: dict[str, Any]) -> None:
    call = SpokenCall(spoken_salon)
    call.say(f"{said} am Freitag um zwei, Petra Lange.")
    blank = {"phone": "", "email": "", "notes": ""}  # the model fills in the whole schema
    assert len((await call.ask(CHECK, friday_at(call.pod, companions=[companion])))["slots"][0]["companions"]) == 1
    assert (await call.ask(BOOK, friday_at(call.pod, companions=[companion], **blank)))["message"] == ASKED
    assert await call.live() == []


OF_ONE_NAME = say().several_of_one_name.format(count=2, name=PETRA)


@pytest.mark.parametrize("companion", [{"staff": "Mehmet"}, {"service": "Haarschnitt"}])
@pytest.mark.parametrize(
    ("said", "booked"),
    [
        ("Nur einen.", 1), ("Einen.", 1), ("Nein, einen.", 1), ("Einer reicht, danke.", 1), ("Just one, please.", 1), ("Nein.", 1),
        ("Ja, zwei bitte.", 2), ("Beide.", 2), ("Ja.", 2), ("Nein, zwei.", 2), ("Yes, both, please.", 2),
    ],
)  # fmt: skip
async def test_caller_says_how_many_people_share_a_name(
    spoken_salon: TenantPod, companion: dict[str, str], said: str, booked: int
) -> None:
    call = SpokenCall(spoken_salon)
    call.say("Freitag um zwei einen Haarschnitt, Petra Lange.")
    twice = friday_at(call.pod, staff="Anna", companions=[{"customer_name": PETRA, "staff": "Mehmet"} | companion])
    assert (await call.ask(BOOK, twice))["message"] == OF_ONE_NAME
    call.say(said)
    done = await call.ask(BOOK, twice)
    assert done["success"], done
    assert len(await call.live()) == booked


async def test_single_appointment_is_not_asked_about_again(spoken_salon: TenantPod) -> None:
    call = SpokenCall(spoken_salon)
    twice = friday_at(call.pod, companions=[{"customer_name": PETRA, "staff": "Mehmet"}])
    assert (await call.ask(BOOK, twice))["message"] == OF_ONE_NAME
    call.say("Einer reicht.")
    assert (await call.ask(BOOK, friday_at(call.pod)))["success"]
    assert [each[3] for each in await call.live()] == [PETRA]


@pytest.mark.parametrize("said", ["Einen für mich und einen für meinen Sohn.", "Nicht zwei?", "Was kostet das?", "Hm."])
async def test_unclear_number_of_people_repeats_companion_question(spoken_salon: TenantPod, said: str) -> None:
    call = SpokenCall(spoken_salon)
    twice = friday_at(call.pod, staff="Anna", companions=[{"customer_name": PETRA, "staff": "Mehmet"}])
    assert (await call.ask(BOOK, twice))["message"] == OF_ONE_NAME
    for words in (said, "Ja."):  # a yes to another question
        call.say(words)
        assert (await call.ask(BOOK, twice))["message"] == ASKED
    assert await call.live() == []
    call.say("Ich komme allein.")
    assert (await call.ask(BOOK, twice))["success"]
    assert [each[3] for each in await call.live()] == [PETRA]
