"""A text is recognized as the name of a customer, or not."""

import pytest

from askproai_runtime.language.customer_names import is_plain_name, read_customer_name
from askproai_runtime.language.names_alone import drop_around
from tests.worlds.rows import each_row


@each_row(
    "said",
    [
        "Kunde", "Kundin", "Die Anruferin", "Herr", "Frau", "Herr Doktor", "Caller", "Customer", "Patient", "User", "Gast",
        "Unknown Caller", "unbekannter Anrufer", "Neukunde", "Kunde 1", "Customer 123", "Name", "Vorname Nachname", "First Last",
        "N.N.", "anonym", "Test", "ich", "meine Tochter", "+49 151 12345678", "{{customer_name}}", "[PERSON_NAME]", "N/A", "🙂", "",
        "wird erfragt", "Name folgt", "to be provided", "Bitte", "Ja bitte", "Hallo", "Danke", "Moment", "egal", "Guten Tag",
        "name_of_caller", "[caller's name]", "<Kundenname>", "customerName", "to be asked", "ask customer", "bitte erfragen",
        "Rufnummer unterdrückt", "Private Number", "No Caller ID", "Caller ID +49 151 12345678", "Blocked", "Kontakt",
        "Frau X", "PII_REMOVED", "PII", "ANONYMIZED", "Geschwärzt", "Anonymisierter Anrufer", "Lorem Ipsum", "Foo Bar", "%s", "{0}",
    ],
)  # fmt: skip
def test_a_word_for_the_caller_is_no_name(said: str) -> None:
    assert read_customer_name(said) == ""


@each_row(
    ("said", "stored"),
    [
        *((name, name) for name in (
            "Peter Kunde", "Anna Gast", "Thomas Mann", "Dr. Petra Müller", "Herr Schmidt", "Test Ahmadi", "Noah", "Li",
            "Max Mustermann",
        )),
        ("Frau Petra Lange", "Petra Lange"), ("Herr Dr. Otto Lange", "Dr. Otto Lange"), ("Mrs. Jane Smith", "Jane Smith"),
        ("frau dr. petra lange", "dr. petra lange"), ("Herrn Otto von Lange", "Otto von Lange"),
        *((name, name) for name in (
            "Frau Lange", "Herr Prof. Dr. med. Lange", "Frau von der Heide", "Frau P. Lange", "Thomas Herr",
            "Herr und Frau Lange", "Frau Lange und Otto", "Frau Holle Betten GmbH", "Dr. Petra Lange",
        )),
    ],
)  # fmt: skip
def test_salutation_is_stored_only_beside_a_surname(said: str, stored: str) -> None:
    assert read_customer_name(said) == stored


@each_row(
    ("said", "stored"),
    [
        ("ach so ja basti also sebastian heidkamp", "Sebastian Heidkamp"),
        ("Basti, eigentlich Sebastian Heidkamp.", "Sebastian Heidkamp"),
        ("Basti Sebastian Heidkamp", "Basti Sebastian Heidkamp"), ("Also Basti Sebastian Heidkamp.", "Basti Sebastian Heidkamp"),
    ],
)  # fmt: skip
def test_full_name_replaces_the_nickname_before_it(said: str, stored: str) -> None:
    assert read_customer_name("Basti Sebastian Heidkamp", said) == stored


def test_placeholder_name_counts_only_if_spoken() -> None:
    assert read_customer_name("Max Mustermann", "Auf den Namen? Max Mustermann bitte.") == "Max Mustermann"
    assert read_customer_name("Max Mustermann", "Morgen um zehn bitte.") == ""
    assert read_customer_name("John Doe", "Tomorrow at ten, please.") == ""
    assert read_customer_name("[Petra Lange]", "Morgen um zehn bitte.") == ""
    assert read_customer_name("<Petra Lange>", "Petra Lange.") == "Petra Lange"


@each_row(
    "said",
    [
        "Otto", "otto lange", "Petra lange", "Dr. med. Petra Müller-Lange", "Ludwig van Beethoven", "de Vries", "otto van dyk",
        "Lange, Petra", "Jean-Luc d'Artagnan", "Herr Gut", "frau dr. petra lange", "P. Lange", "meinen Sohn Otto Kurz",
        "meine Frau Petra", "Petra Lange (geb. Kurz)", "Schmidt & Söhne GmbH", "Müller & Co", "von und zu Guttenberg",
        "محمد علي", "Autohaus Schmidt GmbH", "Nguyễn Thị Minh Khai",
    ],
)  # fmt: skip
def test_name_without_additions_is_plain(said: str) -> None:
    assert is_plain_name(said)


@each_row(
    "said",
    [
        "Petra und Otto Lange", "Petra and Otto Lange", "Mr. and Mrs. Lange", "Petra Lange + 1", "Petra Lange (2 Personen)",
        "Petra Lange/Otto Kurz", "petra und otto", "Petra Lange bei Julia", "Petra Lange (falls das geht Julia)",
        "Petra Lange und Färben", "wie immer", "same as before", "steht doch da", "Möchte ich nicht sagen", "I'd rather not say",
        "ohne Namen", "auf meinen Mann", "Ja", "yes", "nicht Lange, sondern Lenz", "Petra, no, Paula Lange",
        "my name is Petra Lange", "petra.lange@gmail.com", "8 Jahre", "wir sind zu zweit", "zu dritt", "two of us", "mein Hund",
        "Mein Hund", "my dog", "nur zum Zuschauen", "Otto Lange kommt nur mit", "Otto Lange abgesagt", "Otto Lange um 11",
        "Otto Kurz at eleven", "Otto Lange danach", "vielleicht Otto Lange", "Otto Lange, falls er Zeit hat", "nicht Otto",
        "Otto Lange statt mir", "not Otto", "Otto nicht", "",
    ],
)  # fmt: skip
def test_name_with_additions_is_not_plain(said: str) -> None:
    assert not is_plain_name(said)


@pytest.mark.parametrize(
    "said", ["nur Lena", "nur Lena, nicht Petra", "nur den von Lena", "only Lena", "just for Lena"]
)
def test_word_only_before_a_name_is_removed(said: str) -> None:
    assert drop_around(said) == "Lena"
