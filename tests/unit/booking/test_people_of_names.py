"""The customers that a text for a name means: one person, a caller with companions, or several who are asked about."""

import msgspec
import pytest

from askproai_runtime.conversation.named_people import People, read_people
from askproai_runtime.person_names import fold
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

CUT = salon_config().services[0]
SERVICES = (CUT, msgspec.structs.replace(CUT, name="faerben", display_name="Färben", spoken_names=()))


@each_row(
    ("text", "name"),
    [
        ("ich heiße Petra Lange", "Petra Lange"), ("Ich bin Petra Lange", "Petra Lange"), ("hier ist Petra Lange", "Petra Lange"),
        ("Hier spricht Frau Lange", "Frau Lange"), ("auf Petra Lange", "Petra Lange"), ("auf den Namen Lange", "Lange"),
        ("This is Petra Lange", "Petra Lange"), ("Petra Lange please", "Petra Lange"), ("it's Lange", "Lange"),
        ("It’s Petra Lange, please.", "Petra Lange"), ("Name: Petra Lange", "Petra Lange"), ("Ja, Lange", "Lange"),
        ("Uhlig, Ronny", "Ronny Uhlig"), ("Lange, Petra Maria", "Petra Maria Lange"), ("von Uhlig, Ronny", "Ronny von Uhlig"),
        ("uhlig, ronny", "ronny uhlig"), ("Petra, Lange", "Petra Lange"), ("Dr. Lange, Petra", "Dr. Petra Lange"),
        ("Lange, Prof. Dr. Petra", "Prof. Dr. Petra Lange"), ("Frau Lange, Petra", "Frau Petra Lange"),
        ("Hr. Lange, Otto", "Hr. Otto Lange"), ("Herr/Frau Lange", "Lange"), ("Herr/Frau", ""), ("Caller ID", "Caller ID"),
        ("Ja, mein Name ist Petra Lange.", "Petra Lange"), ("my name's Petra Lange", "Petra Lange"),
        ("für Emma Lange", "Emma Lange"),
        ("Petra Lange, bitte", "Petra Lange"), ("Petra Lange am Apparat", "Petra Lange"), ("Lange mit e", "Lange"),
        ("Langer, mit r am Ende", "Langer"), ("Schmidt mit dt", "Schmidt"), ("Petra Lange with an e", "Petra Lange"),
        ("nein, Lenz", "Lenz"), ("Nein, Lenz, nicht Lange", "Lenz"), ("nicht Lange, sondern Lenz", "Lenz"),
        ("falsch, ich heiße Meier", "Meier"), ("meinen Sohn Otto Kurz", "Otto Kurz"), ("auf meinen Sohn Otto", "Otto"),
        ("Lange ist mein Name", "Lange"), ("Vorname: Petra, Nachname: Lange", "Petra Lange"),
        ("Petra <last_name>", "Petra"), ("Paul [last name]", "Paul"), ("Petra TBD", "Petra"), ("Petra (unbekannt)", "Petra"),
        ("Petra -", "Petra"), ("Petra xxx", "Petra"), ("Lange, unknown", "Lange"), ("Petra Lange [caller]", "Petra Lange"),
        ("Kundin Petra", "Petra"), ("Anruferin Lange", "Lange"),
        ("Petra undefined", "Petra"), ("Petra None", "Petra"), ("Petra null", "Petra"), ("Petra unbekannt", "Petra"),
        ("Petra <Nachname>", "Petra"), ("Unknown Lange", "Lange"), ("Vorname Lange", "Lange"), ("Petra N/A", "Petra"),
    ],
)  # fmt: skip
def test_words_around_a_name_are_removed(text: str, name: str) -> None:
    assert read_people(text, SERVICES) == People(name)


@each_row(
    "name",
    [
        "Otto Lange junior", "Petra Lange senior", "Petra Lange geborene Meier", "Petra Lange, geb. Meier", "Ana de los Santos",
        "petra maria lange", "petra lange meier", "von und zu Guttenberg", "Georg von und zu Hohenfels", "Schmidt & Söhne GmbH",
        "Müller & Co", "Müller und Söhne", "Becker & Partner", "Ronny, Anna", "Petra Lange, Dr. med", "Dr. med. Petra Lange",
        "Ludwig van Beethoven", "Ben Meier", "So Young Kim", "Jean-Luc d'Artagnan", "Thomas Mann", "Peter Kunde", "Frau Lange",
        "Kim No", "Nadia Nein", "Karl Nicht", "Frau Nein",
        "Petra Null", "Nan Miller", "Otto Offen", "Ortega y Gasset", "Auto Kurz AG", "محمد علي",
    ],
)  # fmt: skip
def test_plain_name_stays_unchanged(name: str) -> None:
    assert read_people(name, SERVICES) == People(name)


@pytest.mark.parametrize(
    ("text", "name", "others"),
    [
        ("Petra Lange und Otto Kurz", "Petra Lange", ("Otto Kurz",)), ("Petra Lange + Otto Kurz", "Petra Lange", ("Otto Kurz",)),
        ("Petra Lange u. Otto Lange", "Petra Lange", ("Otto Lange",)), ("Petra Lange and Otto Kurz", "Petra Lange", ("Otto Kurz",)),
        ("Petra & Otto Lange", "Petra Lange", ("Otto Lange",)), ("Petra u. Otto Lange", "Petra Lange", ("Otto Lange",)),
        ("Petra und Otto Lange", "Petra Lange", ("Otto Lange",)), ("petra lange und otto lange", "petra lange", ("otto lange",)),
        ("Petra und Otto von Lange", "Petra von Lange", ("Otto von Lange",)),
    ],
)  # fmt: skip
def test_two_names_are_two_people(text: str, name: str, others: tuple[str, ...]) -> None:
    assert read_people(text, SERVICES) == People(name, others=others)


@each_row(
    "text",
    [
        "Ehepaar Lange", "Familie Lange", "Fam. Lange", "Frau und Herr Lange", "Herr & Frau Lange", "Mr. and Mrs. Lange",
        "Petra Lange (2 Personen)", "Petra Lange + 2", "Petra Lange und zwei Kinder", "Petra Lange und Familie",
        "Geschwister Lange", "the Lange family", "Lange und Kurz", "Petra Lange und Färben",
        "Frau Lange und Otto", "Petra Lange zu zweit", "Petra Lange + 1", "Petra Lange und Sohn", "Petra Lange und mein Mann",
        "Petra Lange mit Otto Lange", "Petra Lange plus eine Person", "Petra Lange/Otto Kurz", "Frau Lange und Herr Lange",
        "Mein Mann und Petra Lange", "meine Tochter und Mia Lange", "Mutter und Tochter Lange", "Mama und Otto", "Schwestern Lange",
        "die Brüder Lange", "Petra Lange und Firma Kurz", "Petra Lange, Otto Lange und Mia Kurz", "Petra Lange (und Sohn)",
        "Petra Lange, zwei Personen", "Petra Lange, Tochter und Sohn", "Petra, Otto und Tim", "Petra, Otto und Tim Lange",
        "Petra Lange (auch Otto am selben Tag)", "Petra Lange (auch Färben für Otto)", "Petra Lange, auch Färben mit Sohn",
        "Petra Lange (mit Otto)", "Petra und Otto Maria Lange", "Petra Lange, noch jemand",
    ],
)  # fmt: skip
def test_unclear_people_are_asked_about(text: str) -> None:
    people = read_people(text, SERVICES)
    assert (people.name, people.is_unclear) == ("", True)


@pytest.mark.parametrize(
    "text",
    [
        "Mann von Petra Lange", "der Mann von Frau Lange", "Petra’s Mann", "Sohn von Lange", "husband of Petra Lange",
        "Kunde von Anna", "Petra Lange's husband", "auf meinen Mann", "mein Mann", "my daughter", "meine kleine Tochter",
    ],
)  # fmt: skip
def test_unnamed_relative_counts_as_another_person(text: str) -> None:
    people = read_people(text, SERVICES)
    assert (people.name, people.is_another) == ("", True)


@each_row(
    ("text", "name", "beside"),
    [
        ("Petra Lange, Haarschnitt", "Petra Lange", "Haarschnitt"), ("Petra Lange (Färben)", "Petra Lange", "Färben"),
        ("Petra Lange mit Färben", "Petra Lange", "Färben"), ("Otto (8 Jahre)", "Otto", "8 Jahre"), ("Otto, 8", "Otto", "8"),
        ("Otto, mein Sohn", "Otto", "mein Sohn"), ("Petra Lange, Neukundin", "Petra Lange", "Neukundin"),
        ("Petra Lange / Neukundin", "Petra Lange", "Neukundin"),
        ("Otto Lange, Sohn von Petra Lange", "Otto Lange", "Sohn von Petra Lange"),
        ("Otto Lange, der Mann von Petra", "Otto Lange", "der Mann von Petra"),
        ("Tom Baker, son of Jane", "Tom Baker", "son of Jane"),
        ("Emma Lange (Tochter von Petra und Otto)", "Emma Lange", "Tochter von Petra und Otto"),
        ("Otto, Sohn von Petra Lange", "Otto", "Sohn von Petra Lange"), ("Petra Lange, Firma Kurz", "Petra Lange", "Firma Kurz"),
        ("Tim Lange, Petra's son", "Tim Lange", "Petra's son"), ("Petra Lange, Hotel Adler", "Petra Lange", "Hotel Adler"),
        ("Petra Lange, VW Golf", "Petra Lange", "VW Golf"), ("Petra Lange (Hund Bello)", "Petra Lange", "Hund Bello"),
        ("John Smith (Acme Inc)", "John Smith", "Acme Inc"), ("Petra Lange (Otto Lange)", "Petra Lange", "Otto Lange"),
        ("Petra Lange (Mia)", "Petra Lange", "Mia"), ("Petra (Mia) Lange", "Petra Lange", "Mia"),
        ("Petra Lange (Firma Kurz und Meier)", "Petra Lange", "Firma Kurz und Meier"),
        ("Petra Lange, AOK Plus", "Petra Lange", "AOK Plus"), ("Petra Lange, AOK", "Petra Lange", "AOK"),
        ("Yusra Hamdan, Hund Lulu, Malteser", "Yusra Hamdan", "Hund Lulu, Malteser"),
        ("Petra Lange mit Hund Rex", "Petra Lange", "Hund Rex"), ("Petra Lange, Hündin Bella", "Petra Lange", "Hündin Bella"),
        ("Tom Baker, dog Rex, Labrador", "Tom Baker", "dog Rex, Labrador"),
        ("Petra Lange (auch Färben am selben Tag)", "Petra Lange", "auch Färben am selben Tag"),
    ],
)  # fmt: skip
def test_description_after_a_name_becomes_a_note(text: str, name: str, beside: str) -> None:
    assert read_people(text, SERVICES) == People(name, beside)


@pytest.mark.parametrize(
    ("text", "beside"),
    [
        ("Petra Lange, Otto Lange", "Otto Lange"), ("Petra Lange, Frau Kurz", "Frau Kurz"), ("Petra Lange, Otto", "Otto"),
        ("petra lange, otto lange", "otto lange"), ("Petra Lange, Deutsche Telekom", "Deutsche Telekom"),
    ],
)  # fmt: skip
def test_name_behind_a_comma_may_be_a_companion(text: str, beside: str) -> None:
    people = read_people(text, SERVICES)
    assert (fold(people.name), people.beside, people.others, people.may_bring) == ("petra lange", beside, (), True)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Petra S-C-H-M-I-T-T", "Petra Schmitt"), ("Petra L A N G E", "Petra Lange"), ("Petra (L-A-N-G-E)", "Petra Lange"),
        ("Frau S-C-H-M-I-T-T", "Frau Schmitt"), ("Lange, L-A-N-G-E", "Lange"), ("Petra Lange L A N G E", "Petra Lange"),
        ("Schmidt (S-C-H-M-I-T-T)", "Schmidt"),
    ],
)  # fmt: skip
def test_spelled_letters_complete_the_surname(text: str, name: str) -> None:
    assert read_people(text, SERVICES) == People(name)


def test_each_child_has_its_own_age() -> None:
    assert read_people("Otto, 8, und Mia, 6") == People("Otto", "8, 6", ("Mia",))


@pytest.mark.parametrize(
    "text",
    [
        "Petra Lange bei Julia", "wie immer", "same as before", "steht doch da", "Möchte ich nicht sagen", "I'd rather not say",
        "Otto Lange kommt nur mit", "vielleicht Otto Lange", "Otto Lange um 11", "nicht Otto",
        "Petra Lange bzw. Otto",
    ],
)  # fmt: skip
def test_a_sentence_is_no_name(text: str) -> None:
    assert read_people(text, SERVICES).is_sentence
