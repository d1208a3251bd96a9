"""The words of answers that yes-or-no questions of any kind share, in lower case. Pure."""

import re
from enum import StrEnum

STRONG_YES_WORD = (
    r"(?:ja|jaja|jawo(?:hl|ll)|jo|j[aeu]pp?|genau(?: der(?= bitte|$))?|gerne?|klar|natürlich|freilich|unbedingt|selbstverständlich"
    r"|einverstanden|definitiv|yes|yeah|y[aeu]p|sure|exactly|absolutely|definitely|certainly|of course|go ahead|please do)"
)
YES_WORD = (
    rf"(?:{STRONG_YES_WORD}|richtig|stimmt|korrekt|okay|ok|sicher|passt|right|correct"
    r"|that s the one|i m afraid so|mhm|mm ?hmm?|uh huh)"
)
# In a longer sentence "ja" and "sicher" agree only at its beginning: "Sie sind ja ein Computer".
YES = re.compile(rf"^(?:\w+ ){{0,3}}{YES_WORD}(?: \w+)?$|^(?:(?:äh|ähm|ach|na|oh|also|aber|well|oh) )*{YES_WORD}\b")
NO = re.compile(
    r"\b(?:nein|nee|nö|falsch|auf keinen fall|(?:den|die|das) andere[mnrs]?)\b"
    r"|\b(?:doch|lieber|bitte|besser|noch|stimmt|passt|ist) nicht$|^(?:ne|nicht|not|halt|stopp?)\b"
    r"|\b(?:no|nope|nah|wrong|rather not|the other|never ?mind|changed my mind"
    r"|(?:absolutely|definitely|certainly|of course|please) not)\b"
)
KEEP = re.compile(
    r"\b(?:lass\w* (?:sie )?(?:ihn|es|den|das|it) (?:drin|stehen|so)|(?:ich|wir) komm\w*|komm\w* ich|stattfinden"
    r"|i (?:ll|will) (?:be there|come)"
    r"|(?:termin|appointment)(?: (?:ist|is|der|doch|so))* (?:passt|stimmt|okay|ok|richtig|right|fine|good)"
    r"|behalten?|(?:der|er|es|termin) (?:soll )?bleib(?:t|en)|keep|don.?t|do not|leave it)\b"
)
# "Ja, lieber verschieben" agrees to the move that the question offers beside the cancellation.
MOVE = re.compile(
    r"\b(?:(?:ver|um)(?:schieb|leg|buch)\w*|(?:um|vor)zu(?:verlegen|verschieben|legen|buchen)|vor(?:verleg|zieh)\w*|verschoben"
    r"|(?:move|mov|reschedul|postpon|rebook)(?:e|ed|ing)?|change (?:it|the (?:time|day|date))"
    r"|(?:ander(?:e[mnrs]?)?|neue[mnrs]?) (?:tag|termin|zeit|uhrzeit|datum|woche|mal)|(?:an)?other (?:day|time|date|slot|week)"
    r"|(?:different|new) (?:day|time|date|slot))\b"
)
CANCELLATION_WORD = r"(?:ab(?:zu)?sag\w*|storn\w*|streich\w*|lösch\w*|cancel\w*)"
# A caller who agrees under a condition has not agreed yet: "ja, wenn Sie was anderes haben".
CONDITION = re.compile(
    r"\b(?:wenn|falls|sofern|bevor|vorher|zuerst|erst mal|erst (?:einen?|den|das)|if|unless|only|before|first)\b"
)
# A caller who speaks about cancelling, or reports it, has not asked for it: "warum wollen Sie absagen", "vielleicht absagen".
SPEAKS_OF_IT = re.compile(
    r"\b(?:wäre|vielleicht|eventuell|womöglich|kaum|ob|überleg\w*|frag\w*|wissen|gesagt|gemeint|gehört|später|irgendwann|mal sehen"
    r"|immer noch|(?:noch|habe?|hat) zeit|wer|why|warum(?! nicht)|wieso|weshalb|maybe|perhaps|might|hardly|whether|wonder\w*|ask\w*"
    r"|think\w*|said|told|heard|later|would i|thought|(?:sie|er|man|jemand) (?:will|wollen|wollten|möchte|möchten|müssen)"
    r"|(?:will|wollte|möchte|muss) (?:er|man|jemand)|(?:he|she|they|you|someone|somebody) (?:wants?|has|have|had|needs?|said)"
    r"|i (?:m|am) coming|(?:absagen|stornieren|streichen|löschen) (?:kann|könnte|schaffe?|mache?|tue?|werde?) (?:ich|man|wir)"
    r"|ich sage? (?:\w+ )*(?:heute|morgen|übermorgen)|ich (?:kann|könnte|werde) (?:\w+ ){0,2}(?:absagen|stornieren)"
    r"|i (?:ll|will|can|could) cancel (?:it )?(?:today|tomorrow|later|then))\b"
)
# A request in the form of a question, and a word at the end of one that asks for nothing.
REQUEST = re.compile(
    r"^(?:(?:ja|gut|okay|dann|also|bitte|well|so) )*(?:können|könnten|würden|can|could|would|will) (?:sie|you)\b"
)
# "Ja, ich komme" and "ja, mit zwei n" begin as an agreement does: where more is said than these, a model has to decide.
FILLER = (
    r"(?:äh|ähm|ach|na|oh|also|beides?|bitte|danke|vielen|dank|sehr|ganz|doch|mal|gut|super|so|dann|alles?|das|die|den|ihn|es|ist|termin"
    r"|adresse|machen|tun|sagen|sag|mach|sie|ab|absagen|stornieren|streichen|löschen|auf jeden fall"
    r"|(?:all|both)(?: of them)?"
    r"|actually|well|please|thanks|thank you|very|it|that|this|is|s|the|thing|appointment|address|do|cancel|get rid of|fine|good)"
)
# Possessive: "please do" is one phrase or two words, and each way to read thirty of them would be tried, for minutes.
ONLY_YES = re.compile(rf"(?:(?:{YES_WORD}|{FILLER})(?: |$))++")
# The counterpart: a no, and nothing that may be an answer to something else.
ONLY_NO = re.compile(rf"(?:(?:{NO.pattern}|{KEEP.pattern}|{FILLER})(?: |$))++")
# "Wie bitte?" and "Was kostet das?" answer nothing, with or without the sign that a speech recognizer puts at their end.
ASKING = re.compile(
    r"^(?:und |aber |also |äh |ähm |and |but |so |um |uh )*"
    r"(?:was|wann|wo|wie|wer|wem|wen|warum|wieso|weshalb|welche[nmrs]?|kostet|kann|könnte|muss|soll|darf|geht|gibt|ist|hat|haben"
    r"|what|when|where|who|how|why|which|can|could|must|do(?! (?:it|that)\b)|does|is)\b"
)
SAYING = re.compile(
    r"^(?:wie (?:gesagt|sie|denn sonst)|warum (?:denn )?nicht|was solls?|was soll s|ist (?:gut|recht|richtig|korrekt|okay|ok))\b"
)
WAIT = re.compile(r"\b(?:moment|augenblick|sekunde|warten?|hallo|hello|wait|hold on|just a second)\b")


class Reply(StrEnum):
    """A caller's answer to a yes-or-no question. If it is `UNCLEAR`, the model's argument for the answer counts."""

    YES = "yes"
    NO = "no"  # or nothing but a question of the caller: the model's word for an agreement does not count
    ASIDE = "aside"  # the same where a no is final, as to the person or the appointment that is meant: the question is asked again
    UNCLEAR = "unclear"

    def agrees(self, claimed: object) -> bool:
        """Return whether the caller has agreed. `claimed` is the model's argument for that: true, false, or absent."""
        return claimed is not False and (self is Reply.YES or (self is Reply.UNCLEAR and claimed is True))


WAITING_LIST = re.compile(
    r"\b(?:warte)?liste\b|\b(?:wait(?:ing)?[ -]?)?list\b|\bvor(?:ge)?merk|\bnicht mehr (?:zu )?warten\b", re.IGNORECASE
)
OFF_THE_LIST = re.compile(r"\b(?:von|aus) (?:der|ihrer) \w*liste|\b(?:off|from) the [\w -]*list", re.IGNORECASE)
APPOINTMENT_WORD = re.compile(r"\btermin|\bappointment", re.IGNORECASE)
STAYS = re.compile(r"\b(?:bleib|lass|reich|genügt|keep|stay|enough|behalt)", re.IGNORECASE)
ANYBODY = re.compile(
    r"(?<!nicht )\b(?:egal|gleich)(?: \w+)? (?:bei |zu |von |mit )?(?:we[rm]|welche[mnr]?)\b|\b(?:bei|zu) irgend(?:wem|jemand\w*)\b"
    r"|\bwer (?:auch immer|gerade frei ist)\b|\b(?:with|by) any(?:one|body)\b|\b(?:doesn t|don t) (?:matter|mind|care) who\b"
)
ALONE = re.compile(
    r"(?<!nicht )(?<!nie )(?<!not )(?<!never )\b(?:allein\w*|nur (?:ich|für mich|mich|eine[nr]?)|ohne(?! (?:\w+ )*(?:geht|namen?\b))"
    r"|kommt (?:\w+ )*nicht(?! allein)|niemand|alone|(?:only|just) (?:me|for me|myself|one)|without(?! (?:\w+ )*no\b))\b"
)


def words_of(utterance: str) -> str:
    """Return the words of an utterance in lower case, separated by single spaces and without punctuation."""
    return " ".join(re.findall(r"\w+", utterance.casefold()))


def is_question(utterance: str) -> bool:
    """Return whether an utterance is a question."""
    return utterance.rstrip().endswith("?") or asks(words_of(utterance))


def asks(said: str) -> bool:
    return bool(ASKING.search(said)) and not SAYING.search(said)
