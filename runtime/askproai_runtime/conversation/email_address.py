"""E-mail addresses that callers spell: read from the model's text, read back letter by letter, and confirmed by the caller."""

import re
from collections.abc import Mapping
from typing import Any

from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.actions import get_email_question_age, record_email_question
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded
from askproai_runtime.input_values import INVISIBLE, is_email
from askproai_runtime.language.answer_words import Reply, words_of
from askproai_runtime.language.placeholders import names_nothing
from askproai_runtime.sentences import say
from askproai_runtime.understood import UNDERSTOOD

_WORDS = UNDERSTOOD.emails
# Words that a model leaves as they were said. They are whole words: "martin" has no "at" in it.
_SAID = tuple(
    (re.compile(rf"\s*\b(?:{words})\b\s*", re.IGNORECASE), sign)
    for words, sign in zip((_WORDS.at, _WORDS.dot, _WORDS.underscore, _WORDS.hyphen, _WORDS.plus), "@._-+", strict=True)
)
# Between two words only: Mrs. Strich has an address, too. Nor is a "Quer-" or "Schrägstrich" one, however it is written.
_OTHER_DASHES = "".join(rf"(?<!\b{word})" for word in sorted(_WORDS.before_dash))
_DASH = re.compile(rf"(?<=\w){_OTHER_DASHES}\s+(?:{_WORDS.dash})\s+(?=\w)", re.IGNORECASE)
# The letters of a name one by one, as they are spelled: m-e-i-n-e-c-k-e. A dot, or a hyphen among fewer, may be a part of it.
_SPELLED = re.compile(r"(?:[^\W_]-){4,}[^\W_](?=@)")
# Domains that everybody knows are said as words, all others are spelled.
_KNOWN_DOMAINS = frozenset({
    "aol", "freenet", "gmail", "gmx", "googlemail", "hotmail", "icloud", "live", "mail", "mailbox", "me", "online", "outlook",
    "posteo", "t-online", "web", "yahoo",
})  # fmt: skip
# RFC 2606 and 6761: nobody has a mailbox in these domains. Models invent addresses there.
_RESERVED_DOMAIN = re.compile(r"(?:.+\.)?(?:example\.(?:com|net|org)|example|test|invalid|localhost)", re.IGNORECASE)
_MAILBOX_PROVIDERS = frozenset({"mail", "email"})

# Text around an address: `Petra Lange <petra@web.de>`, `mailto:`, `(privat)`. A sign in brackets is said: `(at)`.
_AROUND = re.compile(r"^[^@<>]*<(?=[^<>]+>)|^\s*mailto:|\s*[(\[][^@()\[\]]*[)\]]\s*$|>[^@<>]*$", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"[(\[]\s*(\w+)\s*[)\]](?=\s*\w)")

# A reply that gives up the address: "ohne Adresse bitte", "ich habe keine".
_LEFT_OUT = re.compile(rf"\b(?:{_WORDS.left_out})")
_CORRECTED = re.compile(rf".*@.*\b(?:{_WORDS.corrected})\b[:, ]*(?P<address>\S+@\S+)", re.IGNORECASE)


def is_made_up(address: str) -> bool:
    """Return whether a model probably invented the address: a reserved domain, or placeholder words for name and domain."""
    local, _, domain = address.lower().rpartition("@")
    if _RESERVED_DOMAIN.fullmatch(domain):
        return True
    names = re.sub(r"\d+", "", local).replace("-", ".").replace("_", ".").split(".")
    if "".join(names) in _WORDS.nobody or local in _WORDS.nobody:
        return True
    *_, company, _top = domain.split(".")
    stands_in = all(name in _WORDS.stand_ins for name in names if name)
    is_first_name = company in _MAILBOX_PROVIDERS and ".".join(names) in _WORDS.sample_names  # max@mail.de
    return stands_in and company in _WORDS.stand_ins and not is_first_name


def read_named_email(text: str | None) -> str | None:
    """Return the e-mail address in an argument; None if there is none or a model invented it."""
    address = read_email(text) if text else None
    return None if address is None or is_made_up(address) else address


def read_email(text: str) -> str | None:
    """Return the address in a written or spoken text ("anna punkt m at gmx punkt de"); None if Cal.com would not accept it."""
    said = _AROUND.sub("", _IN_BRACKETS.sub(r" \1 ", re.sub(f"[{INVISIBLE}]", "", text)))
    if corrected := _CORRECTED.fullmatch(said.strip()):
        said = corrected["address"]
    if "@" not in said:
        for pattern, sign in _SAID:
            said = pattern.sub(sign, said)
        said = _DASH.sub("-", said)
    address = "".join(said.split()).rstrip(".,;")
    if spelled := _SPELLED.match(address):
        address = f"{spelled[0].replace('-', '')}{address[spelled.end() :]}"
    return address if is_email(address) else None


def spell_email(address: str) -> str:
    """Return an address letter by letter for reading it back: `A, N, N, A, Punkt, M, at gmx Punkt de`."""
    local, _, domain = address.partition("@")
    *names, top = domain.split(".")
    said = [name.lower() if name.lower() in _KNOWN_DOMAINS else _spell(name) for name in names]
    spelled = f" {say().email_signs['.']} ".join([*said, top.lower()])
    return say().spelled_email.format(local=_spell(local), domain=spelled)


def leaves_out_email(reply: str) -> bool:
    """Return whether a reply to a question about an address says that there is to be none."""
    return _LEFT_OUT.search(words_of(reply)) is not None


async def require_confirmed_email(ctx: BookingContext, call: CallContext, args: Mapping[str, Any]) -> None:
    """Raise `ClarificationNeeded` unless the named e-mail address is valid and the caller has confirmed it after hearing it
    spelled.

    Mails to a misheard address reach a stranger, and reveal an appointment. The caller's words decide. If they are unclear, or
    the request has no transcript and there was time for an answer, `email_confirmed` decides, which is only the model's claim.
    A no asks for another address. So does `email_confirmed: false` for an address that was read back; beside a new address, it
    refers to the previous one. An address that is repeated after a no is read back again.
    """
    said = args.get("email")
    if not said or isinstance(said, bool) or names_nothing(str(said)):
        return
    address = read_email(str(said))
    if address is not None and is_made_up(address):
        return
    if address is None:
        raise _ask_for_another()
    async with ctx.pool.acquire() as conn:
        age = (
            None if call.replies is not None else await get_email_question_age(conn, ctx.tenant, call.call_id, address)
        )
        reply = call.find_reply(address.casefold(), age)
        if reply is Reply.NO or (reply is not None and args.get("email_confirmed") is False):
            raise _ask_for_another()
        if reply is not None and reply.agrees(args.get("email_confirmed")):
            return
        await record_email_question(conn, ctx.tenant, call.call_id, address)
    question = say().is_email_right.format(spelled=spell_email(address))
    raise ClarificationNeeded(question, email=address, needs_confirmation=True)


def _ask_for_another() -> ClarificationNeeded:
    return ClarificationNeeded(
        say().which_email, cause="the e-mail address is none, or not what the caller has said", unclear="email"
    )


def _spell(text: str) -> str:
    return ", ".join(say().email_signs.get(character, character.upper()) for character in text)
