"""What is rendered for Retell."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from askproai_operator.kinds.agent.render import Declared, Number, desired, owner_of

SNAPSHOT = Path(__file__).with_name("rendered_agent.json")
DECLARED = Declared(
    marker="inst/salon/mitte",
    display_name="Empfang Mitte",
    business_name="Salon Müller",
    voice_id="11labs-Carola",
    language="de-DE",
    model="gpt-5.1",
    temperature="0",
    prompt="Du bist der Empfang von Salon Müller.",
    begin_message="Salon Müller, Sie sprechen mit unserem KI-Assistenten. Was kann ich für Sie tun?",
    functions=("CheckAvailability", "BookAppointment", "CancelAppointment"),
    caller_recognition=False,
    webhook_events=("call_started", "call_ended", "call_analyzed"),
    webhook_url="https://voice.example/webhooks/retell",
    functions_url="https://voice.example/retell/functions",
    time_zone="Europe/Berlin",
    ai_notice=True,
    storage="BasicAttributesOnly",
    retention_days=7,
    numbers=(Number("+49301234567"),),
)


def test_bodies_are_as_kept() -> None:
    """A changed body makes a new version of every agent at the next release: let a reviewer see it."""
    wanted = desired(DECLARED)
    rendered = {"llm": wanted.llm, "agent": wanted.agent}
    assert rendered == json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert wanted.not_built == ("CancelAppointment",)


@pytest.mark.parametrize(
    ("own", "notice", "said"),
    [
        ("Hallo, hier ist die KI.", True, "Hallo, hier ist die KI."),
        ("Hallo, hier spricht Ihr KI-Assistent.", True, "Hallo, hier spricht Ihr KI-Assistent."),
        ("Hallo!", True, "Hallo! Sie sprechen mit einem KI-Assistenten."),
        ("Hallo, Kino Mitte!", True, "Hallo, Kino Mitte! Sie sprechen mit einem KI-Assistenten."),
        ("Hallo!", False, "Hallo!"),
        (None, True, "Salon Müller, guten Tag! Sie sprechen mit einem KI-Assistenten. Was kann ich für Sie tun?"),
    ],
)
def test_the_first_sentence_says_that_it_is_an_ai(own: str | None, notice: bool, said: str) -> None:
    assert desired(replace(DECLARED, begin_message=own, ai_notice=notice)).llm["begin_message"] == said


def test_a_marker_is_read_back_from_a_name() -> None:
    assert owner_of({"agent_name": "A · B · inst/ns/name"}) == "inst/ns/name"
    assert owner_of({"agent_name": "Salon · Mitte"}) is None
    assert owner_of({}) is None
