"""The words of a question, as the known questions of a business are compared with it. Pure."""

import re
import unicodedata

_QUESTION_WORD = r"(?:(?:ei)?ne (?:kurze |kleine |andere |weitere |letzte )?frage(?: noch)?)"
_LEAD = re.compile(  # before a question, which is asked all the same
    r"(?:\W*\b(?:guten (?:tag|morgen|abend)|hallo|moin|servus|grüß gott|und|aber|ach|äh|ähm|also|ja|gut|okay|so|super"
    r"|(?:vielen )?danke?(?: schön)?|entschuldigung|verzeihung|entschuldigen sie|sagen sie(?: mal)?|noch was|außerdem"
    rf"|(?:ich )?(?:habe?|hätte)(?: ich)?(?: da| noch| mal| nur| auch| gern)* {_QUESTION_WORD}|(?:nur |noch )*{_QUESTION_WORD}"
    r"|(?:ich )?(?:wollte|möchte)(?: ich)?(?: noch| nur| mal| gern)* (?:fragen|wissen))\b)+\W*",
    re.IGNORECASE,
)
_FILL_QUESTION = frozenset({"denn", "eigentlich", "auch", "bitte", "mal", "bei", "ihnen", "euch", "hier", "dafür"})
_SAME = {  # "Kann man mit Karte zahlen?", "Brauchen wir ein Rezept?"
    "man": "ich", "wir": "ich", "brauchen": "brauche", "brauch": "brauche", "braucht": "brauche", "können": "kann",
    "müssen": "muss", "dürfen": "darf", "sollen": "soll", "bekommen": "bekomme", "bekommt": "bekomme",
}  # fmt: skip
_INDIRECT = re.compile(  # "Ich wollte fragen, ob Sie auch Hausbesuche machen, …"
    r"^\W*(?:(?:guten (?:tag|morgen|abend)|hallo|moin|servus|grüß gott|ja|also|äh|und)\W+)*(?:ich )?(?:wollte|möchte|will|würde)\b"
    r"[^.?!,]*\b(?:fragen|wissen|hören),? ob (?P<who>Sie|ihr|ich|wir|man|es) (?P<rest>[^,.?!]*?)\s*\b(?P<verb>[a-zäöüß]+)"
    r"(?=[,.?!]|$).*",
    re.IGNORECASE | re.DOTALL,
)


def asked_words(question: str) -> list[str]:
    """Return the words of a question without "Guten Tag", "Ich habe eine Frage", "Und" before it, and "denn", "auch" in it."""
    question = _INDIRECT.sub(r"\g<verb> \g<who> \g<rest>", question)
    lead = _LEAD.match(question)
    words = re.findall(r"\w+", unicodedata.normalize("NFC", question[lead.end() if lead else 0 :]).casefold())
    return [_SAME.get(word, word) for word in words if word not in _FILL_QUESTION]
