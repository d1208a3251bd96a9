"""Texts of models that say nothing: placeholders, templates that nobody filled, "not given", and "no matter"."""

import re

from askproai_runtime.language.phrases import PLACEHOLDER_WORDS
from askproai_runtime.person_names import fold

_FURTHER = frozenset({
    "blank", "don t know", "dont know", "empty", "i don t know", "k a", "leer", "missing", "n a", "noch offen", "offen",
    "open", "pending", "placeholder", "redacted", "tba", "tbd", "todo", "unbekannt", "undecided", "unset", "unspecified",
})  # fmt: skip
# Words with which models say that nobody has named something, and words that go with them ("kein Rückruf nötig").
_NOT_NAMED = frozenset({
    "kein", "keine", "keinen", "keiner", "keins", "nan", "nee", "nein", "nicht", "nichts", "niemand", "nil", "no", "nobody",
    "none", "not", "nothing", "null", "ohne", "unbekannt", "undefined", "unknown", "unnoetig",
    "noone",
})  # fmt: skip
# Beside a negation these are something that a person refuses: "bitte keine E-Mail". "Keine Adresse" names none.
_REFUSED = frozenset({"call", "callback", "email", "mail", "phone", "rueckruf"})
_WITH_NOT_NAMED = frozenset({
    "address", "adresse", "ahnung", "angabe", "angaben", "angegeben", "applicable", "available", "back", "bekannt",
    "besondere", "besonderer", "bestimmte", "bestimmter", "bitte", "call", "callback", "danke", "data", "date", "daten",
    "datum", "e", "email", "erforderlich", "erwuenscht", "genannt", "gewuenscht", "given", "ich", "info", "information",
    "known", "mail", "mentioned", "mitarbeiter", "name", "named", "needed", "noch", "noetig", "notwendig", "number", "nummer",
    "one", "particular", "phone", "please", "praeferenz", "preference", "preferences", "provided", "required", "rueckruf",
    "said", "set", "specific", "specified", "staff", "stated", "supplied", "tag", "time", "uhrzeit", "value", "vorhanden",
    "vorliebe", "wanted", "weiss", "wert", "wunsch", "yet", "zeit",
    "bestimmten", "bestimmtes", "besonderen", "besonderes", "favorit", "favoriten", "favorite", "favourite", "in", "special",
    "spezielle", "speziellen",
})  # fmt: skip
# Between braces, brackets or signs these make a template or the mark of a redaction; `<svetlana>` is none.
_TEMPLATE = re.compile(
    r"(?P<sign>\{\{|\$\{|\{%|\{|\[|<|%|_{2,}|\()(?P<inside>[^{}\[\]<>]*)(?:\}\}|%\}|\}|\]|>|%|_{2,}|\))"
)
_FIELDS = frozenset({
    "anrufer", "appointment", "branch", "caller", "client", "customer", "date", "datum", "day", "email", "empty", "first",
    "full", "hidden", "insert", "kunde", "last", "leer", "leistung", "location", "mail", "masked", "nachname", "name", "none",
    "message", "nachricht", "note", "notes", "notizen",
    "null", "number", "of", "patient", "person", "phone", "pii", "placeholder", "redacted", "removed", "service", "staff",
    "start", "string", "telefon", "telefonnummer", "text", "time", "uhrzeit", "unbekannt", "unknown", "user", "value",
    "vorname", "wert", "your",
})  # fmt: skip
_WITH_FIELDS = frozenset({
    "break", "der", "des", "die", "einfuegen", "eintragen", "enter", "fill", "here", "hier", "id", "in", "insert", "s", "the",
    "your",
})  # fmt: skip
_MOST_WORDS = 2  # of a field
_MASKED = re.compile(r"[\s*#█■•_.?-]+|x{3,20}", re.IGNORECASE)
# No day at all, with or without a time.
_ZERO_DAY = re.compile(r"(?:0{4}-0{2}-0{2}|0{2}[./-]0{2}[./-]0{2,4}|0001-01-01)(?:[T ][\d:.Z+-]*)?")
_NO_MATTER = frozenset({
    "alle", "any", "anybody", "anyone", "anything", "anytime", "beliebig", "beliebige", "beliebigen", "beliebiger",
    "beliebiges", "egal", "either", "everyone", "flexibel", "flexible", "irgendein", "irgendeine", "irgendeinen", "irgendeiner",
    "irgendjemand", "irgendjemanden", "irgendwann", "irgendwas", "irgendwelche", "irgendwen", "irgendwer", "irgendwo", "jede",
    "jeden", "jeder", "whatever", "whenever", "wherever", "whichever", "whoever", "whomever", "wurscht", "wurst", "irgendeinem",
    "irgendjemandem", "irgendwem", "jedem", "all", "allen", "auto", "automatic", "automatisch", "default", "random",
    "zufaellig",
})  # fmt: skip
_WITH_NO_MATTER = frozenset({
    "available", "bei", "bin", "bitte", "branch", "das", "day", "do", "employee", "entweder", "es", "filiale", "fine", "for",
    "friseur", "ganz", "i", "ich", "is", "ist", "location", "m", "me", "member", "mir", "mitarbeiter", "mitarbeiterin", "ob",
    "of", "ok", "okay", "one", "person", "please", "preference", "provider", "s", "service", "slot", "staff", "stylist", "tag",
    "team", "termin", "that", "them", "there", "time", "uhrzeit", "uns", "voellig", "von", "wann", "was", "welche", "welchem",
    "welcher", "wem", "wen", "wer", "with", "wo", "works", "zeit", "zu", "alles", "all", "aus", "dem", "free", "frei", "gerne",
    "gern", "halt", "ihrem", "in", "kollege", "kollegen", "kollegin", "leute", "people", "passt", "really", "stylists", "the",
    "vom", "wirklich", "your", "on", "at", "salon", "good", "gut", "a", "also", "an", "are", "from", "total", "be", "beide",
    "beiden", "both", "but", "by", "can", "den", "der", "die", "does", "doch", "er", "euch", "fuer", "geht", "hat",
    "hauptsache", "ihnen", "it", "jemand", "jemanden", "kann", "ll", "macht", "mich", "or", "see", "she", "sie", "sind", "so",
    "someone", "somebody", "to", "two", "um", "us", "waere", "which", "who", "whom", "will", "working", "you", "zweien",
})  # fmt: skip
# Folded phrases that say "no matter" wherever they stand: "doesn't matter who", "bei wem auch immer". Further words go with them.
_INDIFFERENT = re.compile(
    r"\b(?:(?:(?:is|are) )?(?:not|nicht) (?:(?:so|that|all that|really|very|wirklich|weiter) )?(?:wichtig|entscheidend|important)"
    r"|(?:spielt|macht) (?:da |dabei |fuer (?:mich|uns) )?(?:(?:gar |ueberhaupt )?keinen? (?:rolle|unterschied)|nichts)"
    r"|(?:do|does|did)(?: not|n?(?: ?t)) (?:really )?(?:matter|care|mind)|no matter|makes? (?:no|any) difference|no difference"
    r"|all the same|the same to (?:me|us)|(?:do(?: not|n?(?: ?t)) have|have|hab\w*|got)"
    r" (?:a |any |no |keinen? )?(?:preference|vorliebe)s?"
    r"|(?:ist |is |sind )?(?:mir|uns) (?:(?:ist|is|sind) )?(?:es |das |alle |jede[rs]? )?(?:ganz |voellig |total )?(?:gleich|recht)"
    r"|(?:jede[rs]?|alle|das|es) (?:ist|is|sind) (?:(?:mir|uns) )?(?:das |ganz |voellig )?(?:gleich|recht)"
    r"|ganz gleich|gleich(?= (?:bei )?we[rmn]\b)|einerlei|schnuppe|schnurz\w*|unwichtig|unimportant|irrelevant|unabhaengig"
    r"|(?:i m|we re|am|are) (?:easy|not (?:fussy|picky|bothered))|not (?:fussy|picky|bothered)|up to you|your choice"
    r"|you (?:choose|decide|pick)|surprise me|leave (?:it|that) (?:up )?to you|ueberlass\w* (?:ich )?ihnen"
    r"|(?:entscheiden|waehlen) sie"
    r"|ueberraschen sie mich|(?:suchen sie|such) (?:sich )?(?:einfach )?(?:jemand\w* |eine[nr]? )?aus|wie sie (?:wollen|moechten)"
    r"|(?:wer|wem|wen|who|whom) ?(?:auch immer|ever(?: you have)?)|(?:naechst|erst)best\w*|offen fuer alles|wen sie haben"
    r"|(?:beide|both) (?:are |sind |is )?(?:fine|ok|okay|good|gut|recht)"
    r"|(?:wie|was) (?:e?s )?(?:ihnen |am )?(?:bess?ten? |besser )?passt"
    r"|(?:jemand\w*|eine[mnr]?|some(?:one|body)|one) (?:aus|from|in|of|vo[mn]) (?:dem |den |ihrem |the |your )?"
    r"(?:beiden|both|euch|ihnen|salon|team|them|two|you|zweien)"
    r"|(?:no|without|kein\w*|niemand\w*|ohne) (?:bestimmt\w*|besonder\w*|speziell\w*|certain|particular|special|specific)"
    r"|(?:next|first|soonest|erste[nr]?|naechste[nr]?) (?:one )?(?:available|free|freie[nr]?|verfuegbare[nr]?))\b"
)
# Beginnings of folded nouns for anybody of a trade. A noun that narrows the choice ("any woman", "irgendein Meister") is none.
_OF_THE_TRADE = (
    "aerzt", "arzt", "barber", "beautician", "behandler", "berater", "dentist", "doctor", "doktor", "friseu", "frisoer", "groomer",
    "hairdresser", "instructor", "kosmetik", "lehrer", "masseu", "mechani", "mitarbeit", "nageldesign", "physio", "practitioner",
    "professional", "stylist", "tattoo", "teacher", "technician", "techniker", "therap", "trainer", "zahnaerzt", "zahnarzt",
)  # fmt: skip
# "Wer zuerst Zeit hat": a word that asks for anybody, one that says free, and words that go with them.
_WHOEVER = ("wer", "who", "whoever", "jeder", "jemand", "anyone", "anybody", "someone", "somebody")
_FREE = frozenset({
    "arbeitet", "available", "can", "da", "free", "frei", "kann", "opening", "passt", "there", "time", "verfuegbar", "working",
    "works", "zeit",
})  # fmt: skip
_WITH_FREE = frozenset({
    "a", "als", "am", "an", "auch", "bei", "den", "der", "die", "ehesten", "eben", "einen", "erste", "erster", "erstes",
    "ersten", "earliest", "eher", "ever", "first", "frueh", "fruehesten", "gerade", "gerne", "grad", "halt", "has", "hat",
    "ihnen", "immer", "is", "ist", "jetzt", "me", "mich", "naechsten", "next", "nimmt", "on", "right", "now", "s",
    "schnellsten", "see", "slot", "soonest", "take", "team", "termin", "that", "the", "then", "dann", "von", "vom", "who",
    "zuerst", "at", "besser", "besten", "dem", "euch", "tag", "day", "um",
})  # fmt: skip


def is_placeholder(text: str) -> bool:
    """Return whether an argument is empty, or a placeholder instead of words: `null`, `{{caller}}`, `[REDACTED]`."""
    folded = fold(text)
    if not folded or folded in PLACEHOLDER_WORDS | _FURTHER or ("{{" in text and "}}" in text) or "${" in text:
        return True
    if _MASKED.fullmatch(text.strip()) or _ZERO_DAY.fullmatch(text.strip()):
        return True
    found = _TEMPLATE.fullmatch(text.strip())
    words = re.sub(r"\d+", " ", fold(found["inside"])).split() if found else []
    # "[Kunde hat Nussallergie]" and "(first time customer)" say something
    is_field = set(words) <= _FIELDS | _WITH_FIELDS | _NOT_NAMED | _WITH_NOT_NAMED
    return is_field and not _FIELDS.isdisjoint(words) and (len(words) <= _MOST_WORDS or words[0] in _WITH_FIELDS)


def names_nothing(text: str) -> bool:
    """Return whether an argument is a placeholder, or says that nobody has named anything: `keine`, `nicht angegeben`."""
    words = set(fold(text).split())
    return is_placeholder(text) or (words <= _NOT_NAMED | _WITH_NOT_NAMED and not words.isdisjoint(_NOT_NAMED))


def refuses_contact(text: str) -> bool:
    """Return whether words refuse a call or an e-mail: such words stay in a text for a person, although they name nothing."""
    words = set(fold(text).split())
    return not words.isdisjoint(_REFUSED) and not words.isdisjoint(_NOT_NAMED) and not is_placeholder(text)


def leaves_open(text: str) -> bool:
    """Return whether an argument says that any choice will do: `egal`, `any`, `wer frei ist`, `bei wem auch immer`."""
    folded = fold(text)
    words = set(folded.split())
    if folded.startswith(_WHOEVER) and words <= _FREE | _WITH_FREE | set(_WHOEVER) and not words.isdisjoint(_FREE):
        return True
    said = _INDIFFERENT.sub(" egal ", folded).split()
    return not _NO_MATTER.isdisjoint(said) and all(_goes_with_no_matter(word) for word in said)


def _goes_with_no_matter(word: str) -> bool:
    return word in _NO_MATTER | _WITH_NO_MATTER or word.startswith(_OF_THE_TRADE)


def drop_open_words(text: str) -> str:
    """Return the folded words of an argument without those that leave it open: `kim` for `egal ob Kim`."""
    return " ".join(word for word in fold(text).split() if word not in _NO_MATTER | _WITH_NO_MATTER)
