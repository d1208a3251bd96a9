"""What the demo's agent does with an e-mail address: it is passed on, read back by the tenant's pods, and confirmed or not."""

from typing import Any

import pytest
from scripted_models import called, offering_model

from askproai_sandbox.caller import ScriptedModel, phrases
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.sentence import read_sentence

WITH_EMAIL = "Ja, Zoe Zweite, und meine E-Mail ist zoe@example.org."
QUESTION = "Die E-Mail-Adresse habe ich so verstanden: Z, O, E, at E, X Punkt org. Ist das richtig?"


def asked_model() -> ScriptedModel:
    """Return a model whose caller is asked whether the address was understood."""
    model = offering_model()
    model._agent.tools["book_appointment"]["parameters"]["properties"] |= {"email": {}, "email_confirmed": {}}
    booked = called(model, WITH_EMAIL)
    assert (booked["tool"], booked["customer_name"], booked["email"]) == (
        "book_appointment", "Zoe Zweite", "zoe@example.org",
    )  # fmt: skip
    answer = {"success": False, "message": QUESTION, "email": "zoe@example.org", "needs_confirmation": True}
    assert model.learn(answer) is None
    return model


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("Ja, an erika@example.org bitte.", "erika@example.org"),
        ("Die Mail lautet anna punkt m at gmx punkt de", "anna punkt m at gmx punkt de"),
        ("Meine E-Mail-Adresse ist x.y-z@mail.example.org.", "x.y-z@mail.example.org"),
        (
            "Meine E-Mail ist holger punkt fink at t minus online punkt de.",
            "holger punkt fink at t minus online punkt de",
        ),
        ("Meine E-Mail ist fink at t bindestrich online punkt de, bitte", "fink at t bindestrich online punkt de"),
        ("fink at t strich online punkt de", "fink at t strich online punkt de"),
        ("Meine Mail ist fink at t-online punkt de", "fink at t-online punkt de"),
        ("Ja, fink at t-online.de", "fink at t-online.de"),
        ("Meine Mail lautet holger fink at web de und mein Name ist Fink", "holger fink at web de"),
        ("fink at web de", "fink at web de"),
        ("Meine E-Mail ist h.fink@t-online.de. Danke", "h.fink@t-online.de"),
        ("Meine E-Mail ist anna@example.org Otto Brehm", "anna@example.org"),
        ("Einen Termin an der Kreuzung, bitte.", None),
    ],
)
def test_an_address_is_found_as_it_is_written_or_said(text: str, email: str | None) -> None:
    assert read_sentence(text, Catalogue()).email == email


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ja, danke.", {"email": "zoe@example.org", "email_confirmed": True}),
        ("Ja, genau.", {"email": "zoe@example.org", "email_confirmed": True}),
        ("Nein.", {"email": "zoe@example.org", "email_confirmed": False}),
        ("Nein, zoe2@example.org", {"email": "zoe2@example.org"}),
        ("Dann bitte ohne Adresse.", {}),
    ],
)
def test_the_question_about_the_address_is_answered(text: str, expected: dict[str, Any]) -> None:
    booked = called(asked_model(), text)
    assert booked["tool"] == "book_appointment"
    assert booked["start"]
    assert {name: value for name, value in booked.items() if name.startswith("email")} == expected


def test_after_a_no_the_next_address_is_taken() -> None:
    model = asked_model()
    called(model, "Nein.")
    model.learn(
        {"success": False, "message": "Die E-Mail-Adresse habe ich nicht richtig verstanden. Buchstabieren Sie …"}
    )
    assert called(model, "zoe punkt zwei at example punkt org")["email"] == "zoe punkt zwei at example punkt org"


@pytest.mark.parametrize(
    "spoken", ["holger punkt fink at t minus online punkt de", "fink at t strich online punkt de", "fink at web de"]
)
def test_an_address_with_a_name_books_with_both(spoken: str) -> None:
    model = offering_model()
    model._agent.tools["book_appointment"]["parameters"]["properties"] |= {"email": {}}
    booked = called(model, f"Ja, Holger Fink, meine E-Mail ist {spoken}.")
    assert (booked["customer_name"], booked["email"], model.remark) == ("Holger Fink", spoken, None)


def test_an_address_without_a_sign_for_at_is_not_dropped_silently() -> None:
    said = "Ja, Holger Fink, meine E-Mail ist holger fink gmx."
    model = offering_model()
    model.hear(said)
    assert model.remark == phrases.NO_ADDRESS.format(said)
