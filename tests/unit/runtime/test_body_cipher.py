"""Callers' words are encrypted for their tenant, table and row, and open nowhere else."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_core.data_keys import KNOWN_TO_ALL_PODS, DataKey, DataKeys, encode_data_keys, new_data_key
from askproai_runtime.calls.texts import CallTexts, read_call_texts, read_said, store_call_texts, store_said
from askproai_runtime.encryption import (
    BodyCipher,
    DataKeyMissing,
    NotAuthentic,
    Place,
    is_encrypted,
    no_cipher,
)
from tests.worlds.clock import FixedClock

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
BODY = b'{"event": "call_ended", "call": {"transcript": "Zimtschnecke"}}'
LONG = BODY * 100
RARE = "".join(chr(0x4E00 + each * 7919 % 20_000) for each in range(3_200))


def cipher(*keys: DataKey, tenant: str = "salon.salon", on: bool = True, text: str | None = None) -> BodyCipher:
    stored = encode_data_keys(DataKeys(keys)) if text is None else text
    return BodyCipher(tenant, lambda: stored, lambda: on, FixedClock(NOW))


def key(hours: float = 1) -> DataKey:
    return new_data_key(NOW - timedelta(hours=hours))


@pytest.mark.parametrize(
    "body", [b"Hallo, hier.", BODY, LONG, b"\xff\0" * 200_000], ids=["short", "usual", "long", "huge"]
)
def test_body_is_stored_unreadable_and_restored_exactly(body: bytes) -> None:
    mine = cipher(key())
    stored = mine.encrypt(Place.EVENT, "retell/call_1:call_ended", body)
    assert is_encrypted(stored)
    assert body not in stored
    assert stored != mine.encrypt(Place.EVENT, "retell/call_1:call_ended", body), "each time with another nonce"
    assert mine.decrypt(Place.EVENT, "retell/call_1:call_ended", stored) == body


def test_long_body_takes_no_more_room_than_plain() -> None:
    """PostgreSQL compresses long values, but none that are encrypted."""
    assert len(cipher(key()).encrypt(Place.EVENT, "a", LONG)) < len(LONG) / 10


@pytest.mark.parametrize(
    ("tenant", "place", "reference"),
    [
        ("salon.other", Place.EVENT, "retell/1"),
        ("salon.salon", Place.CALL, "retell/1"),
        ("salon.salon", Place.EVENT, "retell/2"),
    ],
    ids=["another tenant", "another table", "another row"],
)
def test_ciphertext_moved_to_another_row_is_not_decrypted(tenant: str, place: Place, reference: str) -> None:
    shared = key()
    stored = cipher(shared).encrypt(Place.EVENT, "retell/1", BODY)
    with pytest.raises(NotAuthentic):
        cipher(shared, tenant=tenant).decrypt(place, reference, stored)


def test_changed_byte_of_a_ciphertext_is_detected() -> None:
    mine = cipher(key())
    stored = mine.encrypt(Place.EVENT, "a", BODY)
    for index in range(len(stored)):
        changed = stored[:index] + bytes([stored[index] ^ 1]) + stored[index + 1 :]
        try:
            value = mine.decrypt(Place.EVENT, "a", changed)
        except (NotAuthentic, DataKeyMissing):
            continue
        assert value == changed, "a changed beginning makes it a plain body, which is no event"


def test_newest_data_key_encrypts_and_all_keys_decrypt() -> None:
    first, second = key(2), key(1)
    before = cipher(first).encrypt(Place.EVENT, "a", BODY)
    both = cipher(first, second)
    after = both.encrypt(Place.EVENT, "b", BODY)
    assert both.decrypt(Place.EVENT, "a", before) == both.decrypt(Place.EVENT, "b", after) == BODY
    with pytest.raises(DataKeyMissing, match=second.id):
        cipher(first).decrypt(Place.EVENT, "b", after)
    with pytest.raises(DataKeyMissing, match=first.id):
        cipher(second).decrypt(Place.EVENT, "a", before)


def test_new_data_key_encrypts_once_all_pods_know() -> None:
    first, second = key(), new_data_key(NOW - KNOWN_TO_ALL_PODS + timedelta(seconds=1))
    assert cipher(first, second).active_key == first
    assert cipher(second).active_key is None
    second = new_data_key(NOW - KNOWN_TO_ALL_PODS)
    assert cipher(first, second).active_key == second


@pytest.mark.parametrize(
    "off",
    [cipher(), cipher(key(), on=False), no_cipher("salon.salon"), cipher(text="{broken")],
    ids=["no key", "off", "none", "broken file"],
)
def test_bodies_are_plain_without_key_or_encryption(off: BodyCipher) -> None:
    assert off.encrypt(Place.EVENT, "a", BODY) == BODY
    assert off.encrypt_json(Place.CALL, "a", {}) is None
    assert off.decrypt(Place.EVENT, "a", BODY) == BODY
    assert store_call_texts(off, "c", CallTexts("Hallo", {"a": 1})) == ("Hallo", '{"a":1}')


def test_values_stay_decryptable_after_encryption_is_disabled() -> None:
    shared = key()
    stored = cipher(shared).encrypt(Place.EVENT, "a", BODY)
    assert cipher(shared, on=False).decrypt(Place.EVENT, "a", stored) == BODY


def test_existing_keys_stay_when_the_file_is_broken() -> None:
    texts = [encode_data_keys(DataKeys((key(),)))]
    clock = FixedClock(NOW)
    mine = BodyCipher("salon.salon", lambda: texts[-1], lambda: True, clock)
    stored = mine.encrypt(Place.EVENT, "a", BODY)
    texts.append("half a fi")
    clock.advance(timedelta(minutes=1))
    assert mine.active_key is not None
    assert mine.decrypt(Place.EVENT, "a", stored) == BODY


def test_replaced_data_key_is_reread_and_forgotten() -> None:
    first, second, clock = key(2), key(1), FixedClock(NOW)
    texts = [encode_data_keys(DataKeys((first,)))]
    mine = BodyCipher("salon.salon", lambda: texts[-1], lambda: True, clock)
    before = mine.encrypt(Place.EVENT, "a", BODY)
    texts.append(encode_data_keys(DataKeys((second,))))
    assert mine.decrypt(Place.EVENT, "b", cipher(second).encrypt(Place.EVENT, "b", BODY)) == BODY
    with pytest.raises(DataKeyMissing):
        mine.decrypt(Place.EVENT, "a", before)


@pytest.mark.parametrize("on", [True, False])
def test_readers_forget_a_destroyed_key(on: bool) -> None:
    secret, clock = key(), FixedClock(NOW)
    texts: list[str | None] = [encode_data_keys(DataKeys((secret,)))]
    reader = BodyCipher("salon.salon", lambda: texts[-1], lambda: on, clock)
    stored = cipher(secret).encrypt(Place.EVENT, "a", BODY)
    assert reader.decrypt(Place.EVENT, "a", stored) == BODY
    texts.append(None)
    clock.advance(timedelta(seconds=1))
    with pytest.raises(DataKeyMissing):
        reader.decrypt(Place.EVENT, "a", stored)


def test_encrypted_value_is_not_encrypted_twice() -> None:
    mine = cipher(key())
    stored = mine.encrypt(Place.EVENT, "a", BODY)
    assert mine.encrypt(Place.EVENT, "a", stored) == stored
    assert mine.encrypt(Place.EVENT, "a", b"") == b""


def test_key_appears_in_no_representation() -> None:
    secret = key()
    mine = cipher(secret)
    mine.encrypt(Place.EVENT, "a", BODY)
    assert secret.key not in f"{secret!r} {DataKeys((secret,))!r}"


@pytest.mark.parametrize("analysis", [None, {"call_summary": "Zimtschnecke"}], ids=["none", "some"])
def test_texts_of_calls_are_encrypted_in_one_column(analysis: dict[str, Any] | None) -> None:
    mine = cipher(key())
    transcript, stored = store_call_texts(mine, "call_1", CallTexts("Zimtschnecke" * 800, analysis))
    assert transcript is None
    assert stored is not None
    assert "Zimtschnecke" not in stored
    texts = read_call_texts(mine, "call_1", transcript, stored)
    assert (texts.transcript, texts.analysis, texts.unreadable) == ("Zimtschnecke" * 800, analysis, None)
    moved = read_call_texts(mine, "call_2", transcript, stored)
    assert (moved.transcript, moved.analysis) == (None, None)
    assert moved.unreadable is not None


def test_unreadable_value_stays_until_replaced() -> None:
    former, present = cipher(key()), cipher(key())
    _, stored = store_call_texts(former, "call_1", CallTexts("Hallo", None))
    texts = read_call_texts(present, "call_1", None, stored)
    kept = store_call_texts(present, "call_1", texts)
    assert read_call_texts(former, "call_1", *kept).transcript == "Hallo"
    later = store_call_texts(present, "call_1", CallTexts("Guten Tag", None, texts.unreadable))
    assert read_call_texts(present, "call_1", *later).transcript == "Guten Tag"


def test_longer_plain_transcript_is_preferred() -> None:
    mine = cipher(key())
    _, stored = store_call_texts(mine, "call_1", CallTexts("Hallo", {"a": 1}))
    assert read_call_texts(mine, "call_1", "Hallo, guten Tag", stored).transcript == "Hallo, guten Tag"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"customer_name": "Zora", "confirmed": True}, None),
        ({f"a{number:039}": "ä" * 200 for number in range(16)}, None),
        ({f"a{number:039}": RARE[number * 200 :][:200] for number in range(16)}, {}),
    ],
    ids=["usual", "the longest", "what no compression shortens"],
)  # fmt: skip
def test_encrypted_function_record_fits_its_column(arguments: dict[str, Any], expected: dict[str, Any] | None) -> None:
    mine = cipher(key())
    stored = store_said(mine, "call_1", NOW, "book_appointment", arguments, "Gebucht.")
    assert stored is not None
    text = str(stored).replace("'", '"')
    assert len(text) <= 8_000
    assert "Zora" not in text
    read = read_said(mine, "call_1", NOW, "book_appointment", text, None)
    assert read == (arguments if expected is None else expected, "Gebucht.")
    for other in (("call_2", NOW, "book_appointment"), ("call_1", NOW, "cancel_appointment")):
        with pytest.raises(NotAuthentic):
            read_said(mine, *other, text, None)


def test_unencrypted_records_are_read_unchanged() -> None:
    arguments: Sequence[str] = ('{"encrypted": "so nannte es das Modell"}', '{"date": "morgen"}')
    assert [read_said(cipher(key()), "c", NOW, "f", text, "Ja.") for text in arguments] == [
        ({"encrypted": "so nannte es das Modell"}, "Ja."),
        ({"date": "morgen"}, "Ja."),
    ]
