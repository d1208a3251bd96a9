"""Reads a German caller's sentence by tables of patterns: what is wanted, and the words to pass on. Pure.

docs/demo-agent.md lists what is understood.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.companions import Companion, count_people, is_relation, read_shares
from askproai_sandbox.caller.corrections import are_joined, cut_corrected, find_people
from askproai_sandbox.caller.email_address import EMAIL
from askproai_sandbox.caller.intent import ASKS_FOR_OWN, BYE, PASSED_ON, PATTERN_OF, Intent, find_intent
from askproai_sandbox.caller.rejections import (
    Exclusion,
    Kept,
    cut_rejections,
    find_rejected_people,
    find_too,
    read_rejections,
)
from askproai_sandbox.caller.service_verbs import read_done
from askproai_sandbox.caller.spoken_time import (
    MARK,
    UNITS,
    Times,
    cut_asides,
    cut_shift,
    find_left_clock,
    find_left_part,
    is_shift,
    name_hours,
    names_day,
)
from askproai_sandbox.caller.words import (
    NAME,
    NAME_WORD,
    NO_SERVICE,
    correct_name,
    find_asked_noun,
    find_capitalised_words,
    find_counted,
    find_noun,
    join_spelling,
    take,
    take_staff,
)

_ANYBODY = re.compile(
    r"\b(?:ganz )?egal,? (?:bei |zu |mit )?we[mr]\b|\bwer (?:gerade )?Zeit hat\b|\birgendwem\b", re.IGNORECASE
)
_BRANCH = re.compile(r"\b(?:Filiale|Zweigstelle|Standort)\s+((?:(?:in|im|am)\s+)?[A-ZÄÖÜ][\wäöüß-]+)")
_PLACE = re.compile(
    rf"\b(?:in|im|nach|am)\s+((?!(?:Ordnung|Deutsch|Mathe\w*|Physik|Chemie|Bio\w*|[A-Z]\w+isch)\b){NAME_WORD})"
    r"|\b(?:in\s+)?(\d{5})\b|\b(wie immer)\b"
)
_NO_APPOINTMENT = re.compile(  # what is wanted is something that no function gives: a paper, a mail, a lift
    r"\b(?:(?:zu)?schick(?:e|en)?|(?:zu)?send(?:e|en)|zumailen)\b|\b(?:eine?n?|die|der|den)\s+"
    r"(?:(?-i:[a-zäöü]+)\s+)?(?-i:\w*[Bb]estätigung|\w*[Rr]echnung|Rezept"
    r"|Quittung|Beleg|Bescheinigung|Attest|Krankschreibung|\w*[Ee]rinnerung|SMS|(?:E-?)?Mail|Gutschein"
    r"|Aufzug|Fahrstuhl|Lift|Gebühr)\b",
    re.IGNORECASE,
)
_ASKS_NEED = re.compile(r"\bbrauche?n? (?:ich|wir|man)\b", re.IGNORECASE)
_MEANS = re.compile(
    r"\b(?:per|mittels)\s+((?!Telefon|Mail|E-Mail|SMS|Post|Rechnung|Karte)[A-ZÄÖÜ][\wäöüß-]+(?:\s+[A-ZÄÖÜ][\wäöüß-]+)?)"
)
_DONE_TO = re.compile(  # "eine Regulierung für meinen Flügel" is no Flügelstimmung
    rf"\b(?i:eine?|zur|zum)\s+{NO_SERVICE}(?P<deed>[A-ZÄÖÜ][\wäöüß-]{{4,}})\s+(?:für|an|von)\s+(?i:mein|unser|ein|den|die|das)\w*\s+"
    r"(?P<thing>[A-ZÄÖÜ][\wäöüß-]+)"
)
_PAPER_FOR = re.compile(  # no visit
    r"\b(?:Gutscheine?|Rechnung|Quittung|Bescheinigung|Attest) (?:für|über|zum|zur|von)\b"
)
_YES = re.compile(
    r"\b(joa?|gut(?=,\s+(?-i:[A-ZÄÖÜ])[\w-]+\s+(?-i:[A-ZÄÖÜ])[\w-]+[.!]?\s*$)"
    r"|jawoll?|jawohl|(?<!\bna )ja|klar|gerne?|passt|genau|okay|ok|perfekt|wunderbar|prima|top|gebongt|abgemacht"
    r"|klingt (?:gut|super|prima)|super|einverstanden|in ordnung|nehme? ich|nehmen wir (?:den|das|die|ihn)"
    r"|machen wir(?! (?:(?:mal|doch|dann|gleich) )*(?:einen|nen) )"
    r"|ich nehme? (?:den|das|ihn|die)|den (?:will|möchte) ich(?=\W*$)"
    r"|meinetwegen|von mir aus|wird gemacht|nichts dagegen|(?:da (?:kann|könnte) ich|ich komme)(?=\W*$)"
    r"|(?:bitte|ruhig) (?:buchen|eintragen|reservieren)|(?:tragen|buchen|reservieren) Sie (?:das|es|den|ihn|mich|uns)"
    r"|(?:dann|also) (?:den|das|die|der)(?=\W*$)"
    r"|(?:das|es|der) (?:(?:würde|wird) (?:gehen|passen|klappen)|ginge|geht|klappt)(?: (?:gut|prima|super))?(?=\W*$|[,.!]))\b",
    re.IGNORECASE,
)
_YES_FIRST = re.compile(rf"\W*{_YES.pattern}", re.IGNORECASE)
_CHECKING = r"(?:ist|wäre?|wär|war|sind) (?:das|es|der|dies)\b"  # "Ist das morgen?"
_CHECKS = re.compile(
    rf"(?<!\bwie )\b{_CHECKING}(?![^?]*\b(?:auch|noch(?! ?mal)|frei|möglich|nicht)\b)", re.IGNORECASE | re.DOTALL
)
_QUESTION = re.compile(  # with the mark that ends it, or without it by its words
    rf"\?|(?:^\W*|[,.;!]\s*|\b(?:und|aber|ja|ach|so|äh|ähm|hm|Sie|Moment)\W+){_CHECKING}|,\s*oder(?: nicht)?[\s.!]*$",
    re.IGNORECASE,
)
_NO = re.compile(r"\b(nein|nee|nö|keine[rs] (?:von|der)|leider|lieber|(?-i:anders)|nicht|doch nicht)\b", re.IGNORECASE)
_OTHER_TIME = re.compile(
    r"\b(?:später(?:es)?|früher(?:es)?|ander(?:e|er|en|es) (?:Tag|Zeit|Uhrzeit|Termin)|(?:et)?was anderes"
    r"|was (?:haben|hätten|habt|gibt) (?:Sie|ihr|es) (?:denn )?sonst)\b",
    re.IGNORECASE,
)


_SEVERAL = re.compile(
    r"\bfür mich\b[^.?!]*\bund (?:\w+ )?für (?:mein|unser)|\bfür mein[^.?!]*\bund (?:\w+ )?für (?:mich|mein)\b"
    r"|\bfür mich und\b|\bfür [^.?!,]+\bund mich\b"
    r"|\bzu (?:zweit|dritt)\b|\b(?:für )?(?:zwei|drei|beide) (?:Personen|Leute|Kinder)\b"
    r"|\b(?:uns|für|wir) beide\b|\b(?:uns|wir) (?:zwei|drei)\b"
    r"|\b(?:zusammen|gemeinsam) mit mein\w+|\bmit mein\w+ (?-i:[A-ZÄÖÜ])[\w-]+ (?:zusammen|gemeinsam)\b"
    r"|\bich und mein\w*|\bmeine? (?-i:[A-ZÄÖÜ])[\w-]+ und ich\b"
    r"|\b(eine[nr]?|einmal) (?:(?-i:[A-ZÄÖÜ])\w+ )?für\b[^.?!]*\bund \1 für\b"
    r"|\b(?:zwei|drei)(?:mal)? (?!\w*(?:stunden|sitzungen|einheiten|anwendungen|behandlungen)\b"
    r"|Uhr|Tag|Woch|Monat|Stund|Minut|Viertel|Termin)(?-i:[A-ZÄÖÜ])\w+",
    re.IGNORECASE,
)
_SOME = r"(?:\d+|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|zwölf|fünfzehn|zwanzig|mehrere|einige|ein paar)"
_DAY = r"(?:Tag|\w+(?<!Termin)tags?|Mittwochs?|Sonnabends?)"
_SEVERAL_APPOINTMENTS = re.compile(  # of one person, also a series: "zehn Termine, jede Woche"
    rf"\b{_SOME} (?:\w+ )?(?:Termine|Sitzungen|Einheiten|Anwendungen|Behandlungen|Massagen|\w+stunden)\b"
    r"|\b(?:vier|fünf|sechs|sieben|acht|neun|zehn|zwölf|\d+)(?:mal| Mal| ?x) (?-i:[A-ZÄÖÜ])\w+"
    rf"|\bjede[nrsm]? (?:zweite[nrsm]? |dritte[nrsm]? |andere[nrsm]? )?(?:Woche|Monat|{_DAY})\b"
    rf"|\balle (?:{_SOME}|vierzehn) (?:Tage|Wochen|Monate)\b|\b(?:ein|zwei|drei)mal (?:die|pro|in der|im|jede) (?:Woche|Monat)\b"
    rf"|\b(?:wöchentlich|monatlich|täglich|regelmäßig|\d+-tägig|vierzehntägig)\w*|\bimmer (?:am )?{_DAY}\b|\b\w*serie\b"
    rf"|\b(?:Fünfer|Sechser|Zehner)(?:karte|block|rezept)\b|\bnächsten {_SOME} \w+|\b{_SOME} Mal\b|\b(?:mehrmals|jeweils)\b"
    r"|\b(?:(?:Dauer|Serien)termine?|Folgetermine)\b",
    re.IGNORECASE,
)
_NEXT_ONE = re.compile(  # "und einmal Krallen", "und am Donnerstag"
    rf",?\s+(?:und\s+)?(?:dann\s+)?(?:noch\s+)?(?:einmal|einen|eine|eins)\s+(?=[^.?!]*[A-ZÄÖÜ])|\s+und\s+(?=(?:am|um|den)?\s*{MARK})",
    re.IGNORECASE,
)
_AND_NEW = re.compile(
    r",?\s+und\s+(?:dann\s+|dafür\s+)?(?:(?:mir|uns)\s+)?(?:gleich\s+)?(?:einen|nen)\s+(?:neuen|anderen)\b",
    re.IGNORECASE,
)
_HAS_TO_MOVE = re.compile(  # "Ich hab am Montag um neun einen Termin, den muss ich verschieben"
    rf"(.*\b(?:habe?|hat|haben|hätte|hätten)\b.*{MARK}.*\bTermin\b).*\b(?:den|ihn)\b", re.IGNORECASE
)
_GOES_TOO = re.compile(
    r"\b(?:geht|ginge|passt) (?:der|er|es|das|auch)\b|\b(?:kann|könnte) (?:der|er)\b|(?<=gebucht, )(?:könnte|kann|geht|ginge)\b"
    r"|, (?:den|die|das|da) (?:schaff\w*|kann|können) (?:ich|wir) (?:\w+ )?(?:erst|nur)\b"
    rf"|(?<=, )(?:geht|ginge|passt|klappt)(?:'s| es)? (?:denn |vielleicht |stattdessen )*(?=(?:am )?{MARK})",
    re.IGNORECASE,
)  # "Mein Termin am Freitag, geht der um vier?"
_HAS_AT = re.compile(  # "Er hat morgen den Sehtest, den müssen wir verschieben"
    rf"\b(?:habe?n?|hat|hatten?)\b[^.?!‹›]*{MARK}(?! (?:Zeit|frei)\b)", re.IGNORECASE
)
_INSTEAD_OF = re.compile(  # "am Samstag statt am Freitag"
    rf"(?:(?P<new>{MARK}),? )?(?:an)?statt (?:(?:am|um) )?(?P<old>{MARK})", re.IGNORECASE
)
_SAYS_CLOSED = re.compile(  # "Ach stimmt, mittwochs ist ja zu. Dann …": not the day that is wanted
    r"^[^?]*?\b(?:ist|sind|haben Sie|habt ihr) (?:(?:ja|da|doch|auch|bei Ihnen|wohl|dann) )*"
    r"(?:zu|geschlossen|Feiertag|Ruhetag)[,.!]\s+(?=\w)(?!(?:oder|nicht|gell?|ja|richtig)\b)",
    re.IGNORECASE,
)
_HINDRANCE = re.compile(  # why an offer does not suit: "Da hab ich leider einen Arzttermin."
    r"^\W*(?:(?:oh|ach|ah|nein|nee|hm+|leider|ja|tja|also|aber|moment)\W+)*"
    r"da (?:hab'?e?n?|bin|sind|muss|müssen|arbeiten?) (?:ich|wir)\b"
    r"(?![^,.;!?]*\b(?:Zeit|frei|dabei|da|gern|nichts vor)\b)[^,.;!?]*",
    re.IGNORECASE,
)
_HINDRANCE_WITHIN = re.compile(  # "Nicht am Donnerstag, da bin ich in München, …"
    r"(?<=, )da (?:bin|sind|muss|müssen|hab'?e?n?) (?:ich|wir)\b(?![^,.;!?]*\b(?:Zeit|frei|dabei|da|gern|nichts vor)\b)[^,.;!?]*,",
    re.IGNORECASE,
)
_BESIDE_PERSON = re.compile(
    r"\b(?:oder|und|bei|beim|zu|zum|zur|mit|von|Frau|Herrn?|Doktor(?:in)?|Dr\.?)\s*$", re.IGNORECASE
)
_NTH_TIME = re.compile(  # how often, or how far a pregnancy is, and no day of the month
    r"\b(?:das|zum|beim) (?:\w+te[ns]?|\d+\.) Mal\b"
    r"|\b(?:(?:in|aus) )?(?:de[rmn] |die )?(?:\w+te[nrs]?|\d+\.) (?:Klasse|Schuljahr|Semester|Stock\w*|Etage|Geburtstag|Kind)\b"
    r"|\bbin (?:jetzt |schon |gerade |nun )?(?:in|ab) der \S+ (?:Schwangerschaftsw|W)oche\b(?! (?:im|in|nicht|weg|verreist))"
)
_COUNTED_THINGS = re.compile(  # "drei Fenster", "unsere beiden Autos"
    r"\b(?:zwei|drei)(?:mal)? (?P<thing>[A-ZÄÖÜ]\w+)|\b(?:unsere|meine|die) (?:beiden|zwei|drei) (?P<own>[A-ZÄÖÜ]\w+)"
)
_HAD = re.compile(  # "Ich hatte schon das Erstgespräch, und …", "Ich hab die Theorie bestanden und …"
    r"\b(?:hatten? (?:ich|wir)|(?:ich|wir) hatten?)\b[^.,;?!]*?(?=\b(?:und|aber)\b|[.,;])"
    r"|\b(?:ich|wir|er|sie) (?:hab'?e?n?|hat)\b[^.,;?!]*?"
    r"\b(?:bestanden|geschafft|abgeschlossen|absolviert|gehabt|hinter (?:mir|uns|sich))\b",
    re.IGNORECASE,
)
_PRESCRIBED = re.compile(  # "Ich habe ein Rezept für Ergotherapie und bräuchte einen ersten Termin."
    r"\b(?:Rezept|Verordnung|Überweisung)\w* (?:für|über|zur|zum|auf) (?:die |das |den |eine |\w+e )?[A-ZÄÖÜ][\w-]+"
)
_FILLING = re.compile(r"(?:jetzt|nun)(?: auch| immer)?", re.IGNORECASE)  # "und braucht jetzt Ergotherapie"
_AT_ONCE = re.compile(
    r"\b(?:frei\w*|Zeit|Platz|\w*kommen|komme|geht|ginge|dran|gleich|sofort|vorbei|jetzt noch)\b", re.IGNORECASE
)
_LONG_AGO = re.compile(
    r"(?:(?:am|im|seit) )?(?:letzte[nrs]?|vorige[nrs]?|vergangene[nrs]?|gestern|vorgestern)\b", re.IGNORECASE
)
_THREE = re.compile(r"\b(?:drei|dritt)\b", re.IGNORECASE)  # people
_AFTER_LAST = re.compile(r"\b(?:danach|hinterher|anschließend|im Anschluss|direkt dahinter)\b", re.IGNORECASE)
_BEFORE_LAST = re.compile(r"\b(?:davor|vorher|direkt vorneweg)\b", re.IGNORECASE)
_ENGLISH_WORDS = """
    the you do i would like my please speak english have appointment at on is and to can need want book hello hi tomorrow today yes
    for what how much with this that it a could get haircut dog are there your we
"""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_ASKS_FOR_LANGUAGE = re.compile(
    r"\b(?:sprechen Sie|sprecht ihr|sprichst du|geht(?: das| es)?)\b[^.?!]*\b(?:auf )?(?!Deutsch)(?-i:[A-ZÄÖÜ])[a-zäöü]+isch\b",
    re.IGNORECASE,
)
_BOTH = re.compile(r"\bbeide\b|\balle (?:zwei|drei)\b", re.IGNORECASE)
_PRESSED = re.compile(r"\[[0-9*#]+\]")
_SEE_YOU = re.compile(r"\bbis (?!wann)|\b(?:melde|rufe?|probiere?|versuche?)\b", re.IGNORECASE)  # "Dann bis Freitag!"
_REGRETS = re.compile(r"\b(?:schade|na gut|na ja|tja|ach)\b", re.IGNORECASE)  # no name
_ENDS_CALL = re.compile(BYE, re.IGNORECASE)


_MAY_WANT_OTHER = {None, Intent.APPOINTMENT, Intent.GOODBYE}  # the other intents are answered
_OF_A_SERVICE = frozenset({Intent.PRICES, Intent.DETAILS})
_CHANGES = frozenset({Intent.CANCEL, Intent.MOVE})  # "Ich hab zwei Termine, kann ich den …" wants no new ones
_DONE_BEFORE_GOODBYE = PASSED_ON | _CHANGES | {Intent.LIST, Intent.WAITLIST}


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
    exclusions: tuple[Exclusion, ...] = field(default=())  # the rejected days, if no other day is wanted
    rejected_clock: str = field(default="")  # the words that reject a time of the day, if no other is wanted
    unplaced: str = field(default="")  # the first words for a time that are in none of these fields
    is_too: str | None = field(default=None)  # "früh" or "spät"
    is_shift: bool = field(default=False)
    for_several: bool = field(default=False)  # an appointment for more than one person
    people: int = field(default=1)  # as far as the sentence says how many come together
    companions: tuple[Companion, ...] = field(
        default=()
    )  # of whom it says what each wants: `services` are the caller's then
    unwanted: frozenset[str] = field(default=frozenset())  # services: "ohne Fango"
    others: tuple[str, ...] = field(default=())  # people of the team and branches beside `staff` and `branch`
    wants_several: bool = field(default=False)  # appointments of one person
    email: str | None = field(default=None)
    rejected_staff: frozenset[str] = field(default=frozenset())  # as the catalogue names them
    after_last: bool = field(default=False)  # "danach": after the appointment that was booked last
    before_last: bool = field(default=False)
    is_english: bool = field(default=False)
    is_both: bool = field(default=False)  # "Ja, beide"
    asks_for_language: bool = field(default=False)  # "Sprechen Sie auch Englisch?"
    ends_call: bool = field(default=False)  # a word that is only said at the end, unlike "danke"
    wants_all_services: bool = field(default=False)  # in one visit
    is_pressed: bool = field(default=False)  # a key, "[2]"
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
    if whole.intent is Intent.CANCEL and (new := _AND_NEW.search(text)):
        return replace(read_sentence(text[: new.start()], catalogue), wants_several=True)
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


def _find_deed(text: str, named: Sequence[str], catalogue: Catalogue) -> str | None:
    """Return what is to be done to the thing that a service is named after, where that is no service: "Augenbrauen per Laser"."""
    if means := _MEANS.search(text):
        return None if named and catalogue.names_in_full(text) else means[1]
    done = _DONE_TO.search(text)
    is_of_thing = done and named and not catalogue.names_in_full(text) and catalogue.find_services(done["thing"])
    return done["deed"] if done and is_of_thing and not catalogue.find_services(done["deed"]) else None


def _is_english(text: str) -> bool:
    words = re.findall(r"[a-zäöüß']+", text.casefold())
    return len(words) > 2 and 2 * sum(word in _ENGLISH for word in words) > len(words)


def drop_closed_day(text: str) -> str:
    """Return a sentence without its beginning that says when the business is closed."""
    return _SAYS_CLOSED.sub("", text)


def read_sentence(text: str, catalogue: Catalogue) -> Sentence:
    """Read a sentence: an e-mail address and names first, then times, people, places, and the service in what is left.

    What it rejects is in no field but `rejected`, `rejected_clock` and `exclusions`, except for a cancellation: "Am Freitag kann
    ich nicht kommen" names one.
    """
    start = found.start() if (found := EMAIL.search(text)) else len(text)  # an address is spelled in the pods' own way
    said = correct_name(join_spelling(text[:start])) + text[start:]
    corrected = cut_corrected(said, catalogue)
    shares, text = read_shares(corrected.text, catalogue), corrected.text
    email, rest = take(EMAIL, text)
    hindrance, rest = take(_HINDRANCE, rest)
    rest = _HINDRANCE_WITHIN.sub(",", rest)
    intent = find_intent(catalogue.leave_out_verbs(rest))
    name, rest = take(NAME, rest)
    place, rest = catalogue.take_branch(rest)
    times = Times(name_hours(_NTH_TIME.sub(" , ", rest)))
    marked = times.marked if intent in PASSED_ON else cut_asides(times.marked)
    kept = Kept(marked) if intent is Intent.CANCEL else cut_rejections(marked)
    staff, rest = take_staff(kept.marked, catalogue)
    branch, rest = (place, rest) if place else take(_BRANCH, rest)
    (when, unplaced), rest = times.when(rest), re.sub(MARK, " , ", rest)
    rejections = read_rejections(times, kept, when)
    when = {**when, "date": rejections.span} if rejections.span else when
    when = when if intent in {*_CHANGES, Intent.LIST} else _drop_day_not_meant(when, text)
    is_too, rejected, exclusions = find_too(text), kept.kinds, rejections.exclusions
    if is_too and rejected >= {"date", "time"} and "date" not in when:  # "Donnerstag um acht ist mir zu früh"
        when = {**when, **{name: day for name, day in times.when(times.marked)[0].items() if name == "date"}}
        rejected, exclusions = rejected - {"date"}, ()
    if branch is None and len(catalogue.branches) > 1:
        place, without = take(_PLACE, rest)
        if not (place and catalogue.find_services(place)):  # "einen Platz im Rückbildungskurs"
            branch, rest = place, without
    named = () if _PAPER_FOR.search(rest) else catalogue.find_services(_cut_done(cut_shift(rest), catalogue))
    deed = _find_deed(rest, named, catalogue)
    named = () if deed and named and not catalogue.find_services(deed) else named
    services = named if intent in {*_CHANGES, Intent.LIST} else read_done(named, rest, catalogue)
    wants_all = (
        len(services) > 1
        and set(services) <= set(named)
        and not corrected.is_unclear
        and catalogue.means_all(rest)
        and are_joined(rest, catalogue)
    )
    others = _find_others(rest, staff, branch, catalogue)
    if shares:
        services, wants_all, others = shares[0].services, len(shares[0].services) > 1, ()
        staff = shares[0].staff or None
    noun = (
        None
        if services
        else deed or find_noun(cut_shift(rest)) or (find_asked_noun(rest) if intent in _OF_A_SERVICE else None)
    )
    if intent is None and services and ASKS_FOR_OWN.search(text):
        intent = Intent.LIST
    if noun and name is None and (person := re.search(rf"\bfür ({re.escape(noun)} {NAME_WORD})(?!\w)", rest)):
        name, noun = person[1], None  # "und noch einen für Dieter Lorenz"
    if staff is None and noun and (known := catalogue.find_staff(noun)):  # "Anna bitte"
        staff, rest, noun = known, rest.replace(noun, ",", 1), None
    is_question = bool(_QUESTION.search(text))
    things = _counts_things(rest, catalogue)
    wants_other = not services and intent in _MAY_WANT_OTHER and _wants_paper(rest, is_question=is_question)
    text, people = said, count_people(corrected.text)
    is_for_all = not shares and len(services) == 1 and catalogue.is_for_all(services[0], people)
    people = 1 if is_for_all else people
    return Sentence(
        text=text,
        wanted=re.sub(MARK, " , ", kept.marked),
        intent=intent,
        when=when,
        name=name,
        services=services,
        unknown_service=None if wants_other else noun,
        staff=staff,
        branch=branch,
        loose_words=find_capitalised_words(rest),
        yes=not is_question
        and bool(
            _YES_FIRST.match(text) if wants_other else _YES.search(text)
        ),  # "Ich hätte gern eine Rechnung" is none
        no=bool(hindrance) or kept.marked != marked or bool(_NO.search(text)),
        any_staff=bool(_ANYBODY.search(text)),
        other_time=bool(_OTHER_TIME.search(text)),
        rejected=rejected,
        exclusions=exclusions,
        rejected_clock=rejections.clock,
        unplaced=unplaced
        or rejections.unplaced
        or find_left_clock(rest)
        or find_left_part(rest, when)
        or find_counted(text),
        is_too=is_too,
        is_shift=is_shift(text),
        for_several=not is_for_all
        and bool(shares or people > 1 or _SEVERAL.search(_COUNTED_THINGS.sub("", rest) if things else rest)),
        people=max(people, 3 if _THREE.search(rest) else 1),
        companions=tuple(share.companion(shares[0]) for share in shares[1:]),
        unwanted=corrected.unwanted,
        others=others,
        wants_several=intent not in {*_CHANGES, Intent.LIST} and bool(things or _SEVERAL_APPOINTMENTS.search(text)),
        email=email,
        rejected_staff=frozenset(filter(None, map(catalogue.find_staff, find_rejected_people(text)))),
        after_last=bool(_AFTER_LAST.search(text)),
        before_last=bool(_BEFORE_LAST.search(text)),
        is_english=_is_english(text),
        asks_for_language=bool(_ASKS_FOR_LANGUAGE.search(text)),
        is_both=bool(_BOTH.search(text)),
        ends_call=bool(_ENDS_CALL.search(text)),
        is_pressed=bool(_PRESSED.fullmatch(text)),
        is_question=is_question,
        checks=is_question and bool(_CHECKS.search(text)),
        wants_other=wants_other,
        wants_all_services=wants_all,
    )


def _wants_paper(text: str, *, is_question: bool) -> bool:
    """Return whether a text asks for what no function gives, and not whether one needs it: "Brauchen wir ein Rezept?"."""
    return bool(_NO_APPOINTMENT.search(text)) and not (is_question and _ASKS_NEED.search(text))


def _cut_done(text: str, catalogue: Catalogue) -> str:
    """Return a text without what a caller has had already, or has a prescription for, where it names another service:
    "Die Theorie hab ich bestanden, …".
    """
    for pattern in (_HAD, _PRESCRIBED):
        left = pattern.sub(",", text)
        text = left if catalogue.find_services(left) else text
    return text


def _find_others(rest: str, staff: str | None, branch: str | None, catalogue: Catalogue) -> tuple[str, ...]:
    """Return the people and branches that a text names after `staff` and `branch` were taken from it: "bei Anna oder Mehmet"."""
    people = [
        each.person for each in find_people(rest, catalogue) if _BESIDE_PERSON.search(rest[: each.start] + each.lead)
    ]
    place = catalogue.take_branch(rest)[0] if branch else None
    return tuple(each for each in dict.fromkeys((*people, place)) if each and each not in {staff, branch})


def _drop_day_not_meant(when: dict[str, str], text: str) -> dict[str, str]:
    """Return the words for a time without a day that nobody asks for: "Herr Zimmer hat mich letztes Jahr behandelt"."""
    day = when.get("date", "")
    is_over = _LONG_AGO.match(day) and not names_day(day)
    is_filling = _FILLING.fullmatch(day) and not _AT_ONCE.search(text)
    return {name: words for name, words in when.items() if name != "date"} if is_over or is_filling else when


def _counts_things(text: str, catalogue: Catalogue) -> bool:
    """Return whether a text counts what something is to be done to, and neither people nor appointments: "drei Fenster"."""
    counted = (found["thing"] or found["own"] for found in _COUNTED_THINGS.finditer(text))
    return any(not (UNITS.match(noun) or is_relation(f"zwei {noun}") or catalogue.names_kind(noun)) for noun in counted)


def split_at_new_time(text: str) -> tuple[str, str]:
    """Split "den am Dienstag auf Freitag verschieben" into what names the appointment and what names its new time."""
    times = Times(text)
    if instead := _INSTEAD_OF.search(times.marked):
        return times.unmark(f"den Termin am {instead['old']}"), times.unmark(
            _INSTEAD_OF.sub(instead["new"] or ",", times.marked)
        )
    which, separator, new = times.marked.partition(" auf ")
    if separator:
        return times.unmark(which), f"auf {times.unmark(new)}"  # "den dritten" alone may be an offer
    if found := _GOES_TOO.search(times.marked):
        return times.unmark(times.marked[: found.start()]), times.unmark(times.marked[found.end() :])
    if has_one := _HAS_TO_MOVE.match(times.marked):
        return times.unmark(has_one[1]), times.unmark(times.marked[has_one.end(1) :])
    verb = PATTERN_OF[Intent.MOVE].search(times.marked)
    if verb and re.search(MARK, times.marked[: verb.start()]) and re.search(MARK, times.marked[verb.end() :]):
        return times.unmark(times.marked[: verb.end()]), times.unmark(times.marked[verb.end() :])
    if verb and _HAS_AT.search(times.marked[: verb.start()]) and not times.when(times.marked)[1]:
        return text, ""
    names_the_appointment = re.search(r"\b(?:den|der|vom|termin)\s+(?:am|vom|um|von)\b", text, re.IGNORECASE)
    return (text, "") if names_the_appointment else ("", text)
