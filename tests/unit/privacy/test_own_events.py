"""The stored events that belong to a caller."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from askproai_core.tenant_config.branches import PhoneNumber
from askproai_runtime.privacy.traces import StoredBody, own_events
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

CONFIG = salon_config()
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ZORA, OTHER = "+4915155500077", "+4915155500088"


def body(**call: Any) -> bytes:
    return msgspec.json.encode({"event": "call_ended", "call": {"call_id": "call_1", **call}})


def ms(minutes_ago: float) -> int:
    return int((NOW - timedelta(minutes=minutes_ago)).timestamp() * 1000)


OVER = {"start_timestamp": ms(20), "end_timestamp": ms(10)}


@each_row(
    ("source", "payload", "is_own", "is_reported"),
    [
        ("retell", body(from_number=ZORA, **OVER), True, True),
        ("retell", body(from_number="015155500077", **OVER), True, True),
        ("retell", body(from_number=OTHER, to_number=ZORA, direction="outbound", **OVER), True, True),
        ("retell", body(from_number=OTHER, transcript=f"ruft {ZORA} an", **OVER), False, False),
        ("retell", body(from_number=ZORA, start_timestamp=ms(20), end_timestamp=ms(-1)), False, False),
        ("retell", body(from_number=ZORA, start_timestamp=ms(20)), False, False),
        ("retell", body(from_number=ZORA, start_timestamp=ms(200)), True, True),
        ("retell", b"{broken " + ZORA.encode(), True, False),
        ("retell", b"{broken " + ZORA.encode() + b"0", False, False),
        ("calcom", b'{"phone": "' + ZORA.encode() + b'"}', True, False),
        ("calcom", b'{"phone": "00' + ZORA[1:].encode() + b'"}', True, False),
        ("calcom", b'{"phone": "' + ZORA.encode() + b'0"}', False, False),
        ("calcom", b'{"email": "zora@web.example"}', True, False),
        ("calcom", b'{"email": "kanzora@web.example"}', False, False),
        ("calcom", b'{"email": "zora@web.example.org"}', False, False),
        ("calcom", b'{"uid": "uid_of_zora"}', True, False),
    ],
)
def test_only_the_callers_own_events_are_found(source: str, payload: bytes, is_own: bool, is_reported: bool) -> None:
    found = [StoredBody(7, source, "call_1:call_ended", payload)]
    assert own_events(CONFIG, found, ZORA, [], NOW, ["uid_of_zora"], ["zora@web.example"]) == (
        [7] if is_own else [],
        {"call_1"} if is_reported else set(),
    )


def test_event_of_a_known_call_is_the_callers() -> None:
    found = [StoredBody(7, "retell", "call_1:call_ended", body(from_number=OTHER))]
    assert own_events(CONFIG, found, ZORA, ["call_1"], NOW) == ([7], set())


def test_event_is_read_with_its_branchs_country() -> None:
    phone = PhoneNumber(number="+4315871234", did="+4315871234")
    branch = msgspec.structs.replace(CONFIG.branches[0], phone_numbers=(phone,))
    vienna = msgspec.structs.replace(CONFIG, branches=(branch,))
    found = [
        StoredBody(7, "retell", "call_1:call_ended", body(from_number="0664 1234567", to_number=phone.number, **OVER))
    ]
    assert own_events(vienna, found, "+436641234567", [], NOW) == ([7], {"call_1"})
    assert own_events(CONFIG, found, "+436641234567", [], NOW) == ([], set())
