"""Names of staff, services and branches are found by their sound, and always asked about before they are used."""

from datetime import UTC, datetime

import pytest

from askproai_runtime.conversation.requested_services import parse_service_request
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, FunctionOutcome
from askproai_runtime.language.heard_names import cologne_code, list_heard
from askproai_runtime.person_names import fold
from tests.worlds.compiled_salon import salon_config

CALL = CallContext("call_1", "mitte", None, datetime(2026, 11, 20, 9, tzinfo=UTC), "corr")


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("Müllerlüdenscheidt", "65752682"), ("Wikipedia", "3412"), ("Breschnew", "17863"), ("Meyer", "67"), ("Maier", "67"),
        ("Heinz", "068"), ("Classen", "4586"), ("Schmidt", "862"), ("Phillip", "351"), ("Xaver", "4837"), ("", ""), ("h", ""),
    ],
)  # fmt: skip
def test_codes_follow_the_koelner_phonetik(word: str, code: str) -> None:
    assert cologne_code(fold(word)) == code


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Mehmed", "Mehmet"), ("Memet", "Mehmet"), ("Hanna", "Anna"), ("Frau Doktor Yildiss", "Doktor Aylin Yıldız"),
        ("Emma", None),
        ("Ben", None), ("An", None), ("", None), ("Anna Mehmet und noch viele viele andere mehr", None),
    ],
)  # fmt: skip
def test_similar_sounding_name_is_found(said: str, meant: str | None) -> None:
    names = ["Anna", "Mehmet", "Doktor Aylin Yıldız"]
    assert list_heard(said.removeprefix("Frau Doktor "), names, lambda name: [name]) == ([meant] if meant else [])


def asked(**args: str) -> ClarificationNeeded:
    with pytest.raises(ClarificationNeeded) as clarification:
        parse_service_request(salon_config(), CALL, args)
    return clarification.value


def test_similar_sounding_staff_name_is_asked_about() -> None:
    answer = asked(service="Haarschnitt", staff="Herrn Mehmed").answer
    assert answer.message == "Meinen Sie Mehmet?"
    assert (answer.fields["staff"], answer.outcome) == (["mehmet"], FunctionOutcome.UNKNOWN_STAFF)
    assert asked(service="Haarschnitt", staff="Emma").answer.message.startswith(
        "Unter dem Namen Emma arbeitet hier niemand."
    )


@pytest.mark.parametrize("said", ["Harschnit", "Haarschnid"])
def test_similar_sounding_service_name_is_asked_about(said: str) -> None:
    answer = asked(service=said).answer
    assert answer.message == "Meinen Sie Haarschnitt?"
    assert (answer.fields["services"], answer.outcome) == (["haarschnitt"], FunctionOutcome.UNKNOWN_SERVICE)
    assert "finde ich nichts" in asked(service="Massage").answer.message


def test_partial_compound_and_number_identify_a_heard_service() -> None:
    lessons = [f"Klavierstunde {minutes} Minuten" for minutes in (30, 45, 60)]

    def heard(said: str) -> list[str]:
        return list_heard(said, [*lessons, "Gesangsstunde"], lambda name: [name], by_parts=True)

    assert heard("60 Minuten Klavier") == [lessons[2]]
    assert heard("Klavier") == lessons
    assert heard("Klavierstunde 90 Minuten") == lessons
    assert list_heard("Klavier", lessons, lambda name: [name]) == [], "of people a part of a name is none"
