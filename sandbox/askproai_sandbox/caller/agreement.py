"""What names an offer and does not agree to it: a restriction, a time on another day, a yes on a condition. Pure."""

import re
from dataclasses import replace

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.choice import Item, ask_again, find_ordinal, is_on_day
from askproai_sandbox.caller.memory import CalledAgent, Memory, Turn, loose_name
from askproai_sandbox.caller.sentence import Sentence
from askproai_sandbox.caller.spoken_time import MARK, Times

_ONLY = re.compile(  # what is possible, which agrees to nothing: "Ich kann aber nur um drei", "Ich muss um drei weg"
    r"\b(?:nur|bloß|ausschließlich|lediglich|frühestens|spätestens|höchstens|erst|muss|müsste|nicht (?:vor|nach))\b"
    rf"(?:,\s*wenn\b)?[^,.;!?‹]*{MARK}",
    re.IGNORECASE,
)
_CONDITION = re.compile(  # "Ja, aber nur, wenn es nicht länger als eine Stunde dauert"
    r"\W*(?:ja|joa?|gerne?|gut|okay|ok|klar|passt|einverstanden)\b[\s,.]*"
    r"(?P<said>(?:aber\b[\s,]*)?(?:(?:nur|bloß)\b[\s,]*)?(?:\w+\s+)?"
    r"\b(?:wenn|falls|sofern|solange|vorausgesetzt|unter der (?:Bedingung|Voraussetzung)|es sei denn)\b.*?)[\s.!]*",
    re.IGNORECASE | re.DOTALL,
)


def is_unsure(agent: CalledAgent, memory: Memory, sentence: Sentence, chosen: Item) -> bool:
    """Return whether a sentence names an offer, and does not agree to it: by what is possible only ("Ich kann nur um drei"), or by
    a time of the day alone, where the offer is on another day than was asked for.
    """
    if _ONLY.search(Times(sentence.text).marked):
        return True
    by_time = bool(sentence.when) and "date" not in sentence.when and find_ordinal(sentence) is None
    accepts_one = sentence.yes and len(memory.offers) == 1
    return by_time and not accepts_one and not is_on_day(chosen, memory.requested_time.get("date", ""), agent.now)


def hear_condition(agent: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """Repeat the offer after a yes on a condition, which no function knows: "Ja, aber nur, wenn es nicht länger dauert"."""
    condition = _CONDITION.fullmatch(sentence.text)
    says_other = sentence.when or sentence.staff or sentence.services or sentence.other_time
    is_free = sentence.intent is None and memory.change.tool is None and not sentence.is_question
    if not (memory.offers and condition and is_free) or says_other:
        return Turn(memory)
    memory = replace(memory.note(customer_name=loose_name(agent, memory, sentence, asked=False)), accepted_offer=None)
    return Turn(memory, ask_again(memory.offers), phrases.ASKS_FIRST.format(condition["said"], sentence.text))
