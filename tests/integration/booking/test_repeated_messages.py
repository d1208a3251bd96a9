"""Messages of callers: each is stored once and within bounds, also if a model sends several at once."""

import asyncio

import pytest
from msgspec.structs import replace

from askproai_runtime.conversation.messages import MESSAGES_PER_CALL, MESSAGES_PER_HOUR
from tests.worlds.booking_environment import Salon, call, leave_message

ARGS = {"message": "Ich komme zehn Minuten später.", "customer_name": "Petra Müller"}
NAMES = ("Otto Lange", "Mia Kurz", "Ben Schröder")
HANNA = {"mehmet": "Hanna"}  # a name that sounds like that of the other staff member
STORED = "SELECT * FROM messages ORDER BY created_at"


async def test_repeated_message_is_stored_once(salon: Salon) -> None:
    first = await leave_message(salon.booking, call(), ARGS)
    again = await leave_message(salon.booking, call(), ARGS | {"message": "ich komme zehn Minuten später"})
    assert first.fields == again.fields
    both = await asyncio.gather(*(leave_message(salon.booking, call("call_2"), ARGS) for _ in range(5)))
    assert len({answer.fields["message_id"] for answer in both}) == 1
    assert len(await salon.rows(STORED)) == 2


async def test_messages_per_call_and_number_are_limited(salon: Salon) -> None:
    for number in range(MESSAGES_PER_CALL):
        args = {"message": f"Nummer {number}", "customer_name": NAMES[number]}
        assert (await leave_message(salon.booking, call(), args)).success
    refused = await leave_message(salon.booking, call(), ARGS | {"message": "noch eine"})
    assert (refused.success, "nicht notiert" in refused.message) == (False, True)
    assert (await leave_message(salon.booking, call(), {"message": "Nummer 0", "customer_name": NAMES[0]})).success
    answers = [await leave_message(salon.booking, call(f"call_{n}x"), ARGS) for n in range(MESSAGES_PER_HOUR)]
    assert sum(answer.success for answer in answers) == MESSAGES_PER_HOUR - MESSAGES_PER_CALL
    assert (await leave_message(salon.booking, call("call_other", "+4915100000000"), ARGS)).success


async def test_concurrent_messages_of_several_people_are_stored(salon: Salon) -> None:
    names = ("Petra Müller", "Otto Kurz", "Mia Braun")
    answers = await asyncio.gather(
        *(leave_message(salon.booking, call(), ARGS | {"customer_name": name}) for name in names)
    )
    assert all(answer.success for answer in answers)
    assert {row["name"] for row in await salon.rows(STORED)} == set(names)


async def test_concurrent_messages_of_one_person_are_stored_once(salon: Salon) -> None:
    texts = [ARGS["message"], "Bitte den Spiegel mitbringen."]
    both = await asyncio.gather(*(leave_message(salon.booking, call(), ARGS | {"message": text}) for text in texts))
    assert len({answer.fields["message_id"] for answer in both}) == 1
    (row,) = await salon.rows(STORED)
    assert all(text in row["text"] for text in texts)


@pytest.mark.parametrize(
    ("second", "is_one"), [("Annah", True), ("Hanna", False), ("Mehmet", False), ("Frau Kurz", False)]
)
async def test_same_text_for_misheard_recipient_is_stored_once(salon: Salon, second: str, is_one: bool) -> None:
    config = salon.configs[-1]
    (branch, *others) = config.branches
    staff = tuple(replace(each, display_name=HANNA.get(each.id, each.display_name)) for each in branch.staff)
    salon.apply_config(replace(config, branches=(replace(branch, staff=staff), *others)))
    for recipient in ("Anna", second):
        assert (await leave_message(salon.booking, call(), ARGS | {"recipient": recipient})).success
    assert len(await salon.rows(STORED)) == 1 + (not is_one)
