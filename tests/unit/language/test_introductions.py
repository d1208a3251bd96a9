"""The name by which a caller says who is calling."""

import pytest

from askproai_runtime.language.introductions import read_introduction


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
        ("Murat Yilmaz hier, ich würde gern verschieben.", "Murat Yilmaz"),
        ("Grüß Gott, Lange hier, meinen Termin auf fünf.", "Lange"),
        ("Guten Tag Petra Langer hier", "Petra Langer"),
        ("Ich bin's, die Petra. Auf fünf bitte.", "Petra"),
        ("Hallo, hier ist die Petra.", "Petra"),
        ("Ich bin die Petra Lange.", "Petra Lange"),
        ("This is Petra, can I move it?", "Petra"),
        ("Hi, it's Petra, I'd like to move.", "Petra"),
        ("Petra Lange ist mein Name.", "Petra Lange"),
        ("Der Termin steht auf den Namen Petra.", "Petra"),
        ("Hier ist Dr. Petra Lange.", "Dr. Petra Lange"),
        ("Hier ist Frau von der Heide.", "Frau von der Heide"),
        ("Hier ist die Tochter von Otto Lange, Mia.", ""),
        ("Hier ist die Frau von Otto Lange.", ""),
        ("It's Friday, right?", ""),
        ("Termin hier bitte auf fünf.", ""),
        ("Ich bin die Tochter.", ""),
        ("Ich habe einen Termin hier, auf fünf bitte.", ""),
        ("Mein Name ist Lange. Ich möchte absagen.", "Lange"),
        ("Hier spricht Frau Lange. Können Sie mir helfen?", "Frau Lange"),
        ("Hier ist Lange. Termin absagen bitte.", ""),
        ("My name is Lange. I need to cancel.", "Lange"),
        ("Mein Name ist Dr. Petra M. Lange. Meinen Termin bitte.", "Dr. Petra M. Lange"),
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
