"""Whether a caller wants none of the times that an answer has just named. Pure; decides only on words that leave no doubt.

An accepting phrase or a chosen time anywhere wins over a no; what is not clear declines nothing, and the times are named again:
nobody waits for what is free because of a word that was read wrongly.
"""

import re

from askproai_runtime.booking.replies import answers_nothing, is_question, words_of

_NUMBER = (
    r"(?:[01]?\d|2[0-4]|eins?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|dreizehn|vierzehn|fünfzehn|sechzehn"
    r"|siebzehn|achtzehn|neunzehn|zwanzig|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
)
_TIME = (
    rf"(?:(?:um|gegen|at|halb|half past|viertel (?:vor|nach)) {_NUMBER}\b"
    rf"|\b{_NUMBER} (?:uhr|o clock|am|pm|a m|p m)\b|\b[012]?\d [0-5]\d\b)"
)
_ORDINAL = (
    r"\b(?:de[nrm]|die|das|the) (?:erste[nrms]?|zweite[nrms]?|dritte[nrms]?|letzte[nrms]?|frühere[nrms]?|spätere[nrms]?"
    r"|andere[nrms]?|first|second|third|last|earlier|later|other)\b"
)
_POLITE = r"(?:bitte|dann|also|doch|lieber|gern|gerne|ja|na|gut|okay|ok|äh|ähm|please|then|well|oh|uh|um|yes|let s (?:do|say|take))"

# A no in them says nothing about the times: it agrees, doubts, asks for a moment, or speaks of the waiting list.
_WAITING = r"(?:warteliste|waiting ?list|wait ?list)"
_NEUTRAL = re.compile(
    r"\b(?:gar )?keine?[nrms]? (?:probleme?|thema|sorge|ursache|frage|einwand|einwände|zweifel|ahnung|eile|stress|umstände)\b"
    r"|\bnicht (?:so |ganz )?(?:schlecht|schlimm|verkehrt|übel|wahr|schnell|sicher|eilig)\b|\b(?:warum|wieso) (?:denn )?nicht\b"
    r"|\bnichts (?:dagegen|gegen|einzuwenden|zu meckern)\b|\bmacht nichts\b|\bleider nur\b"
    r"|\bweiss (?:ich )?(?:es )?(?:noch )?nicht\b|\bnicht (?:\w+ )?verstanden\b"
    r"|\bversteh\w* (?:\w+ ){0,2}nicht\b"
    r"|\b(?:nicht|not) (?:(?:vor|nach|before|after|until|bei|mit|with) \w+|später|früher|(?:\w+ ){0,2}later|(?:any )?earlier)\b"
    r"|\b(?:no|not a|not any) (?:problems?|worries|rush|doubt|idea|objections?)\b|\bcan t (?:wait|complain)\b"
    r"|\bnot (?:bad|sure|so fast|at all)\b|\bwhy not\b"
    r"|\b(?:don t|do not|wouldn t|would not) (?:mind|know)\b|\b(?:didn t|did not|don t) (?:\w+ )?(?:catch|understand|hear)\b"
    rf"|\bnicht (?:(?:mehr|unbedingt|länger|lange|so|auf|in|die|eine|der) )*(?:{_WAITING}|warten)\b"
    rf"|\bkeine (?:\w+ )?{_WAITING}\b|\bohne {_WAITING}\b"
    rf"|\b{_WAITING} (?:will|möchte|muss|brauche?|soll) (?:ich |wir |es )?nicht\b"
    r"|\b(?:no|not|don t|do not|without|no need)(?: (?:want|need|like|have|put|add|me|to|be|go|on|in|wait|for|a|the|any))*"
    rf" (?:{_WAITING}|wait)\b"
)
_WAITS = re.compile(
    rf"\b(?:{_WAITING}|warte lieber|lieber (?:\w+ )?warten|wait for|rather wait"
    r"|(?:auf|on) (?:die|der|ihre|the|your) (?:liste|list))\b"
)
_ASKS_TO_WAIT = re.compile(
    r"\b(?:(?:kann|könnte|können|könnten|würden|darf) (?:ich|sie|wir|mich)|(?:can|could|may|would) (?:i|you|we)"
    r"|setzen|schreiben|tragen|nehmen|put|add)\b"
)
_REJECTS = re.compile(
    r"\b(?:keine?[mnrs]?|nicht|nichts|nie|niemals|weder|leider|schlecht|ungünstig"
    r"|zu (?:früh|spät|kurzfristig|bald|weit weg)"
    r"|none|neither|nothing|never|not|cannot|(?:can|don|doesn|didn|won|isn|aren) t|unfortunately"
    r"|no (?:times?|slots?|appointments?|days?|dates?|way|good|one)|too (?:early|late|soon|far))\b"
)
_NO = re.compile(r"\b(?:nein|nee|nö|no|nope|nah)\b")

_TAKES = re.compile(  # "nehme ich keinen" and "nehme ich nicht" take nothing; "nehme ich, nicht den anderen" does
    r"\bnehm(?:e|en) (?:wir |ich )?(?!(?:\w+ ){0,3}(?:keine?[nrms]?|nichts)\b)(?!(?:\w+ ){0,3}nicht$)"
    r"|\b(?:i ll|i will|we ll|i d|let s) (?:take|have|do|go with)\b(?! (?:none|neither|nothing))"
)
_SUITS = re.compile(
    r"\b(?:passt|passen|geht|ginge|klappt|reicht|(?:ist|wäre|klingt) (?:\w+ )?(?:gut|okay|ok|super|prima|perfekt|recht|ideal)"
    r"|in ordnung|einverstanden|machen wir|works|fits|suits|sounds"
    r"|(?:is|s|are|be) (?:\w+ )?(?:fine|good|great|ok|okay|perfect)"
    r"|(?:that|this|the first|the second) one)\b"
)
_CHOSEN = re.compile(
    rf"(?<!ab )(?<!bis )(?<!nach )(?<!vor )(?<!after )(?<!before )(?<!until )(?<!till )(?:{_TIME}|{_ORDINAL})"
    rf"|\b(?:do|say|make it|then|dann) {_NUMBER}\b|\b{_NUMBER} (?:bitte|please|it is|would be|wäre)\b"
    rf"|^(?:{_POLITE} )*{_NUMBER}(?: {_POLITE})*$"
)
_AGREES = re.compile(
    r"^(?:(?:äh|ähm|ach|na|oh|also|doch|nein|nee|no|well) )*"
    r"(?:ja|jawohl|jo|genau|gern|gerne|einverstanden|yes|yeah|yep|sure|absolutely)\b"
)
_AGREES_LAST = re.compile(r"\b(?:okay|ok|super|prima|perfekt|klar|perfect|great|fine|please do)$")

_BORDER = re.compile(r"[;!?\n]|[.,:](?!\d)|\s[-–—]\s|\b(?:aber|sondern|sonst|but|so|otherwise|instead)\b")
_OTHER_TIME = re.compile(  # "ten not eleven", as a speech recognizer without commas writes it
    rf" (?=(?:nicht|not) (?:um |at |die |den |der |the )?(?:{_NUMBER}|erste|zweite|first|second)\b)"
)
_CONDITION = re.compile(r"^(?:und |and )?(?:falls|wenn|sobald|bis|if|when|until|in case)\b")


def declines_offer(utterance: str) -> bool:
    """Return whether a caller wants none of the times that were just named, beyond doubt.

    A question back or "Moment" says nothing about them, unless it asks for the waiting list.
    """
    clauses = _list_clauses(utterance)
    if any(_chooses(clause) for clause in clauses):
        return False
    if any(_WAITS.search(clause) for clause in clauses):
        return not is_question(utterance) or any(_ASKS_TO_WAIT.search(clause) for clause in clauses)
    if answers_nothing(utterance):
        return False
    if any(_AGREES.search(clause) for clause in clauses) or (clauses and _AGREES_LAST.search(clauses[-1])):
        return False
    return any(_REJECTS.search(clause) or _NO.search(clause) for clause in clauses)


def _list_clauses(utterance: str) -> list[str]:
    """Return the parts of an utterance that say something about the times, in lower case without signs."""
    clauses = list[str]()
    for part in _BORDER.split(utterance.casefold()):
        said = words_of(part)
        clauses += [each.strip() for each in _OTHER_TIME.split(_NEUTRAL.sub(" ", said))]
    without_spaces = (" ".join(clause.split()) for clause in clauses)
    return [clause for clause in without_spaces if clause and not _CONDITION.search(clause)]


def _chooses(clause: str) -> bool:
    """Return whether a part of an utterance takes a time. One that rejects something takes none, unless it says "nehme"."""
    if _WAITS.search(clause):
        return False
    if _TAKES.search(clause):
        return True
    return not _REJECTS.search(clause) and bool(_SUITS.search(clause) or _CHOSEN.search(clause))
