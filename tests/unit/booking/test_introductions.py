"""The name by which a caller says who is calling."""

import pytest

from askproai_runtime.booking import read_introduction


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Hier ist Petra Lange, meinen Termin auf fünf verschieben.", "Petra Lange"),
        ("Guten Tag, hier ist die Frau Lange.", "Frau Lange"),
        ("Hier spricht Lange.", "Lange"),
        ("Guten Tag, mein Name ist Petra von der Heide, ich wollte absagen.", "Petra von der Heide"),
        ("Ich heiße Petra.", "Petra"),
        ("Guten Tag Petra Lange am Apparat", "Petra Lange"),
        ("This is Petra Lange, I need to move my appointment.", "Petra Lange"),
        ("My name's Petra Lange.", "Petra Lange"),
        ("Guten Tag, mein Name ist Hase.", "Hase"),
        ("Mein Name ist Lange. Ich möchte absagen.", "Lange"),
        ("Hier spricht Frau Lange. Können Sie mir helfen?", "Frau Lange"),
        ("Hier ist Lange. Termin absagen bitte.", ""),
        ("My name is Lange. I need to cancel.", "Lange"),
        ("Mein Name ist Dr. Petra M. Lange. Meinen Termin bitte.", "Dr. Petra M. Lange"),
        ("Hier ist die Tochter von Otto Lange.", ""),
        ("Hier spricht Thomas Mann.", "Thomas Mann"),
        ("Hier ist Stau.", ""),
        ("Hier ist der Anrufer.", ""),
        ("This is great, Petra Lange told me.", ""),
        ("Hier ist Autohaus Lange.", ""),
        ("Ist Petra Lange da?", ""),
        ("Den Termin von Petra Lange bitte.", ""),
        ("Wie ist mein Name geschrieben?", ""),
    ],
)
def test_an_introduction_names_the_caller(said: str, name: str) -> None:
    assert read_introduction(said) == name
