"""Words in and around the names of people, German and English, folded. Each list is here once, for all its readers."""

import re
from typing import Final

from askproai_runtime.person_names import TITLES

# Small words within names: "von Hohenzollern", "geborene Meier".
PARTICLES: Final = frozenset({
    "al", "av", "ben", "bin", "born", "da", "das", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "el", "geb",
    "geborene", "geborener", "het", "ibn", "jr", "junior", "la", "las", "le", "los", "nee", "op", "senior", "sr", "t", "te",
    "ten", "ter", "van", "vom", "von", "y", "zu", "zum", "zur",
})  # fmt: skip
# Whom a caller brings: a model may pass it in place of a name. The relatives are nobody but another person.
RELATIVES: Final = frozenset({
    "boyfriend", "brother", "brothers", "bruder", "brueder", "child", "children", "cousin", "cousine", "dad", "daughter",
    "daughters", "ehefrau", "ehemann", "enkel", "enkelin", "father", "frau", "freund", "freunde", "freundin", "friend", "friends",
    "girlfriend", "husband", "kid", "kids", "kind", "kinder", "kollege", "kollegin", "mama", "mann", "mom", "mother", "mum",
    "mutter", "mutti", "oma", "opa", "papa", "partner", "partnerin", "schwester", "schwestern", "sister", "sisters", "soehne",
    "sohn", "son", "sons", "tochter", "toechter", "vater", "wife",
})  # fmt: skip
COMPANIONS: Final = RELATIVES | {
    "begleiter", "begleiterin", "begleitperson", "begleitung", "companion", "gast", "guest", "people", "person", "personen",
}  # fmt: skip
SEVERAL_RELATIVES: Final = frozenset({
    "brothers", "brueder", "children", "daughters", "freunde", "friends", "kids", "kinder", "people", "personen", "schwestern",
    "sisters", "soehne", "sons", "toechter",
})  # fmt: skip
POSSESSIVES: Final = re.compile(r"(?:mein|unser|sein|ihr)(?:e[mnrs]?)?|my|our|his|her|their")
BEFORE_COMPANIONS: Final = frozenset({
    "a", "andere", "anderer", "another", "beste", "bester", "das", "dem", "den", "der", "die", "dritte", "ein", "eine", "einen",
    "einer", "erste", "for", "fuer", "grosse", "grosser", "her", "his", "ihr", "ihre", "ihren", "ihrer", "kleine", "kleiner",
    "mein", "meine", "meinem", "meinen", "meiner", "mit", "my", "noch", "one", "other", "our", "second", "sein", "seine", "the",
    "their", "two", "unser", "unsere", "weitere", "weiterer", "with", "younger", "zwei", "zweite", "zweiter",
})  # fmt: skip
# Before a name they are no part of it: "Kundin Petra".
CUSTOMERS: Final = frozenset({
    "anrufer", "anruferin", "caller", "client", "customer", "klient", "klientin", "kunde", "kundin", "neukunde", "neukundin",
    "patient", "patientin", "stammkunde", "stammkundin",
})  # fmt: skip
ROLES: Final = TITLES | CUSTOMERS | {
    "anonym", "anonymer", "anonymous", "anrufende", "dame", "familienname", "first", "full", "i", "ich", "inhaber", "jemand",
    "kunden", "last", "madam", "me", "mich", "mir", "myself", "n", "nachname", "name", "neu", "neue", "neuer", "new", "nn",
    "number", "nummer", "nutzer", "selber", "selbst", "self", "sir", "somebody", "someone", "surname", "test", "tester",
    "testkunde", "testname", "unbekannt", "unbekannte", "unbekannten", "unbekannter", "unknown", "unnamed", "uns", "us", "user",
    "vorname", "wir", "yourself",
}  # fmt: skip
NO_NAME: Final = COMPANIONS | BEFORE_COMPANIONS | ROLES
SAMPLES: Final = frozenset({"mustermann", "musterfrau", "doe"})  # surnames of examples, which real people have, too
# Small words that are in no name: beside one, they make a sentence.
OF_SENTENCES: Final = frozenset({
    "ab", "abgesagt", "after", "am", "an", "and", "are", "as", "at", "auch", "auf", "aus", "bei", "but", "bzw", "by", "danach",
    "dann", "doch", "er", "falls", "geht", "gern", "gerne", "habe", "hat", "if", "im", "immer", "in", "is", "ist", "ja", "kann",
    "kein", "keine", "keinen", "komme", "kommt", "lieber", "maybe", "moechte", "nach", "nein", "nicht", "no", "not", "nur", "oder",
    "ohne", "on", "only", "or", "rather", "same", "schon", "sie", "sind", "sondern", "statt", "steht", "that", "then", "this",
    "um", "und", "unter", "vielleicht", "want", "was", "weiss", "wenn", "wie", "will", "wir", "without", "yes", "zusammen",
}) | (BEFORE_COMPANIONS - PARTICLES)  # fmt: skip
# Words that leave the caller alone, and words that go with them: "nur ich", "keine Begleitung", "1 adult". "A guest" has none.
ALONE: Final = frozenset({
    "adult", "allein", "alleine", "alone", "anrufer", "anruferin", "bloss", "caller", "erwachsener", "herself", "himself", "ich",
    "just", "kein", "keine", "keinen", "keiner", "me", "myself", "nein", "nicht", "nichts", "niemand", "niemanden", "no",
    "nobody", "none", "not", "nur", "only", "selber", "selbst", "single", "solo",
})  # fmt: skip
BESIDE_ALONE: Final = frozenset({
    "1", "a", "begleiter", "begleitperson", "begleitpersonen", "begleitung", "by", "companion", "companions", "der", "die",
    "else", "guest", "guests", "i", "it", "komme", "n", "one", "other", "others", "people", "person", "personen", "s", "sonst",
    "the", "weitere", "weiteren", "weiterer", "weiteres",
})  # fmt: skip
# Words for a person whom nobody has named yet.
UNKNOWN: Final = frozenset(
    {"bekannt", "known", "offen", "open", "tba", "tbd", "unbekannt", "undecided", "unknown", "unnamed", "weiss"}
)
# First names that are hardly ever surnames. A word alone that is none of them counts as a surname.
FIRST_NAMES: Final = frozenset({
    "alexander", "ali", "andrea", "andreas", "angelika", "anja", "anna", "anne", "ayse", "barbara", "bernd", "birgit",
    "brigitte", "christian", "christina", "christine", "clara", "claudia", "daniel", "dennis", "dieter", "dirk",
    "dominik", "elias", "elisabeth", "elke", "emilia", "emily", "emma", "eva", "fabian", "fatma", "felix", "finn",
    "florian", "frank", "gabriele", "gerhard", "gertrud", "gisela", "guenter", "hanna", "hannah", "hannelore", "hans",
    "heike", "heinz", "helga", "helmut", "holger", "horst", "ilse", "ingrid", "jack", "james", "jan", "jennifer",
    "jessica", "joerg", "johanna", "john", "jonas", "juergen", "julia", "jutta", "karin", "katharina", "kathi",
    "kathrin", "katrin", "kerstin", "kevin", "klara", "klaus", "laura", "lea", "lena", "leon", "leonie", "linda",
    "lisa", "luca", "lukas", "manfred", "marco", "maria", "markus", "martina", "mary", "matthias", "maximilian",
    "mehmet", "melanie", "mia", "michael", "monika", "mustafa", "nicole", "niklas", "nina", "noah", "olaf", "oliver",
    "olivia", "petra", "philipp", "rainer", "ralf", "renate", "sabine", "sandra", "sarah", "sebastian", "silke",
    "sofia", "sophie", "stefan", "stefanie", "stephan", "stephanie", "susanne", "sven", "tanja", "tim", "tobias",
    "ursula", "ute", "uwe", "wolfgang",
})  # fmt: skip
# Signs of a firm in a name: its legal form, and the words behind "Müller &".
_LEGAL_FORM = r"g?mbh|ag|kgaa|kg|ohg|gbr|ug|e\.? ?v\.?|e\.? ?k\.?|ltd|limited|inc|llc|llp|corp|plc"
FIRM: Final = re.compile(
    rf"\s(?:{_LEGAL_FORM})\.?$|^(?:firma|praxis|kanzlei|autohaus|hausverwaltung|hotel|restaurant|agentur|verein|\w+erei)\s"
    r"|^\S+ & (?:sohn|tochter|son)$|^\S+(?:, \S+)? (?:&|\+|und|and) "
    r"(?:co|cie|söhne|soehne|sons|töchter|daughters|partner|partners|kollegen|brüder|bros|associates)\b",
    re.IGNORECASE,
)
# Several people under one name.
FAMILY: Final = re.compile(
    r"\b(?:ehepaar|eheleute|paar|familie|fam|geschwister|zwillinge|couple|family|twins"
    r"|zu (?:zweit|dritt|viert)|x ?\d|of us)\b|^(?:die|the) \w+s$",
    re.IGNORECASE,
)
