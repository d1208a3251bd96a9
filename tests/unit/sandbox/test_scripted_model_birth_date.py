"""The demo's agent asks for the birth date where the function requires it, and books with it."""

from scripted_models import ASK_NAME, called, offering_model

from askproai_sandbox.caller import ScriptedModel

ASK_BIRTH_DATE = "Wie lautet das Geburtsdatum?"


def asking_model() -> ScriptedModel:
    model = offering_model()
    parameters = model._agent.tools["book_appointment"]["parameters"]
    parameters["properties"] |= {"birth_date": {}}
    parameters["required"] = ["customer_name", "birth_date"]
    return model


def test_the_birth_date_is_asked_for_after_the_name() -> None:
    model = asking_model()
    assert model.hear("Ja, gern.") == ASK_NAME
    assert model.hear("Emma Post") == ASK_BIRTH_DATE
    booked = called(model, "Am 3. Mai 1980.")
    assert (booked["tool"], booked["customer_name"], booked["birth_date"]) == (
        "book_appointment", "Emma Post", "3. Mai 1980",
    )  # fmt: skip


def test_a_no_to_the_question_is_no_birth_date() -> None:
    model = asking_model()
    assert model.hear("Ja, Emma Post") == ASK_BIRTH_DATE
    assert called(model, "Nein, lieber am Freitag um vier.")["tool"] == "check_availability"
