"""What the demo's agent does with a goodbye: it ends the call, unless something has to be done first. Pure."""

import re
from dataclasses import replace

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.memory import CalledAgent, Memory, Turn
from askproai_sandbox.caller.sentence import Sentence
from askproai_sandbox.caller.team_requests import only_ends_call

_THANKS = r"(?:alles klar|alles|gut|okay|ok|super|prima|schön|nein|dann|ja|vielen|herzlichen|besten|dank|danke|also)"
_COMES = re.compile(  # "Danke, ich bin in fünf Minuten da."
    rf"\W*(?:{_THANKS}\W+)*(?:dann )?(?:ich bin|wir sind|bin ich|sind wir) (?:gleich|sofort|in \w+ Minuten)"
    r" (?:da|bei (?:Ihnen|euch))\W*",
    re.IGNORECASE,
)
_IS_ALL = re.compile(  # which accepts no offer, though it begins with "Alles klar"
    rf"\W*(?:{_THANKS}\W+)*das (?:war|wär|wäre)'?s?(?: es| alles)?(?: (?:schon|dann|auch schon|für heute|soweit|erst ?mal))*"
    rf"\W*(?:{_THANKS}\W*)*",
    re.IGNORECASE,
)


def hear_goodbye(_: CalledAgent, memory: Memory, sentence: Sentence) -> Turn:
    """End the call, unless something has to be done first."""
    is_end = _IS_ALL.fullmatch(sentence.text) or (_COMES.fullmatch(sentence.text) and not memory.offers)
    if is_end and not memory.message:
        return Turn(memory, phrases.GOODBYE, _find_remark_on_lost_message(memory))
    is_offered = memory.offers or memory.accepted_offer or memory.is_waiting_offered or memory.is_message_offered
    is_asked = memory.is_name_asked or memory.is_email_asked or memory.message or memory.change.tool
    helps_only = not (memory.offers or memory.accepted_offer or memory.is_waiting_offered or is_asked)
    may_accept = (is_offered or is_asked or memory.is_transfer_offered) and not (
        helps_only and only_ends_call(sentence)
    )
    heard = sentence if may_accept else replace(sentence, yes=False)  # "Super, danke, tschüss"
    if sentence.is_question or not sentence.ends_call or heard.says_more(name_is_asked=memory.is_name_asked):
        return Turn(memory)
    if memory.message and memory.message.asked_for == phrases.ASK_WHO and not sentence.no:
        asked = replace(memory.message, asked_for=phrases.ASK_WHO_AT_LEAST)
        return Turn(replace(memory, message=asked), phrases.ASK_WHO_AT_LEAST)
    return Turn(replace(memory, message=None), phrases.GOODBYE, _find_remark_on_lost_message(memory))


def _find_remark_on_lost_message(memory: Memory) -> str | None:
    """Return the remark on what the end of the call leaves without effect of what a caller wants passed on."""
    if memory.to_pass_on:
        return phrases.NOT_PASSED_ON.format(memory.to_pass_on)
    args = memory.message.args if memory.message else {}
    lost = args.get("message") or args.get("call_back")
    return phrases.NOT_LEFT.format(lost) if lost else None
