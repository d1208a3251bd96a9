"""Reads a German caller's sentence by tables of patterns: what is wanted, and the words to pass on. Pure.

docs/demo-agent.md lists what is understood.
"""

import re
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from askproai_runtime.german_dates import WEEKDAY_NAMES, says_nothing
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.email_address import EMAIL
from askproai_sandbox.caller.spoken_time import MARK, Times, cut_rejections, find_rejected_people, find_too, is_shift, name_hours

PARTICLES = frozenset(
    {"von", "van", "vom", "zu", "zur", "de", "del", "della", "der", "den", "di", "da", "la", "le", "ten", "ter"}
)
NAME_WORD = r"[A-ZÄÖÜ][\w'’-]+"
_NAME = re.compile(
    r"(?:[Mm]ein Name (?:ist|lautet)|[Ii]ch hei(?:ß|ss)e|[Ii]ch bin|auf den Namen|[Hh]ier (?:ist|spricht))\s+(?:(?:die|der)\s+)?"
    rf"(?:(?:Frau|Herr)\s+)?(?!(?:{'|'.join(WEEKDAY_NAMES)}|Kund|Neukund|Patient|Privatpatient)\w*\b)"
    rf"({NAME_WORD}(?:\s+(?:(?:{'|'.join(sorted(PARTICLES))})\s+){{0,3}}{NAME_WORD})*)"
)
_LETTER = "[A-ZÄÖÜ]"
_SPELLED_WORD = re.compile(rf"\b{_LETTER}(?:(?:-{_LETTER}\b)+|(?:\s+{_LETTER}\b(?!-))+)")  # "Ö Z T Ü R K", "R-I-T-A"
_SPELLED = re.compile(rf"{_SPELLED_WORD.pattern}(?:[\s,]*(?:und\s+)?(?:dann\s+)?{_SPELLED_WORD.pattern})*")
_TITLE = r"(?:(?:Frau|Herrn?|Doktor(?:in)?|Dr\.?|Prof(?:essor(?:in)?|\.)?)\s+)"
_STAFF = re.compile(rf"\b(bei|beim|zu|zum|zur|mit|von)\s+(?:de[mr]\s+)?({_TITLE}*)({NAME_WORD}(?:\s+{NAME_WORD})?)")
_ANYBODY = re.compile(
    r"\b(?:ganz )?egal,? (?:bei |zu |mit )?we[mr]\b|\bwer (?:gerade )?Zeit hat\b|\birgendwem\b", re.IGNORECASE
)
_BRANCH = re.compile(r"\b(?:Filiale|Zweigstelle|Standort)\s+((?:(?:in|im|am)\s+)?[A-ZÄÖÜ][\wäöüß-]+)")
_PLACE = re.compile(rf"\b(?:in|im|nach|am)\s+((?!Ordnung\b){NAME_WORD})|\b(?:in\s+)?(\d{{5}})\b|\b(wie immer)\b")
NO_SERVICE = (
    r"(?!(?:Termin|Moment|Frage|Uhr|Hallo|Morgen|Danke|Gerne?|Genau|Okay|Perfekt|Ihnen|Dann|Also|Tag|Woche|Zeit|Mensch(?:en)?"
    r"|Mitarbeiter|Personen|Person|(?:Zahn)?[AÄ]rzt(?:in)?|Doktor|Friseur(?:in)?|Hilfe|Notfall|Schmerzen|Rezept|Überweisung|Mann|Frau"
    r"|Tochter|Sohn|Kind(?:er)?|Mutter|Mutti|Vater|Der|Die|Das|Den|Dem|Ich|Wir|Sie|Er|Es|Mir|Mich|Uns|Mein\w*|Mei|Bei|Für|Aber|Oder"
    r"|Ganz|Irgend\w*|Vielleicht|Eigentlich|Leider|Entschuldigung|Verzeihung|Servus|Moin|Grüß|Guten?|Bitte|Lieber|Möglichst|Sofort|Schnell"
    r"|Ein|Eine[nmrs]?|Zwei|Drei|Jo|Joa|Jawoll?|Jawohl|Passt|Super|Klar|Gut|Schön|Noch|Auch|Nur|Da|Dort|Hier|Jetzt|Gleich|So|Na|Ach|Ähm?"
    r"|Kann|Könnte\w*|Können|Haben|Hätte\w*|Habt|Möchte\w*|Geht|Ginge|Wo|Wer|Wie|Warum|Welche[rsn]?|Ab|Nach|Vor|Bis|In|Am|Um|Im|Zum|Zur|Ja|Nein|Was|Wann|Und|Name[n]?|Egal|Stunden?|Minuten?|Viertelstunden?|Wieder(?:hören|sehen|schauen)|Tschü(?:ss?|ß)|Tschö|Ciao|Ade)\b)"
)
_NOUN = rf"{NO_SERVICE}([A-ZÄÖÜ][\wäöüß-]{{2,}}(?:\s+und\s+[A-ZÄÖÜ][\wäöüß-]+)?)\b(?!\s+\w*ge\w{{2,}}(?:t|en)\b)"
_SERVICE = re.compile(  # the noun after an article or a verb, before a "bitte", or before the time at the beginning
    rf"\b(?i:ein(?:e[nmrs]?)?|zum|zur|für|beim|in|gerne?|brauche|möchte|will)\s+(?:(?i:ein(?:e[nm]?)?|den|die|das)\s+)?{_NOUN}"
    rf"|\b{NO_SERVICE}([A-ZÄÖÜ][\wäöüß-]{{3,}}),?\s+bitte\b|\bnoch\s+{_NOUN}\s+(?:danach|hinterher|dazu|im\s+Anschluss)\b"
    rf"|^\W*(?!(?:Auf|Bis|Zum|Geht|Ginge|Passt|Lieber|Vielleicht|Besser|Nur|Noch|Auch|Eher)\b){_NOUN}\s+(?:am|um|im|,)\s"
)
_NO_APPOINTMENT = re.compile(  # what is wanted is something that no function gives: a paper, a mail, a lift
    r"\b(?:(?:zu)?schick(?:e|en)?|(?:zu)?send(?:e|en)|zumailen)\b|\b(?:eine?n?|die|der|den)\s+"
    r"(?-i:\w*[Bb]estätigung|\w*[Rr]echnung|Quittung|Beleg|Bescheinigung|Attest|Krankschreibung|\w*[Ee]rinnerung|SMS|Gutschein"
    r"|Aufzug|Fahrstuhl|Lift|Gebühr)\b",
    re.IGNORECASE,
)
_FILLER_WORDS = """
    ja nein gern gerne genau okay bitte danke vielen dank guten gute schönen tag morgen abend hallo auf für den das die der im am um
    name namen mein ist hier spricht bin heiße ich wir es mir ein eine einen nehme nehmen passt also dann äh ähm perfekt super
    frau herr herrn moment termin uhr wie was wann ganz egal wiederhören wiedersehen wiederschauen tschüss tschüs tschüß tschö ciao ade
"""
_FILLERS = frozenset(_FILLER_WORDS.split())
_YES = re.compile(
    r"\b(joa?|jawoll?|jawohl|ja|klar|gerne?|passt|genau|okay|ok|perfekt|super|einverstanden|in ordnung|nehme? ich|bitte buchen)\b",
    re.IGNORECASE,
)
_YES_FIRST = re.compile(rf"\W*{_YES.pattern}", re.IGNORECASE)
_CHECKING = r"(?:ist|wäre?|wär|war|sind) (?:das|es|der|dies)\b"  # "Ist das morgen?"
_CHECKS = re.compile(rf"\b{_CHECKING}(?!.*\b(?:auch|noch|frei|möglich|nicht)\b)", re.IGNORECASE | re.DOTALL)
_QUESTION = re.compile(  # with the mark that ends it, or without it by its words
    rf"\?|(?:^\W*|[,.;!]\s*|\b(?:und|aber|ja|ach|so|äh|ähm|hm|Sie|Moment)\W+){_CHECKING}|,\s*oder(?: nicht)?[\s.!]*$", re.IGNORECASE
)
_NO = re.compile(r"\b(nein|nee|leider|lieber|anders|nicht|doch nicht)\b", re.IGNORECASE)
_OTHER_TIME = re.compile(
    r"\b(?:später|früher|ander(?:e|er|en|es) (?:Tag|Zeit|Uhrzeit|Termin)|etwas anderes)\b", re.IGNORECASE
)


_SEVERAL = re.compile(
    r"\bfür mich und\b|\bfür [^.?!,]+\bund mich\b|\bzu (?:zweit|dritt)\b|\b(?:für )?(?:zwei|drei|beide) (?:Personen|Leute|Kinder)\b"
    r"|\b(?:uns|für|wir) beide\b|\b(?:uns|wir) (?:zwei|drei)\b"
    r"|\b(?:zusammen|gemeinsam) mit mein\w+|\bmit mein\w+ (?-i:[A-ZÄÖÜ])[\w-]+ (?:zusammen|gemeinsam)\b"
    r"|\bich und mein\w*|\bmeine? (?-i:[A-ZÄÖÜ])[\w-]+ und ich\b"
    r"|\b(eine[nr]?|einmal) (?:(?-i:[A-ZÄÖÜ])\w+ )?für\b[^.?!]*\bund \1 für\b"
    r"|\b(?:zwei|drei)(?:mal)? (?!Uhr|Tag|Woch|Monat|Stund|Minut|Viertel|Termin)(?-i:[A-ZÄÖÜ])\w+",
    re.IGNORECASE,
)
_SEVERAL_APPOINTMENTS = re.compile(r"\b(?:zwei|drei|mehrere) Termine\b", re.IGNORECASE)  # of one person
_NEXT_ONE = re.compile(  # "und einmal Krallen", "und am Donnerstag"
    rf",?\s+(?:und\s+)?(?:dann\s+)?(?:noch\s+)?(?:einmal|einen|eine|eins)\s+(?=[^.?!]*[A-ZÄÖÜ])|\s+und\s+(?=(?:am|um|den)?\s*{MARK})",
    re.IGNORECASE,
)
_AFTER_LAST = re.compile(r"\b(?:danach|hinterher|anschließend|im Anschluss|direkt dahinter)\b", re.IGNORECASE)
_BEFORE_LAST = re.compile(r"\b(?:davor|vorher|direkt vorneweg)\b", re.IGNORECASE)
_ENGLISH = frozenset(
    "the you do i would like my please speak english have appointment at on is and to can need want book hello hi tomorrow today"
    " yes for what how much with this that it a could get haircut dog are there your we".split()
)
_BOTH = re.compile(r"\bbeide\b|\balle (?:zwei|drei)\b", re.IGNORECASE)
_BYE = r"\b(?:tschü(?:ss?|ß)|tschö|ciao|ade|wieder(?:hören|sehen|schauen))\b"
_SEE_YOU = re.compile(r"\bbis (?!wann)|\b(?:melde|rufe?|probiere?|versuche?)\b", re.IGNORECASE)  # "Dann bis Freitag!"
_REGRETS = re.compile(r"\b(?:schade|na gut|na ja|tja|ach)\b", re.IGNORECASE)  # no name
_ENDS_CALL = re.compile(_BYE, re.IGNORECASE)


class Intent(Enum):
    """What a sentence is about, if it is not a time for a new appointment."""

    MESSAGE = auto()
    WAITLIST = auto()
    TRANSFER = auto()
    CALLBACK = auto()
    CANCELLATION = auto()  # what it costs, and until when
    CANCEL = auto()
    MOVE = auto()
    NOTHING = auto()  # the caller wants no appointment, or not to change one
    LIST = auto()
    AI = auto()
    DETAILS = auto()  # how long a service takes, what it needs
    PRICES = auto()
    WORKING_HOURS = auto()  # of a person
    HOURS = auto()
    ADDRESS = auto()
    SERVICES = auto()
    STAFF = auto()
    APPOINTMENT = auto()
    GOODBYE = auto()
    GREETING = auto()


_PATTERNS: dict[Intent, tuple[str, ...]] = {  # the first intent that matches counts
    Intent.AI: (
        r"\b(?:sind Sie|ist das|bist du|(?:spreche|rede|bin) ich.* mit)\b.*\b(?:KI|Roboter|Computer|Maschine|Mensch(?:en)?)\b",
        r"\b(?:sind Sie|bist du) (?:ein |eine )?echte?[nr]?\b",
    ),
    Intent.MESSAGE: (
        r"\bausrichten\b",
        r"\b(?:richten|sagen) Sie\b[^.?!]*\bdass\b",
        r"\brichten Sie\b[^.?!]*\baus\b",
        r"\b(?:weitergeben|weitersagen)\b",
        r"\b(?:können|könnten|würden) Sie (?:bitte )?(?:das|es) (?:bitte )?(?:de[mr] )?(?-i:[A-ZÄÖÜ])[^.?!]*\bsagen\b",
        r"\bNachricht\b[^.?!]*\b(?:hinterlassen|dalassen|aufgeben)\b",
    ),
    Intent.WAITLIST: (r"\bWarteliste\b",),
    Intent.TRANSFER: (
        r"\b(?:verbinde\w*|durchstellen|weiterleiten|stellen Sie mich durch)\b",
        r"\b(?:mit|an) (?:(?:eine[mnr]|de[mnr]|Ihre[mnr]) )?(?:echten )?(?:Menschen?|Mitarbeiter(?:in)?|Kolleg\w+|jemande[mn])\b",
        r"\bmit (?!Ihnen\b)[^.?!,]*\bsprechen\b",
    ),
    Intent.CALLBACK: (r"\bRückruf\b", r"\bzurück(?:zu)?rufen\b", r"\bruf\w*\b[^.?!]*\bzurück\b"),
    Intent.MOVE: (
        r"\b(?:verschieben|(?:vor|zurück)?schieben|verlegen|umbuchen|verschoben|umlegen|vor(?:zu)?(?:ver)?legen|vor(?:zu)?ziehen)\b",
        r"\b(?:auf|nach (?:vorne?|hinten))\b[^.?!]*(?-i:\blegen\b)",  # "Waschen und Legen" is a service
    ),
    Intent.CANCELLATION: (r"\b(?:kostet|bis wann|wie lange vorher)\b[^.!]*\b(?:abzusag|absag|storn)\w*",),
    Intent.CANCEL: (
        r"\b(?:absagen?|abzusagen|stornier\w*|streichen)\b",
        r"\bsag\w*\b.*\bab\b(?!\s+\d)",
        r"\bkann\b.*\bnicht\b[^,.?!]*\b(?:kommen|wahrnehmen)\b",
        r"\bich komme\b[^.?!]*\bnicht\b",
    ),
    Intent.NOTHING: (
        r"\b(?:will|möchte|brauche|wünsche)\b[^,.?!]*\bkeinen?\b[^,.?!]*\btermin(?![^.?!]*\bsondern\b)",
        r"\b(?:lassen wir (?:es|das)|lassen Sie (?:es|alles|den|ihn)|bleib\w* (?:bitte )?(?:dabei|alles)|alles so bleib\w*|vergessen Sie|hat sich erledigt)\b",
    ),
    Intent.LIST: (
        r"\bwann\b[^.?!]*\bmeine?[nr]?\b[^.?!]*\btermin",
        r"\b(?:welche|was für)\b[^.?!]*\btermine?\b[^.?!]*\bich\b",
        r"\bhabe? ich\b[^.?!]*\btermine?\b",
        r"\bwann (?:bin|muss|soll) ich\b",
        r"\bmeine termine\b",
    ),
    Intent.DETAILS: (r"\bmitbringen\b", r"\bwie lange\b[^.?!]*\b(?:dauer[nt]|dauert|braucht)\b"),
    Intent.PRICES: (
        r"\b(?:kostenlos|kostenfrei|umsonst|gratis)\b",
        r"\b(?:kostet|kosten|preise?|teuer)\b",
        r"\bwie ?viel (?:zahle|muss|macht)\b",
    ),
    Intent.WORKING_HOURS: (r"\bwann\b[^.?!]*\barbeitet\b",),
    Intent.HOURS: (
        r"Öffnungszeit",
        r"\b(?:wann|wie lange)\b[^.?!]*\b(?:offen|geöffnet|auf|zu)\b",
        r"\b(?:offen|geöffnet) (?:habt|haben)\b",
        r"\bauf ?(?:habt|haben)\b",
        r"\b(?:haben|habt) (?:Sie|ihr)\b[^.?!]*\b(?:offen|geöffnet|auf)\s*\?",
    ),
    Intent.ADDRESS: (r"\bwo (?:sind|seid|finde|ist|liegt|befindet)\b", r"\badresse\b", r"\bpark(?:en|pl[aä]tze?)\b"),
    Intent.SERVICES: (
        r"\bwas (?:bieten|machen) Sie\b",
        r"\bwas kann (?:ich|man)\b[^.?!]*\bbuchen\b",
        r"\bwelche (?:leistungen|behandlungen|angebote)\b",
    ),
    Intent.STAFF: (
        r"\bwer (?:arbeitet|behandelt)\b",
        r"(?<!egal )(?<!egal, )\bbei wem\b",
        r"\bwelche (?:ärzte|mitarbeiter|kollegen)\b",
    ),
    Intent.APPOINTMENT: (r"\btermin\b", r"\b(?:buchen|vereinbaren|vorbeikommen)\b"),
    Intent.GOODBYE: (
        _BYE,
        r"\b(?:schönen (?:tag|abend)|danke)\b",
        r"\bdas (?:war(?:'s|s| alles)|wäre alles)\b",
    ),
    Intent.GREETING: (r"^\W*(?:guten (?:tag|morgen|abend)|hallo|moin|servus|grüß gott)\W*$",),
}
_MAY_WANT_OTHER = {None, Intent.APPOINTMENT, Intent.GOODBYE}  # the other intents are answered
_INTENTS = {intent: re.compile("|".join(patterns), re.IGNORECASE) for intent, patterns in _PATTERNS.items()}


PASSED_ON = frozenset({Intent.MESSAGE, Intent.CALLBACK})
_DONE_BEFORE_GOODBYE = PASSED_ON | {Intent.CANCEL, Intent.MOVE, Intent.LIST, Intent.WAITLIST}


@dataclass(frozen=True, slots=True)
class Sentence:
    """What was read. `when` has the words for `date`, `time` and `part_of_day`; `services` are names of the catalogue."""

    text: str
    wanted: str  # the text without its times and what it rejects
    intent: Intent | None
    when: dict[str, str]
    name: str | None
    services: tuple[str, ...]
    unknown_service: str | None  # a noun that is asked for and no service of the catalogue
    staff: str | None
    branch: str | None
    loose_words: tuple[str, ...]  # the longest run of capitalised words of the rest: a name, or an answer of one word
    yes: bool = field(default=False)
    no: bool = field(default=False)
    any_staff: bool = field(default=False)
    other_time: bool = field(default=False)
    rejected: frozenset[str] = field(default=frozenset())  # of `date`, `time`, `part_of_day`
    is_too: str | None = field(default=None)  # "früh" or "spät"
    is_shift: bool = field(default=False)
    for_several: bool = field(default=False)  # an appointment for more than one person
    wants_several: bool = field(default=False)  # appointments of one person
    email: str | None = field(default=None)
    rejected_staff: frozenset[str] = field(default=frozenset())  # as the catalogue names them
    after_last: bool = field(default=False)  # "danach": after the appointment that was booked last
    before_last: bool = field(default=False)
    is_english: bool = field(default=False)
    is_both: bool = field(default=False)  # "Ja, beide"
    ends_call: bool = field(default=False)  # a word that is only said at the end, unlike "danke"
    wants_all_services: bool = field(default=False)  # in one visit
    is_question: bool = field(default=False)  # which is no yes, whatever it names
    checks: bool = field(default=False)  # a question about what was offered: "Ist das morgen?"
    wants_other: bool = field(default=False)  # what no function gives, instead of an appointment: "eine Rechnung"

    @property
    def service(self) -> str | None:
        """Return the service that is asked for, or all those of a visit; None if one of several has to be chosen."""
        return ", ".join(self.services) if self.wants_all_services or len(self.services) == 1 else None

    def says_more(self, *, name_is_asked: bool) -> bool:
        """Return whether something has to be done before the goodbye: "Ja, gern, tschüss", not "Schade, dann nicht, tschüss"."""
        if self.intent in _DONE_BEFORE_GOODBYE:
            return True
        when = {} if _SEE_YOU.search(self.text) else self.when
        if self.no and not (when or self.services):
            return False
        is_name = len(self.loose_words) > 1 or (name_is_asked and not _REGRETS.search(self.text))
        return bool(self.yes or when or self.services or self.name or (self.loose_words and is_name))


def read_first_appointment(text: str, catalogue: Catalogue) -> Sentence:
    """Read a sentence, up to the second one if it asks for several appointments of one person, each with its time."""
    whole, first = read_sentence(text, catalogue), read_sentence(_cut_next_appointment(text), catalogue)
    names_less = bool(first.services) and len(first.services) < len(whole.services)
    if whole.for_several or whole.intent is not first.intent or not (whole.wants_several or names_less):
        return whole
    return replace(first, wants_several=True)


def _cut_next_appointment(text: str) -> str:
    """Return the first of several appointments that a sentence asks for, each with its time; the whole sentence if it is one."""
    times = Times(text)
    for boundary in _NEXT_ONE.finditer(times.marked):
        before, after = times.marked[: boundary.start()], times.marked[boundary.end() :]
        if re.search(MARK, before) and re.search(MARK, after):
            return times.unmark(before)
    return text


def _is_english(text: str) -> bool:
    words = re.findall(r"[a-zäöüß']+", text.casefold())
    return len(words) > 2 and 2 * sum(word in _ENGLISH for word in words) > len(words)


def find_intent(text: str) -> Intent | None:
    """Return what a sentence is about; None if it is a time, a name, a service or not understood."""
    return next((intent for intent, pattern in _INTENTS.items() if pattern.search(text)), None)


def read_sentence(text: str, catalogue: Catalogue) -> Sentence:
    """Read a sentence: an e-mail address and names first, then times, people, places, and the service in what is left.

    What it rejects is in no field but `rejected`, except for a cancellation: "Am Freitag kann ich nicht kommen" names one.
    """
    start = found.start() if (found := EMAIL.search(text)) else len(text)  # an address is spelled in the pods' own way
    text = join_spelling(text[:start]) + text[start:]
    email, rest = _take(EMAIL, text)
    intent = find_intent(rest)
    name, rest = _take(_NAME, rest)
    times = Times(name_hours(rest))
    kept, rejected = (times.marked, frozenset[str]()) if intent is Intent.CANCEL else cut_rejections(times.marked)
    staff, rest = _take_staff(kept, catalogue)
    branch, rest = _take(_BRANCH, rest)
    when, rest = times.when(rest), re.sub(MARK, " , ", rest)
    if branch is None and len(catalogue.branches) > 1:
        branch, rest = _take(_PLACE, rest)
    services = catalogue.find_services(rest)
    is_question = bool(_QUESTION.search(text))
    wants_other = not services and intent in _MAY_WANT_OTHER and bool(_NO_APPOINTMENT.search(rest))
    return Sentence(
        text=text,
        wanted=re.sub(MARK, " , ", kept),
        intent=intent,
        when=when,
        name=name,
        services=services,
        unknown_service=None if services or wants_other else _find_noun(rest),
        staff=staff,
        branch=branch,
        loose_words=_capitalised_words(rest),
        yes=not is_question
        and bool(_YES_FIRST.match(text) if wants_other else _YES.search(text)),  # "Ich hätte gern eine Rechnung" is none
        no=kept != times.marked or bool(_NO.search(text)),
        any_staff=bool(_ANYBODY.search(text)),
        other_time=bool(_OTHER_TIME.search(text)),
        rejected=rejected,
        is_too=find_too(text),
        is_shift=is_shift(text),
        for_several=bool(_SEVERAL.search(rest)),
        wants_several=bool(_SEVERAL_APPOINTMENTS.search(rest)),
        email=email,
        rejected_staff=frozenset(filter(None, map(catalogue.find_staff, find_rejected_people(text)))),
        after_last=bool(_AFTER_LAST.search(text)),
        before_last=bool(_BEFORE_LAST.search(text)),
        is_english=_is_english(text),
        is_both=bool(_BOTH.search(text)),
        ends_call=bool(_ENDS_CALL.search(text)),
        is_question=is_question,
        checks=is_question and bool(_CHECKS.search(text)),
        wants_other=wants_other,
        wants_all_services=len(services) > 1 and catalogue.means_all(rest),
    )


def split_at_new_time(text: str) -> tuple[str, str]:
    """Split "den am Dienstag auf Freitag verschieben" into what names the appointment and what names its new time."""
    times = Times(text)
    which, found, new = times.marked.partition(" auf ")
    if found:
        return times.unmark(which), times.unmark(new)
    verb = _INTENTS[Intent.MOVE].search(times.marked)
    if verb and re.search(MARK, times.marked[: verb.start()]) and re.search(MARK, times.marked[verb.end() :]):
        return times.unmark(times.marked[: verb.end()]), times.unmark(times.marked[verb.end() :])
    names_the_appointment = re.search(r"\b(?:den|der|vom|termin)\s+(?:am|vom|um|von)\b", text, re.IGNORECASE)
    return (text, "") if names_the_appointment else ("", text)


def _take(pattern: re.Pattern[str], text: str) -> tuple[str | None, str]:
    """Return the first match (its first group that is not empty, if it has groups), and the text without it."""
    match = pattern.search(text)
    if match is None:
        return None, text
    return _first_group(match), f"{text[: match.start()]} , {text[match.end() :]}"


def _first_group(match: re.Match[str] | None) -> str | None:
    return next((group for group in match.groups() if group), match[0]) if match else None


def _find_noun(text: str) -> str | None:
    """Return the noun that is asked for; None for a word that is a noun only by its place at the beginning of a sentence."""
    noun = _first_group(_SERVICE.search(text))
    return None if noun is None or says_nothing(noun) else noun


def _take_staff(text: str, catalogue: Catalogue) -> tuple[str | None, str]:
    """Return the staff member as the catalogue names them, else the words after "bei" or a title; and the rest of the text."""
    for match in _STAFF.finditer(text):
        preposition, title, words = match.groups()
        for said in (words, words.split()[0]):
            end = match.start(3) + len(said)
            if known := catalogue.find_staff(said):
                return known, f"{text[: match.start()]} , {text[end:]}"
        if (title.strip() or preposition == "bei") and words.split()[0] not in {"Ihnen", "Euch"}:
            return f"{title}{words}".strip(), f"{text[: match.start()]} , {text[match.end() :]}"
    return catalogue.find_titled_staff(text), text


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


def _capitalised_words(text: str) -> tuple[str, ...]:
    """Return the longest run of capitalised words, with the particles of a name between them, that are no fillers."""
    runs: list[list[str]] = [[]]
    tokens = re.findall(r"[\w'’-]+|[^\w\s]", text)
    for position, token in enumerate(tokens):
        following = next((word for word in tokens[position + 1 :] if word not in PARTICLES), "")
        is_particle = bool(runs[-1]) and token in PARTICLES and following[:1].isupper()
        if is_particle or (token[:1].isupper() and token.casefold() not in _FILLERS):
            runs[-1].append(token)
        else:
            runs.append([])
    longest: list[str] = max(runs, key=len)
    return tuple(longest)
