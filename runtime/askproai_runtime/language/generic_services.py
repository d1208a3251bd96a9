"""Words that name no service of any business: "einen Termin bitte", "a regular appointment". Pure."""

from askproai_runtime.person_names import fold

# Folded, as the words that go with them.
_GENERIC = frozenset({
    "angebot", "anwendung", "appointment", "appointments", "appt", "behandlung", "behandlungen", "behandlungstermin", "beratung",
    "beratungen", "beratungsgespraech", "beratungstermin", "besuch", "booking", "buchung", "consult", "consultation",
    "consultations", "dienstleistung", "dienstleistungen", "gespraech", "leistung", "leistungen", "meeting", "reservation",
    "reservierung", "service", "services", "session", "sitzung", "slot", "termin", "terminbuchung", "termine", "treatment",
    "treatments", "visit",
})  # fmt: skip
_WITH_GENERIC = frozenset({
    "a", "allgemein", "allgemeine", "allgemeinen", "allgemeiner", "an", "and", "bei", "bitte", "book", "brauche", "buchen",
    "das", "den", "der", "die", "ein", "eine", "einen", "einer", "einfach", "einfache", "einfachen", "einfacher", "for",
    "freien", "freier", "general", "gern", "gerne", "haette", "haetten", "have", "i", "ich", "ihnen", "irgendein", "irgendeine",
    "irgendeinen", "like", "machen", "mein", "meine", "meinen", "moechte", "my", "naechsten", "naechster", "need", "neue",
    "neuen", "neuer", "new", "next", "normal", "normale", "normalen", "normaler", "please", "regulaere", "regulaeren",
    "regulaerer", "regular", "simple", "some", "standard", "the", "to", "und", "vereinbaren", "want", "we", "wir", "would",
})  # fmt: skip
GENERIC = _GENERIC | _WITH_GENERIC


def is_generic(said: str) -> bool:
    """Return whether words name no service of any business: "Termin", "eine Beratung", "appointment"."""
    words = set(fold(said).split())
    return words <= GENERIC and not words.isdisjoint(_GENERIC)
