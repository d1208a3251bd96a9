"""What the demo's agent remarks on a sentence that it cannot follow in all. Pure."""

import re

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.catalogue import Catalogue
from askproai_sandbox.caller.change import TOOL_OF_CHANGE
from askproai_sandbox.caller.companions import find_uncounted, is_relation
from askproai_sandbox.caller.email_address import is_address_lost
from askproai_sandbox.caller.intent import PASSED_ON, PATTERN_OF, Intent
from askproai_sandbox.caller.memory import INFORMATION, SEARCHES, CalledAgent, Memory, Turn
from askproai_sandbox.caller.message import find_phone, names_phone
from askproai_sandbox.caller.record import ToolCall
from askproai_sandbox.caller.sentence import Sentence
from askproai_sandbox.caller.spoken_time import AT_WHAT, MARK, Times
from askproai_sandbox.caller.words import BESIDE_NAME, FILLERS, NO_SERVICE, RELATIVES

_WISH = re.compile(  # of a question that asks for an appointment
    r"\b(?:frei(?:e\w*)?|(?<!kaputt )(?<!schief )(?<!weiter )geht'?s?|ginge|passt|klappt"
    r"|(?:vorbei|dran)?kommen(?! Sie\b)|möglich|recht|okay|Zeit(?:en)?|Platz"
    r"|dran|termine?n?|buchen"
    r"|einplanen|unterbringen|(?:da)?zwischenschieben|einschieben"
    r"|vereinbaren|bekomm\w*|krieg\w*|nehmen(?! Sie\b)|wär\w*|würd\w*|hätt\w*|sieht|schaut"
    r"|\w*schauen|möcht\w*|will|wollen|brauch\w*)\b"
    r"|(?<=\w\s)(?<!\bund\s)(?<!\baber\s)(?<!\bwenn\s)(?<!\bso\s)(?:was|etwas)\b",
    re.IGNORECASE,
)
_TELLS = re.compile(  # what has been: "Ich hatte gestern einen Termin und habe meine Tasche liegen lassen."
    r"^\W*(?:(?:guten tag|hallo|also|ja|äh)\W+)*(?:ich|wir) (?:hatten?|waren?) (?:gestern|vorgestern|heute|letzte\w*|am)\b"
    r"(?!.*(?:\b(?:möchte|brauche|hätte|würde|will|kann ich|bitte|jetzt|neuen)\b|\?))"
    # "Jannik hat gestern bei uns sein Maßband vergessen."
    r"|^[^,.?!]*\b(?:hat|habe|haben) (?:\w+ )?(?:gestern|vorgestern|letzte[nr]? \w+)\b"
    r"[^,.?!]*\b(?:\w*ge\w{3,}(?:t|en)|ver\w+en)[.!]?$",
    re.IGNORECASE,
)
_TELLS_ALONE = re.compile(
    r"\b(?:habe?|hatten?|ist|war|bin|sind)\b", re.IGNORECASE
)  # "Ich habe einen Ring gekauft und …"
_ADDED = re.compile(  # "Maniküre mit Shellac", "und die Kollegin muss Englisch können"
    r"\b(?:mit (?=(?!(?:Frau|Herrn?|Doktor|Dr|Ihnen|Euch)\b)[A-ZÄÖÜ])"
    r"|(?=(?:die|der) (?:Kolleg\w+|Mitarbeiter\w*|Dame) (?:muss|soll)))"
    r"(?P<what>[A-ZÄÖÜ][a-zäöüß]{3,}\b|[^.?!]+)"
)
_WITHOUT = re.compile(
    r"\b[Oo]hne (?:ein(?:e[nm]?)? )?(?!(?:Termin|Eile)\b)[A-ZÄÖÜ][\w-]+"
)  # "eine Pediküre, aber ohne Lack"
_WANTED_NOUN = re.compile(  # "ein neues Armband", "die Kette", not "für meinen Mann"
    rf"(?<!für )(?<!mit )\b(?:ein(?:e[nmr]?)?|den|die|das|mein(?:e[nmr]?)?)\s+(?:[a-zäöüß]+\s+)?{NO_SERVICE}[A-ZÄÖÜ][\w-]{{3,}}"
)
_WANTS_NO_VISIT = re.compile(  # who complains, or looks for work
    r"\b(?:beschweren|Beschwerde|reklamieren|Reklamation"
    r"|(?:suchen Sie|sucht ihr|stellen Sie)\b[^.?!]*\b(?:ein|eine[nr]?|Leute|jemand\w*)"
    r"|Aushilfe|bewerben|Bewerbung|Praktikum|Ausbildungsplatz)\b",
    re.IGNORECASE,
)
_ASKS_FOR_GOODS = re.compile(  # "Wir haben eine Küche bestellt, wann kommt die denn?"
    r"\b(?:bestellt|gekauft|abgegeben)\b[^.?!]*\bwann (?:kommt|kommen|wird|ist|sind|kann ich)\b[^.?!]*\?"
    # "Ich hab einen Ring zur Reparatur abgegeben, ist der schon fertig?"
    r"|\b(?:abgegeben|gebracht|dagelassen|eingeschickt|bestellt)\b[^.?!]*"
    r"\b(?:ist|sind) (?:der|die|das|es|er|sie|mein\w*)\b[^.?!]*\?"
    r"|\b(?:ist|sind) (?:denn )?mein\w* [A-ZÄÖÜ][\w-]+ [^.?!]*\b(?:fertig|abholbereit|angekommen)\b[^.!]*\?",
    re.IGNORECASE,
)
_HAS_QUESTION = re.compile(  # about what there is: "Ich hab ein Angebot bekommen und da hätte ich noch eine Frage zu"
    r"\bhab\w* [^.?!]*\b(?:bekommen|erhalten|gekriegt)\b[^.?!]*\bFragen?\b", re.IGNORECASE
)
_ASKS_ADVICE = re.compile(  # "… und ist krank, sollen wir trotzdem kommen?", "…, was soll ich da machen?"
    r"\b(?:soll\w*|kann|können|darf|dürfen|muss|müssen) (?:ich|wir|er|sie|man)\b[^.?!]*\btrotzdem\b[^.!]*\?"
    r"|\bwas (?:soll\w*|kann|können|muss|müssen) (?:ich|wir|man) (?:(?:da|jetzt|denn|dann) )*(?:tun|machen)\W*$"
    r"|\bwie geht(?:'s| es)\b[^?]*\bweiter\b|\bwas (?:machen wir|mache? ich)(?: (?:da|jetzt|denn|dann|nun))*\W*$"
    r"|\bob (?:das|der|die|mein\w*) (?-i:[A-ZÄÖÜ])[^.?!,]*\b(?:gültig|fertig|da|bereit|angekommen) (?:ist|sind)\b",
    re.IGNORECASE,
)
_HAS_AT = re.compile(  # "Wir haben morgen um zehn Besichtigung, ist das Haus noch zu haben?"
    rf"^\W*(?:ich|wir) hab'?e?n? (?:(?:am|um|ja|doch|dann) |{MARK} )*{AT_WHAT}"
    r"[^?]*\b(?:ist|sind|gibt|kommt|wird)\b[^?]*\?",
    re.IGNORECASE,
)
_NEEDS = re.compile(  # "Sie braucht Ergo, was muss ich machen?"
    r"\b(?:brauch\w*|möcht\w*|bräucht\w*)\b(?=[^?]*\bwas muss\b)", re.IGNORECASE
)
_ASKS_NEED = re.compile(r"\W*(?:(?:und|aber|ach|ja)\W+)*brauche? (?:ich|man|wir)\b[^.!]*\?", re.IGNORECASE)
_ONLY_ASKS = re.compile(
    r"\b(?:wollte|will|möchte) (?:ja |doch |eigentlich |das )*nur (?:mal )?(?:wissen|fragen),? ob\b", re.IGNORECASE
)
_ASKS_WHAT = re.compile(  # about a service: "Wie oft muss man Shellac erneuern?"
    r"\W*(?:(?:und|aber|also|ja|äh|hallo|guten tag)\W+)*"
    r"(?:was|wie|warum|wieso|weshalb|wozu|wofür|womit|woran|bis wann|(?:(?:ab|aus|für|in|mit|von) )?welche[rsnm]?"
    r"|zahl(?:t|en)|übern(?:imm|ehm)\w+|erstatte\w+|tut|hilft|wirkt|sind Sie|seid ihr|bin ich)\b",
    re.IGNORECASE,
)
_ASKS_HOW_MANY = re.compile(  # "Wie viele Kartons brauche ich denn für zwei Zimmer?"
    r"\W*(?:(?:und|aber|also|ja|äh|hallo|guten tag)\W+)*wie ?viele?\b(?!.*\b(?:frei\w*|Termine?|Plätze?|Uhr)\b)[^.!]*\?",
    re.IGNORECASE,
)
_ASKS_LEAVE = re.compile(  # whether somebody may: "Darf die schon zum Waxing kommen?"
    r"\b(?:darf|dürfen|dürfte)\b(?!.*\b(?:Termine?|frei|Zeit|buchen|vorbeikommen)\b)"
    r"|\b(?:kann|können)\s+(?:ich|wir|man)\b[^.?!]*\b(?:schwanger\w*|stille\w*|krank|erkältet|Fieber)\b[^.!]*\?"
    r"|\b(?:kann|können|muss|müssen)\s+(?:ich|wir|man)\b[^.?!]*\bwarten\b[^.!]*\?"  # "auf den Batteriewechsel"
    r"|\b(?:kann|können|könnte)\s+(?:ich|wir|man)\b[^.?!]*\bmitbringen\b[^.!]*\?",
    re.IGNORECASE,
)
_COMPLAINS = re.compile(
    r"\b(?:un|nicht )zufrieden\b|\b(?:ist|sind) (?:\w+ )?nicht (?:an)?gekommen\b|\bdas (?:\w+te|\d+\.) Mal,? dass\b"
    r"|\bimmer noch (?:nicht|kein\w*)\b|\bFrechheit\b|\bunverschämt\w*",
    re.IGNORECASE,
)
_OTHER_DEED = re.compile(  # with what a word of a service names: "Kann man bei Ihnen eine Gitarre ausleihen?"
    r"\b(?:(?:aus|ver)?leihen|rufen|bestellen|ausgeliehen|mieten|kaufen|verkauf\w*|(?:be)?zahlen|lernen)\b",
    re.IGNORECASE,
)
_OFFERED = re.compile(r"\b(?:machen|bieten|gibt|haben|habt|kann|könnte|zum|zur|fürs?|ein|eine[nmr]?)\b", re.IGNORECASE)
_ASKED_TOGETHER = (Intent.DETAILS, Intent.PRICES, Intent.HOURS, Intent.ADDRESS)
_AND_ASKS = re.compile(
    r"(?:\bund|[?.,])\s+(?:(?:und|auch|dann)\s+)*(?:was|wie|wann|wo|haben|sind|kostet|dauert)\b", re.IGNORECASE
)
_ASKS_TWO = re.compile(  # "Was kostet ein Tattoo und tut das weh?", not "Was kostet das für mich und für Sie?"
    r"(?:\w+\s+){2}\w+,?\s+und\s+(?:(?:auch|dann|denn|wie|was|wo|wann|warum|ab wann)\s+)*"
    r"(?!(?:für|mit|bei|ohne|seit|wenn|dass|ob|an|in|auf|zu|nach|von)\b)[a-zäöüß]+\s+"
    r"(?:das|es|ich|man|wir|sie|ihr|er|da|dabei|mir|danach|die|der|ein(?:e[nmr]?)?)\b[^.?!]*\?"
    r"|\b(?:fragen|wissen|hören),? ob\b[^.?!]*\bund (?:ob|was|wie|wo|wann|wer|warum)\b"
    r"|(?:\w+\W+){3}\w+\s*\?\s+(?:\w+\W+){2}[^?]*\?",
    re.IGNORECASE,
)
_ASIDE = re.compile(  # "und außerdem wüsste ich gern, ob Sie Batterien verkaufen"
    r"(?<=\w)(?:,|\s+und|\.)\s+(?:(?:und|außerdem|dann|noch|ich|mich|uns|auch)\s+)*"
    r"(?:wüsste|wollte|möchte|würd'?e?)\b[^.?!]*?\b(?:fragen|wissen|gerne?|interessieren),?\s+"
    r"(?P<asks>(?:ob|wie|wo|was|wann|wer|warum|welche\w*)\b.*)",
    re.IGNORECASE | re.DOTALL,
)
_FEW_WORDS = 2
_AT_ONCE = re.compile(r"(?:jetzt|nun)(?: immer)?", re.IGNORECASE)  # which may only fill: "Was haben Sie jetzt notiert?"
_LITTLE = """
    und oder aber dann vielleicht auch lieber nur noch so am um im in ab bei beim zu zum zur der die das dem den ja nein nee doch
    ach äh ähm also bitte frau herr herrn doktor dr denn da eher ich kann könnte ihnen euch
"""
_ACCEPTING = """
    erste ersten erster zweite zweiten zweiter dritte dritten dritter vierte vierten fünfte fünften letzte letzten
    mittlere mittleren besser früheste
    nehm scho schon wär wird mich meiner halt eben achso aha wirklich sehr toll schön freut eintragen trage bucht
    reservieren reserviere machen mache mach macht geht ginge gehen bestens damit dabei termine zeit kommen komme eins hört
    hab habe hätte würde möchte will soll sollen darf können kannst könnten natürlich selbstverständlich unbedingt sicher
    freilich ohne adresse telefonnummer ordnung einverstanden zwar beide beides früheren frühere späteren spätere meinetwegen
    davon wieder wem wer hauptsache heisst heissen oh ah hm hey gemacht nichts dagegen spricht aus mir klingt top gebongt abgemacht
"""
_ACCEPTS = frozenset(_ACCEPTING.split())
_CHECKING_WORDS = """
    ist das es der dies wäre wär war sind die jetzt nun noch mal richtig gebucht eingetragen fest fix notiert reserviert bestätigt
    korrekt so also sicher sonst schon was wie wann wem oder nicht doch früheste früher frühere frühesten spätere letzte erste
    einzige einziger frei möglich termin termine zeit tag uhrzeit uhr datum wochentag genau nächste nächster mir mich uns
    gespeichert
"""
_CHECKING = frozenset(_CHECKING_WORDS.split())
_SAYS_LITTLE = frozenset(_LITTLE.split())  # beside times and people: "Und am Freitag bei Anna?"


def find_remark(sentence: Sentence, *, takes_companions: bool) -> str | None:
    """Return the remark on what no function can do of a sentence; None if it can be followed."""
    if sentence.intent in PASSED_ON:
        return None  # it is passed on as it is
    if sentence.wants_other:
        return phrases.NOT_UNDERSTOOD.format(sentence.text)
    if sentence.is_english or sentence.asks_for_language:
        return phrases.ENGLISH
    if is_address_lost(sentence.text):
        return phrases.NO_ADDRESS.format(sentence.text)
    if sentence.is_shift:
        return phrases.NO_SPAN.format(sentence.text)
    if sentence.for_several and sentence.intent not in TOOL_OF_CHANGE and not takes_companions:
        return phrases.ONE_APPOINTMENT
    if sentence.for_several and takes_companions and (many := find_uncounted(sentence.text)):
        return phrases.NOT_COUNTED.format(many)
    is_group = sentence.for_several and takes_companions  # "zwei Termine gleichzeitig, für mich und meine Schwester"
    is_both_cancelled = sentence.intent is Intent.CANCEL and sentence.is_both
    if (sentence.wants_several and not is_group) or is_both_cancelled:
        return phrases.ONE_BY_ONE
    if sentence.intent is Intent.MOVE and sentence.staff and _names_new_person(sentence.text, sentence.staff):
        return phrases.SAME_PERSON.format(sentence.staff)
    return None


def find_remark_on_rest(agent: CalledAgent, turn: Turn, sentence: Sentence, question: str) -> str | None:
    """Return the remark on a part of a sentence that its turn does not follow; `question` was cut off before it was read."""
    if question:
        return phrases.ALSO_QUESTION.format(question)
    return (
        _find_remark_on_number(agent, turn, sentence.text)
        or _find_remark_on_second_question(turn, sentence.text, agent.catalogue)
        or _find_remark_on_lookup(turn, sentence, agent.catalogue)
        or _find_remark_on_aside(turn, sentence)
        or _find_remark_on_others(turn, sentence)
        or _find_remark_on_left_part(turn, sentence, agent.catalogue)
    )


def _find_remark_on_lookup(turn: Turn, sentence: Sentence, catalogue: Catalogue) -> str | None:
    """Return the remark on a known question that a sentence asks beside the appointment that a turn looks for."""
    called = turn.reaction
    is_lookup = isinstance(called, ToolCall) and called.name == "check_availability"
    if (
        is_lookup
        and sentence.is_question
        and sentence.services
        and (known := catalogue.find_questions_about(sentence.text))
    ):
        return phrases.ALSO_QUESTION.format("”, “".join(known))
    return None


def _find_remark_on_aside(turn: Turn, sentence: Sentence) -> str | None:
    """Return the remark on one of two things that a sentence says: an appointment, and "ich wüsste gern, ob …"."""
    aside, called = _ASIDE.search(sentence.text), turn.reaction
    if aside is None or not isinstance(called, ToolCall):
        return None
    if called.name == "check_availability":
        return phrases.ALSO_QUESTION.format(aside["asks"].strip(" .?!"))
    wants = sentence.when and sentence.services and called.name == INFORMATION
    return phrases.ALSO_APPOINTMENT.format(sentence.text[: aside.start()].strip(" ,")) if wants else None


def _find_remark_on_left_part(turn: Turn, sentence: Sentence, catalogue: Catalogue) -> str | None:
    """Return the remark on what a caller wants beside a service and that is none: "und ein neues Armband", "mit Shellac"."""
    called = turn.reaction
    is_lookup = isinstance(called, ToolCall) and called.name == "check_availability"
    if not (is_lookup and len(sentence.services) == 1):
        return None
    if (without := _WITHOUT.search(sentence.text)) and not catalogue.find_services(without[0]):
        return phrases.LEFT_PART.format(without[0])
    added = _ADDED.search(sentence.wanted)
    if added and not catalogue.find_services(added["what"]):
        return phrases.LEFT_PART.format(added["what"].strip())
    parts = re.split(r"\s+und\s+", sentence.wanted)
    others = [each for each in parts if not (catalogue.find_services(each) or _TELLS_ALONE.search(each))]
    left = [noun[0] for each in others if (noun := _WANTED_NOUN.search(each)) and not is_relation(noun[0])]
    return phrases.LEFT_PART.format(left[0]) if left and len(others) < len(parts) else None


def _find_remark_on_others(turn: Turn, sentence: Sentence) -> str | None:
    """Return the remark on people of the team and branches that a sentence names, and that the called function does not get."""
    is_time = isinstance(turn.reaction, ToolCall) and turn.reaction.name in {*SEARCHES, *TOOL_OF_CHANGE.values()}
    if not (is_time and sentence.others):
        return None
    return phrases.LEFT_OTHERS.format("”, “".join(sentence.others), sentence.text)


def _find_remark_on_second_question(turn: Turn, text: str, catalogue: Catalogue) -> str | None:
    """Return the remark on a second thing that a question about the business asks: "Was kostet das, und wie lange dauert es?"."""
    is_asked = isinstance(turn.reaction, ToolCall) and turn.reaction.name == INFORMATION
    about = [intent for intent in _ASKED_TOGETHER if PATTERN_OF[intent].search(text)]
    is_two = (len(about) > 1 and _AND_ASKS.search(text)) or _ASKS_TWO.search(text)
    is_more = is_asked and is_two and catalogue.find_question(text) is None
    return phrases.ONE_QUESTION.format(text) if is_more else None


def is_no_wish(before: Memory, turn: Turn, sentence: Sentence, catalogue: Catalogue) -> bool:
    """Return whether a turn looks for free times, though its sentence asks for something else: "Was haben Sie jetzt notiert?"."""
    called, text = turn.reaction, sentence.text
    is_lookup = isinstance(called, ToolCall) and called.name == "check_availability"
    asks_which = turn.memory.services_to_choose != before.services_to_choose and isinstance(called, str)
    if not (is_lookup or asks_which):
        return False
    if _is_other_matter(sentence, catalogue):
        return True
    wishes = is_wish(sentence)
    asks_other_deed = sentence.is_question and _OTHER_DEED.search(text) and not catalogue.names_in_full(text)
    if asks_other_deed and not (sentence.when or wishes):
        return True
    if sentence.is_question and _ASKS_LEAVE.search(text) and not sentence.when:
        return True
    says_when = any(not _AT_ONCE.fullmatch(words) for words in sentence.when.values())
    if _COMPLAINS.search(text) and not (says_when or wishes):
        return True
    if sentence.services:
        is_asked = sentence.is_question and not (sentence.when or wishes)
        is_by_word = not (catalogue.names_in_full(text) or _OFFERED.search(text)) and len(text.split()) > _FEW_WORDS
        return is_asked and (is_by_word or bool(_ASKS_WHAT.match(text)))
    is_filled = len(sentence.when) == 1 and bool(_AT_ONCE.fullmatch(sentence.when.get("date", "")))
    if not (is_filled or text.rstrip().endswith("?")):
        return False
    noun = sentence.unknown_service
    if before.offers and noun and not (sentence.when or wishes):  # "Ach, und bringt man ein Handtuch mit?"
        return True
    is_pending = turn.memory.details.get("service") not in {None, noun} and not is_filled
    # but not for what is named by "Kann ich in Raten zahlen?", or by "Wie wird morgen das Wetter in Erfurt?"
    asks_for_it = noun and (
        (sentence.when and not _ASKS_WHAT.match(text))
        or re.search(rf"(?<!für )(?<!mit )\bein(?:e[nmrs]?)? {re.escape(noun)}\b", text)
    )
    if is_pending or asks_for_it or wishes:
        return False
    return says_more(sentence, catalogue)


def _is_other_matter(sentence: Sentence, catalogue: Catalogue) -> bool:
    """Return whether a sentence reports, complains, or says itself that it only asks."""
    other = _WANTS_NO_VISIT.search(sentence.text)
    only_asks = _ONLY_ASKS.search(sentence.text) and not sentence.when
    reports = (
        tells_what_was(sentence.text) or _HAS_QUESTION.search(sentence.text) or _ASKS_FOR_GOODS.search(sentence.text)
    )
    own = _HAS_AT.search(Times(sentence.text).marked)
    is_about_own = own is not None and bool(catalogue.find_services(own["what"]))
    return bool(
        reports
        or _ASKS_HOW_MANY.match(sentence.text)
        or is_about_own
        or (asks_advice(sentence.text) and not _NEEDS.search(sentence.wanted))
        or only_asks
        or (other and not catalogue.find_services(other[0]))
    )


def checks_appointment(sentence: Sentence, catalogue: Catalogue) -> bool:
    """Return whether a question such as "Ist das …?" is about an appointment, not about what is done there ("schmerzhaft")."""
    names_it = sentence.when or sentence.staff or sentence.branch or sentence.services
    return bool(names_it) or not says_more(sentence, catalogue, FILLERS | _CHECKING)


def asks_advice(text: str) -> bool:
    """Return whether a sentence asks what is right, not for a time: "Er ist krank, sollen wir trotzdem kommen?"."""
    return bool(_ASKS_ADVICE.search(text))


def tells_what_was(text: str) -> bool:
    """Return whether a sentence reports what has been, and asks for nothing: "Ich hatte gestern einen Termin und …"."""
    return bool(_TELLS.search(text))


def is_wish(sentence: Sentence) -> bool:
    """Return whether a question asks for an appointment by its words, and not whether somebody may come at all."""
    asks_leave = _ASKS_LEAVE.search(sentence.text) or (_ASKS_NEED.match(sentence.text) and not sentence.services)
    is_other = _ASKS_FOR_GOODS.search(sentence.text) or _ASKS_HOW_MANY.match(sentence.text)
    if (asks_leave and not sentence.when) or is_other:
        return False
    return sentence.any_staff or bool(_WISH.search(sentence.wanted))


def says_more(sentence: Sentence, catalogue: Catalogue, fillers: frozenset[str] = frozenset()) -> bool:
    """Return whether a sentence has words beside its times, people and fillers, which may be more than the usual ones."""
    words = re.findall(r"\w+", sentence.wanted.casefold())
    known = f"{sentence.staff or ''} {sentence.name or ''} {' '.join(catalogue.staff)}"
    people = frozenset(re.findall(r"\w+", known.casefold()))
    return any(word not in _SAYS_LITTLE | fillers and word not in people for word in words)


def find_rest(sentence: Sentence, name: str, catalogue: Catalogue) -> str:
    """Return the words of a sentence that accepts an offer which neither accept nor say who comes; "" if it says nothing else.

    They may take the yes back, or ask for something: the offer is said again before it is booked.
    """
    own = " ".join([name, *catalogue.staff, *RELATIVES, "Mann", "Frau"])
    services = (each for service in catalogue.services for each in (service.name, *service.spoken_names))
    known = _SAYS_LITTLE | BESIDE_NAME | _ACCEPTS | frozenset(re.findall(r"\w+", " ".join([own, *services]).casefold()))
    return " ".join(word for word in re.findall(r"[^\W\d]{2,}", sentence.wanted) if word.casefold() not in known)


def _find_remark_on_number(agent: CalledAgent, turn: Turn, text: str) -> str | None:
    """Return the remark on a number to call back that a sentence names, and that is not passed on."""
    if not names_phone(text):
        return None
    pending = turn.memory.message.args if turn.memory.message else {}
    args = turn.reaction.args if isinstance(turn.reaction, ToolCall) else pending
    is_declared = "phone" in agent.schema("leave_message").get("properties", {})
    is_passed_on = is_declared and find_phone(text) is not None and args.get("phone") == find_phone(text)
    is_message = text in str(args.get("message", ""))  # which is passed on as it is
    return None if is_passed_on or is_message else phrases.NO_NUMBER.format(text)


def _names_new_person(text: str, staff: str) -> bool:
    """Return whether a move is to somebody: "zu Frau Vogel", while "bei Frau Vogel" says which appointment is meant."""
    return bool(re.search(rf"\bzu[mr]?\s+(?:\w+\.?\s+){{0,2}}?{re.escape(staff.rsplit(maxsplit=1)[-1])}\b", text))
