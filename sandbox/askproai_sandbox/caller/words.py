"""The words of a German sentence that are names of callers and staff, or the noun that is asked for. Pure."""

import re

from askproai_runtime.german_dates import WEEKDAY_NAMES, says_nothing
from askproai_sandbox.caller.catalogue import Catalogue

PARTICLES = frozenset(
    {"von", "van", "vom", "zu", "zur", "de", "del", "della", "der", "den", "di", "da", "la", "le", "ten", "ter"}
)
_CAPITAL = "A-ZÄÖÜÀ-ÖØ-ÞİŞĞŁ"
NAME_WORD = rf"[{_CAPITAL}][\w'’-]+"
_NO_CALLER = (  # "Ich bin Freitag da", "Ich bin die Neukundin"
    rf"(?:(?:die|der)\s+)?(?:(?:Frau|Herr)\s+)?(?:{'|'.join(WEEKDAY_NAMES)}|Kund|Neukund|Patient|Privatpatient)\w*\b"
)
NAME = re.compile(
    r"(?:(?:(?:[Mm]ein |[Ss]ein |[Ii]hr |[Dd]er )?\bName (?:ist|lautet)|[Ii]ch hei(?:ß|ss)e|(?:[Ee]r|[Ss]ie) hei(?:ß|ss)t)\s+"
    rf"|[Bb]itte auf\s+(?!{_NO_CALLER}|Deutsch\b|[A-Z]\w+isch\b|Rechnung|Morgen|Abruf|Termin|Warte)"
    rf"(?={NAME_WORD}(?:\s+{NAME_WORD})?[.!]?\s*$)"
    rf"|(?:[Ii]ch bin|[Aa]uf den Namen|[Hh]ier (?:ist|spricht))\s+(?!{_NO_CALLER}))(?:(?:die|der)\s+)?"
    rf"(?:(?:Frau|Herr)\s+(?!{_NO_CALLER}))?"
    rf"({NAME_WORD}(?:\s+(?:(?:{'|'.join(sorted(PARTICLES))})\s+){{0,3}}{NAME_WORD})*)"
)
_LETTER = f"[{_CAPITAL}]"
_SPELLED_WORD = re.compile(rf"\b{_LETTER}(?:(?:-{_LETTER}\b)+|(?:\s+{_LETTER}\b(?!-))+)")  # "Ö Z T Ü R K", "R-I-T-A"
_SPELLED = re.compile(rf"{_SPELLED_WORD.pattern}(?:[\s,]*(?:und\s+)?(?:dann\s+)?{_SPELLED_WORD.pattern})*")
TITLE = r"(?:(?:Frau|Herrn?|Doktor(?:in)?|Dr\.?|Prof(?:essor(?:in)?|\.)?)\s+)"
_STAFF = re.compile(
    rf"\b([Bb]eim?|[Zz]u[mr]?|[Mm]it|[Vv]on)\s+(?:de[mr]\s+)?({TITLE}*)({NAME_WORD}(?:\s+{NAME_WORD})?)"
)
_SUBJECT = re.compile(rf"\b(?:[Hh]at|[Hh]ätte|[Kk]ann|[Ii]st|[Aa]rbeitet)\s+({NAME_WORD})")  # "Wann hat Jule Zeit?"
_BY_NAME = re.compile(
    rf"\b(?i:hätte|möchte|würde|will|gerne?|wieder|lieber|nehme|nur)\s+(?:(?i:ich|wir|gerne?|wieder|lieber|bitte)\s+)*(?:den|die)\s+({TITLE}*{NAME_WORD})"
)
_TO_THEM = re.compile(r"\b(?:zu|bei) (?:ihm|ihr)\b")
_ASKED_STAFF = re.compile(rf"(?:^|[,.!]\s+)({TITLE}*{NAME_WORD})(?:,?\s+bitte\b|,)")  # "Lena bitte, einen Ölwechsel"
SOMEBODY = (  # before a noun for a person: "für eine Freundin"
    r"(?:eine[nrm]?(?= (?:gute[nr]? )?(?:Freund(?:in)?|Bekannten?|Kolleg(?:en|in)|Nachbar(?:in|n)|Verwandten?)\b))"
)
NO_SERVICE = (
    r"(?!(?:Stopp?|Halt|Warten?|Sekunde|Augenblick|Quatsch|Termine?|Zeiten|Uhrzeit(?:en)?|Möglichkeiten|Platz|Plätze|Moment|Frage|Uhr|Hallo|Morgen|Danke|Gerne?|Genau|Okay|Perfekt|Ihnen|Dann|Also|Tag|Woche|Zeit|Mensch(?:en)?"
    r"|Mitarbeiter|Personen|Person|\w*(?:[Aa]rzt|[Ää]rztin|[Aa]nwalt|[Aa]nwältin|[Tt]herapeut(?:in)?|[Pp]fleger(?:in)?|[Bb]erater(?:in)?|[Ll]ehrer(?:in)?|[Tt]rainer(?:in)?|[Aa]ngebot|[Kk]ostenvoranschlag|[Mm]echaniker(?:in)?)|Doktor|Friseur(?:in)?|Hilfe|Notfall|Schmerzen|Probleme?|Beschwerden?|Angst|Ahnung|Eile|Rezept|Überweisung"
    r"|Arbeit|Schule|Kita|Büro|Bahn|Zug|Bus|Urlaub|Mann|Frau|Herrn?|Nachricht|Bescheid"
    r"|Freund(?:in(?:nen)?|e[ns]?)?|Bekannte[nr]?|Kolleg(?:en?|in(?:nen)?)|Nachbar(?:in|n)?|Verwandte[nr]?|Tochter|Sohn|Kind(?:er)?|Mutter|Mutti|Vater|Der|Die|Das|Den|Dem|Ich|Wir|Sie|Er|Es|Mir|Mich|Uns|Ihre?[nmrs]?|Mein\w*|Mei|Bei|Für|Aber|Oder"
    r"|Ganz|Einmal|Mit|Schade|Irgend\w*|Vielleicht|Eigentlich|Leider|Entschuldigung|Verzeihung|Servus|Moin|Grüß|Guten?|Bitte|Lieber|Möglichst|Sofort|Schnell"
    r"|Ein|Eine[nmrs]?|Zwei|Drei|Jo|Joa|Jawoll?|Jawohl|Passt|Super|Klar|Gut|Schön|Noch|Auch|Nur|Da|Dort|Hier|Jetzt|Gleich|So|Na|Ach|Ähm?"
    r"|Hat|Hast|Ist|Sind|Wird|Darf|Muss|Soll|Will|War|Gibt|Macht|Kann|Könnte\w*|Können|Haben|Hätte\w*|Habt|Möchte\w*|Geht|Ginge|Wo|Wer|Wie|Warum|Welche[rsn]?|Ab|Nach|Vor|Bis|In|Am|Um|Im|Zum|Zur|Ja|Nein|Nee|Nö|Tja|Doch|Was|Wann|Und|Name[n]?|Egal|Stunden?|Minuten?|Viertelstunden?|Wieder(?:hören|sehen|schauen)|Tschü(?:ss?|ß)|Tschö|Ciao|Ade)\b)"
)
_NO_NOUN = r"(?!\s+\w*ge\w{2,}(?:t|en)\b|\s+(?:mein|unser)e[rs]\b)"  # "Termin vorgezogen", "für das Auto meiner Frau"
_NOUN = rf"{NO_SERVICE}([A-ZÄÖÜ][\wäöüß-]{{2,}}(?:\s+und\s+[A-ZÄÖÜ][\wäöüß-]+)?)\b{_NO_NOUN}"
_SERVICE = re.compile(  # the noun after an article or a verb, before a "bitte", or before the time at the beginning
    r"(?<!as ist )(?<!as war )(?<!\bhabe )(?<!\bhab )(?<!\bhat )(?<!\bhatte )(?<!\bhatten )(?<!\bhatte ich )(?<!\bhatten wir )"
    r"(?<!keiten )(?<!robleme )(?<!chmerzen )"
    rf"\b(?i:ein(?:e[nmrs]?)?|zum|zur|für|beim|in|gerne?|brauche|möchte|will)\s+(?:(?i:ich|wir)\s+)?(?:(?i:ein(?:e[nm]?)?|den|die|das)\s+)?{_NOUN}"
    rf"|\b{NO_SERVICE}([A-ZÄÖÜ][\wäöüß-]{{3,}}),?\s+bitte\b|\bnoch\s+{_NOUN}\s+(?:danach|hinterher|dazu|im\s+Anschluss)\b"
    rf"|^\W*(?!(?:Auf|Bis|Zum|Geht|Ginge|Passt|Lieber|Vielleicht|Besser|Nur|Noch|Auch|Eher)\b){_NOUN}\s+(?:am|um|im|,)\s"
)
_LOWER = (
    r"(?!(?:bei|mit|für|in|an|am|im|auf|es|wenn|falls|pro|ohne|zu|zum|zur|ob|oder|und|von|vom|aus|nach)\b)[a-zäöüß]+"
)
_HAS = re.compile(r"\b(?:hab'?e?|haben|hat|hatten?|ist|sind|wurden?)\b", re.IGNORECASE)
_OWNS = re.compile(  # "Ich hab nur ein Sofa, das …"
    r"\b(?:ich|wir|er|sie)\s+(?:hab'?e?n?|hat)(?:\s+(?:nur|da|hier|so|noch|auch|zu Hause|zuhause))*\s*(?:eine?n?|ne[nr]?|n)?$",
    re.IGNORECASE,
)
_GOT = re.compile(
    r"\b(?:bekommen|erhalten|gekriegt|gehabt|gefunden|verloren|gelesen|gesehen|gehört|gekauft|bestellt|geschickt|geerbt|worden)\b"
)
_ASKED_FOR = re.compile(  # "Was kosten Gleitsichtgläser?", "Sind Gleitsichtgläser teuer?", but not "Was kostet das Ganze?"
    r"\b(?:(?i:kostet|kosten|dauert|dauern|teuer (?:ist|sind|wäre|wird|werden))|(?i:sind|ist|wird|werden|würden?|soll(?:en|te)?)"
    r"(?=[^.?!]*\b(?:kosten|dauern|teuer|kostenlos|kostenfrei|umsonst|gratis)\b))"
    rf"\s+(?:(?:{_LOWER}|bei (?:Ihnen|euch)|Ihre?n?)\s+)*"
    r"(?!(?:Ganze[ns]?|Spaß|Sache|Behandlung(?:en)?|Untersuchung|Besuch|Termine|Leistung(?:en)?|Dienstleistung(?:en)?)\b)"
    rf"{NO_SERVICE}([A-ZÄÖÜ][\wäöüß-]{{2,}})"
)
_CORRECTED_NAME = re.compile(  # "Mein Name ist Ulf Urban, nein, Urbach": the last of its words, or all of them
    rf"({NAME.pattern}),?\s+(?:äh,?\s+)?(?:nein|nee|Verzeihung|Entschuldigung|ich meine|Quatsch)\b[,.]?\s+"
    rf"(?!(?:{'|'.join(WEEKDAY_NAMES)})\b)({NAME_WORD}(?:\s+{NAME_WORD})?)"
    r"(?=\s*(?:[.,!]|$))"
)
_CORRECTED_ANSWER = re.compile(
    r"^((?:\W*(?i:ja|gerne?|okay|bitte|auf(?: den Namen)?)\b\W*)*)"
    rf"(?!(?i:ja|auf|gern|bitte)\b)({NAME_WORD}(?:\s+{NAME_WORD})*),?\s+"
    r"(?:(?:äh|ach|oder|moment),?\s+)?(?i:nein|nee|verzeihung|entschuldigung|sorry|ich meine|quatsch|äh)\b[,.]?\s+"
    rf"({NAME_WORD}(?:\s+{NAME_WORD})?)(?=\s*[.!]?\s*$)"
)
_COUNTED = re.compile(
    rf"\b(?:Woche|Tag|Monat|{'|'.join(WEEKDAY_NAMES)}) (?:danach|davor)\b|\b(?:Woche|Tag|Monat) (?:darauf|drauf)\b"
    r"|\b(?:(?:um\s+)?(?:die\s*)?(?:selbe|gleiche)|zur\s+(?:selben|gleichen)) (?:Uhrz|Z)eit\b",
    re.IGNORECASE,
)
SAME_TIME = re.compile(
    r"\b(?:(?:um|zu|zur)\s+)?(?:(?:die|der)\s*)?(?:selben?|gleichen?)\s+(?:Uhrz|Z)eit\b", re.IGNORECASE
)
_NAME_FIRST = re.compile(
    rf"\b((?!Ja\b|Das\b){NAME_WORD}(?:\s+{NAME_WORD})*)(?:\s+ist|,)?\s+(?:mein|der) Name\b(?!\s+(?:ist|war|lautet|wäre)\b)"
)
_NAME_HERE = re.compile(  # "Guten Tag, Heike Drei hier, …"
    r"^(\W*(?:(?:[Gg]uten (?:Tag|Morgen|Abend)|[Hh]allo|[Jj]a|[Mm]oin|[Ss]ervus|[Gg]rüß Gott)\W+)*)"
    rf"({NAME_WORD}(?: {NAME_WORD})?) (?:hier|am (?:Apparat|Telefon))[,.]"
)
_WHOLE_NAME = re.compile(  # "Mein Name ist Freitag. Susanne Freitag."
    rf"(?P<lead>\b(?:[Nn]ame (?:ist|lautet)|[Ii]ch hei(?:ß|ss)e)\s+)"
    rf"(?P<last>{NAME_WORD})[.,]\s+(?P<whole>{NAME_WORD}\s+(?P=last))\b"
)
_FILLER_WORDS = """
    ja jawohl jawoll jo joa jep klar prima
    nein gern gerne genau okay bitte danke vielen dank guten gute schönen tag morgen abend hallo auf für den das die der im am um
    name namen mein ist hier spricht bin heiße ich wir es mir ein eine einen nehme nehmen passt also dann äh ähm perfekt super
    frau herr herrn moment termin uhr wie was wann ganz egal sie schreiben tragen
    na dass weil wofür wozu wiederhören wiedersehen wiederschauen tschüss tschüs tschüß tschö ciao ade
"""
FILLERS = frozenset(_FILLER_WORDS.split())
_BESIDE_NAME_WORDS = """
    gut gesagt so hm mein meinen meine wie beim anderen immer vorhin eben hab habe doch schon
    unter dieser nummer telefon handy wäre lautet uns einfach nur auch noch mal mit
    doppel schreibt sich geschrieben trag ein buchen buche wunderbar prima alles klar buchstabiere zwei hinten vorne dt th
    tz ck tt ss ei ie ai ey
"""
RELATIVES = frozenset(  # "Für meine Tochter Emma Klein"
    {"Tochter", "Sohn", "Mutter", "Vater", "Schwester", "Bruder", "Oma", "Opa", "Enkel", "Enkelin", "Freundin"}
)
_NO_NAME = frozenset({"im", "am", "um", "dass", "weil", "wofür", "wozu"})
BESIDE_NAME = (FILLERS | frozenset(_BESIDE_NAME_WORDS.split()) | PARTICLES) - _NO_NAME


def take(pattern: re.Pattern[str], text: str) -> tuple[str | None, str]:
    """Return the first match (its first group that is not empty, if it has groups), and the text without it."""
    match = pattern.search(text)
    if match is None:
        return None, text
    return _first_group(match), f"{text[: match.start()]} , {text[match.end() :]}"


def _first_group(match: re.Match[str] | None) -> str | None:
    return next((group for group in match.groups() if group), match[0]) if match else None


def find_noun(text: str) -> str | None:
    """Return the noun that is asked for; None for a word that is a noun only by its place at the beginning of a sentence."""
    found = next((each for each in _SERVICE.finditer(text) if not _is_past(text, each)), None)
    noun = _first_group(found)
    return None if noun is None or says_nothing(noun) else noun


def _is_past(text: str, noun: re.Match[str]) -> bool:
    """Return whether a clause says what a caller has or has got: "Ich hab ein Schreiben vom Gericht bekommen"."""
    before, after = re.split(r"[,.;!?]", text[: noun.start()])[-1], re.split(r"[,.;!?]", text[noun.end() :])[0]
    return bool(_OWNS.search(f"{before}{noun[0].split()[0]}") or (_HAS.search(before) and _GOT.search(after)))


def find_asked_noun(text: str) -> str | None:
    """Return the noun of which a question asks for the price or the duration, whatever precedes it."""
    noun = _first_group(_ASKED_FOR.search(text))
    return None if noun is None or says_nothing(noun) else noun


def take_staff(text: str, catalogue: Catalogue) -> tuple[str | None, str]:
    """Return the staff member as the catalogue names them, else the words after "bei" or a title; and the rest of the text."""
    for match in _STAFF.finditer(text):
        preposition, title, words = match.groups()
        for said in (words, words.split()[0]):
            end = match.start(3) + len(said)
            if known := catalogue.find_staff(said):
                return known, f"{text[: match.start()]} , {text[end:]}"
        first = words.split()[0]
        may_be_person = preposition.lower() == "bei" and not (
            catalogue.find_services(words) or catalogue.is_place(first)
        )
        if (title.strip() or may_be_person) and first not in {"Ihnen", "Euch"}:
            return f"{title}{words}".strip(), f"{text[: match.start()]} , {text[match.end() :]}"
    for match in (*_SUBJECT.finditer(text), *_ASKED_STAFF.finditer(text)):
        if known := catalogue.find_staff(match[1]):
            return known, f"{text[: match.start(1)]} , {text[match.end(1) :]}"
    if known := _find_asked_person(text, catalogue):
        return known, re.sub(rf"\b{re.escape(known.split()[-1])}\b", " , ", text, count=1)
    known = catalogue.find_titled_staff(text)  # "wenn Frau Hoffmann Zeit hat"
    return known, re.sub(rf"\b({re.escape(known.split()[-1])})\s+Zeit\b", r"\1", text) if known else text


def _find_asked_person(text: str, catalogue: Catalogue) -> str | None:
    """Return the staff member of "Ich hätte gern den Torsten", or of "Lennart hat uns geholfen, wir würden gern wieder zu ihm"."""
    by_name = (catalogue.find_staff(match[1]) for match in _BY_NAME.finditer(text))
    if known := next(filter(None, by_name), None):
        return known
    named = [name for name in catalogue.staff if re.search(rf"\b{re.escape(name.split()[-1])}\b", text)]
    return named[0] if _TO_THEM.search(text) and len(named) == 1 else None


def find_counted(text: str) -> str:
    """Return words that count from a time that was said before ("in der Woche danach"), "" without any."""
    found = _COUNTED.search(text)
    return found[0] if found else ""


def correct_name(text: str) -> str:
    """Return a sentence with the name that its caller corrects or completes to, in the place of the one that was said first."""
    text = _NAME_HERE.sub(_named_here, _NAME_FIRST.sub(_named_first, text))
    return _WHOLE_NAME.sub(r"\g<lead>\g<whole>", _CORRECTED_NAME.sub(_corrected, text))


def correct_answer(text: str) -> str:
    """Return an answer with the name that it corrects to: "Ja, Anna Nym, nein, Anna Nimm"."""
    return _CORRECTED_ANSWER.sub(_corrected, text)


def _named_here(match: re.Match[str]) -> str:
    return f"{match[1]}{_my_name(match[1])} {match[2]},"


def _named_first(match: re.Match[str]) -> str:
    return f"{_my_name(match.string[: match.start()])} {match[1]}"


def _my_name(before: str) -> str:
    return "Mein Name ist" if before.rstrip()[-1:] in {"", ".", "!", "?"} else "mein Name ist"


def _corrected(match: re.Match[str]) -> str:
    lead, said, new = match[0][: match.start(2) - match.start()], match[2].split(), match[3].split()
    return lead + " ".join([*said[: -len(new)], *new])


def join_spelling(text: str) -> str:
    """Return a sentence with the letters that spell a word as that word, or without them if the word is said as well.

    "Rita Öztürk, R I T A, dann Ö Z T Ü R K" is "Rita Öztürk", and "R I T A, dann Ö Z T Ü R K" is "Rita Öztürk", too.
    """
    spelled = _SPELLED.search(text)
    if spelled is None:
        return text
    before, after = text[: spelled.start()], text[spelled.end() :]
    words = [re.sub(r"\W", "", word[0]).capitalize() for word in _SPELLED_WORD.finditer(spelled[0])]
    if all(re.search(rf"\b{word}\b", f"{before} {after}", re.IGNORECASE) for word in words):
        return re.sub(r"[\s,]+$", "", before) + after
    return f"{before}{' '.join(words)}{after}"


def find_capitalised_words(text: str) -> tuple[str, ...]:
    """Return the longest run of capitalised words, with the particles of a name between them, that are no fillers."""
    runs: list[list[str]] = [[]]
    tokens = re.findall(r"[\w'’-]+|[^\w\s]", text)
    for position, token in enumerate(tokens):
        following = next((word for word in tokens[position + 1 :] if word not in PARTICLES), "")
        is_particle = bool(runs[-1]) and token in PARTICLES and following[:1].isupper()
        if is_particle or (token[:1].isupper() and token.casefold() not in FILLERS):
            runs[-1].append(token)
        else:
            runs.append([])
    longest: list[str] = max(runs, key=len)
    return tuple(longest)


def says_only_name(text: str) -> bool:
    """Return whether a sentence with a name in it says nothing else: "Ja gut, dann auf Engel", not "Ich schaue in den Kalender"."""
    words = re.findall(r"[^\W\d_][\w'’-]+", text)
    return all(word[0].isupper() or word in BESIDE_NAME for word in words)
