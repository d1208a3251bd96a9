"""A call-back at a time at which the business is closed: by its hours, its holidays, and whichever reading is meant."""

from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import structs

from askproai_runtime.conversation.messages import is_closed_then, understand_call_back
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

BERLIN = ZoneInfo("Europe/Berlin")
FRIDAY = datetime(2026, 11, 20, 8, tzinfo=BERLIN)
(BRANCH,) = salon_config().branches  # open from Tuesday to Friday until 18:00, on Saturday until 14:00


@each_row(("said", "closed"), [
    ("Sonntag", True), ("on Sunday", True), ("heute 22 Uhr", True), ("heute Abend nach 20 Uhr", True), ("Sonntag um 10 Uhr", True),
    ("am Samstag um 14 Uhr", True), ("morgen zwischen 7 und 8 Uhr", True), ("Sonntag oder Montag", True), ("sonntags", True),
    ("werktags nach 18 Uhr", True), ("am Wochenende abends", True), ("am 25. Dezember um 10 Uhr", True), ("vor 9 Uhr", True),
    ("morgen", False), ("heute um 15 Uhr", False), ("am Wochenende", False), ("um neun", False), ("ab Sonntag", False),
    ("nicht am Sonntag", False), ("egal wann", False), ("Sonntag oder Dienstag", False), ("werktags nach 17 Uhr", False),
    ("wenn die Chefin wieder da ist", False), ("ja", False), ("dienstags", False),
])  # fmt: skip
def test_callback_time_outside_opening_hours_is_closed(said: str, closed: bool) -> None:
    call_back = understand_call_back(said, FRIDAY, BERLIN)
    assert is_closed_then([call_back], BRANCH, BERLIN) is closed
    assert not is_closed_then([call_back], None, BERLIN)
    assert not is_closed_then([call_back], structs.replace(BRANCH, opening_hours=()), BERLIN)  # they are not known


@each_row(("said", "days"), [
    ("Montag oder Dienstag", (23, 25)), ("Montag, Dienstag oder Mittwoch", (23, 26)), ("Montag", (23, 24)),
    ("Montag oder Freitag", None), ("ja", None), ("wenn die Chefin wieder da ist", None),
])  # fmt: skip
def test_consecutive_days_are_one_callback_span(said: str, days: tuple[int, int] | None) -> None:
    starts, ends = understand_call_back(said, FRIDAY, BERLIN).span
    assert (starts and ends and (starts.day, ends.day)) == days
