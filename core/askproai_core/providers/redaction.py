"""Remove possible names, numbers, keys and parts of the request from a provider's error text and body. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

_MAX_TEXT: Final = 300
_MAX_SHAPE: Final = 400
_MAX_KEYS, _MAX_DEPTH = 20, 5
_SHORTEST_WORD: Final = 3  # of the sent request: shorter ones are in every text

# The first that applies; texts without a group are kept.
_PARTS: Final = re.compile(
    r"""(?P<kept>\d{4}-\d\d-\d\d(?:T\d\d:\d\d[\d:.]*(?:Z|[+-]\d\d:?\d\d)?)?)
    |(?P<address>https?://\S+)
    |(?P<email>[^\s@<>"',;:()]+@[^\s@<>"',;:()]+)
    |(?P<quoted>"[^"]*"|“[^”]*”|„[^“]*“|'[^'\s][^']*'(?!\w)|`[^`]*`)
    |(?P<key>\b(?:bearer\s+|cal_|key_|sk_|pk_|whsec_)[\w-]{4,}|\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{16,})
    |(?P<number>\+?\d[\d ()/.-]{5,}\d)
    |(?P<word>[^\W\d_][\w'-]*)""",
    re.VERBOSE | re.IGNORECASE,
)
_FIELD: Final = re.compile(r"[a-z][A-Za-z0-9_.]{0,39}")  # as both providers write the names of fields
_CODE: Final = re.compile(r"[_.\d]|^[a-z]+[A-Z]|(?:Exception|Error)$")  # BAD_REQUEST, eventTypeId, NotFoundException
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
# A word with a capital may be a name; these begin sentences, or are words of the providers.
_NO_NAMES: Final = frozenset(
    """a account already an another api attempting attendee attendees authorization availability bad body booking bookings busy
    cal calendar call can't cancelled cannot com conflict connection could credential credentials delete duplicate duration
    email end error event events exception expected failed field fields forbidden found gateway get has header host http id in
    incorrect internal invalid is it json key length limit llm many maximum may method minimum missing must name no not number
    of one only ooo or organization our out owner page parameter password path phone please post property provided publish
    query rate received request requests required reschedule response retell route schedule seats see server service slot
    start status team the there this time timeout timezone token too type unable unauthorized unavailable unexpected unknown
    unprocessable unsupported url user utc validation value version webhook webhooks when with you your zone""".split()  # noqa: SIM905 - as a list it has 130 lines
)

# A word in lower case may be a name, too; these are words of errors.
_OF_ERRORS: Final = _NO_NAMES | frozenset(
    """about above absent access action active add added address after again against agent all allow allowed also and any apikey
    are argument array as ask at attempt audio available away back balance be because been before begin begun being below
    between block blocked book booked boolean both but by calls can cancel canceled cancellation cancellations card cause
    change changed character characters check client close closed code column concurrent condition confirmation confirmed
    connect constraint contact contain contains content context conversion correct create created creation currency current
    data database date day days default deleted denied description destination details did different digits disabled do does
    doesn't done down during each either element empty enabled encountered ended ending endpoint engine enough entity entry
    enum environment equal every exactly exceed exceeded exceeds exist existing exists expect expired expires external fail
    failure false fetch file final first float for foreign form format free from full future given go got group had happened
    have having here hidden high hold hosts hour hours if import inactive index info information input instance instead
    integer interval into isn't items its job jwt kept keys kind know language large last later least left lengths less like
    line link list load local location locked login long longer look lookup low made make marked match matched matches meeting
    meetings member members message metadata minute minutes mismatch model more most multiple names needs network never new
    next non none nothing null numbers object occurred off old on once ones open operation optional order original other
    others outside over overlap overlaps own parse parsed part past pattern payload payment pending per permission permissions
    place plan policy port possible prevent previous private problem process processed processing prohibited prompt provide
    public published quota range reached read reason record recurring refused region register registered rejected related
    remaining remove removed reply rescheduled rescheduling reserved reset resolve resource resources responses result results
    retry returned right role round row rule same save schema scope seat second seconds secret selected send sends sent
    session set setting settings several should show signature since size slots slug so some soon space specified started
    starts state stopped storage string subscription success successfully such support supported system table take taken teams
    temporarily temporary text than that their them then these they those through timed title to together tokens transcript
    transfer trial trigger true try two types unauthenticated under unique until up update updated upgrade use used users
    using valid values verification verified verify versions violated violates voice wait was week well were what where
    whether which while who whole window within without won't workflow workspace would write written wrong year yet""".split()  # noqa: SIM905 - as above
)


def list_words(content: Mapping[str, Any]) -> frozenset[str]:
    """Return the words, in lower case, of the values that a request sends, because a provider's error text may quote them."""
    return frozenset(
        word.casefold()
        for text in _leaves([content.get("json"), content.get("params"), content.get("data")])
        for word in re.findall(r"[\w'-]+", text)
        if len(word) >= _SHORTEST_WORD
    )


def redact(text: str, sent: Iterable[str] = ()) -> str:
    """Return a provider's text without anything personal or secret, at most 300 characters.

    Removed are e-mail addresses, numbers, keys, URLs, quotations, the words in `sent`, and possible names: unusual capitalized
    words, lower-case words that are not typical of errors, and words in other scripts.
    """
    words = frozenset(sent)

    def replace(found: re.Match[str]) -> str:
        kind, part = found.lastgroup or "", found[0]
        match kind:
            case "kept":
                return part
            case "quoted":
                inner = part[1:-1]
                return part if _FIELD.fullmatch(inner) and not _may_be_a_name(inner, words) else f"{part[0]}…{part[-1]}"
            case "word":
                return "…" if _may_be_a_name(part, words) else part
            case "email":
                return "<e-mail>"
        return f"<{kind}>"

    redacted = re.sub(r"(?:…[ ,]*)+…", "…", _PARTS.sub(replace, text[: 4 * _MAX_TEXT]))
    return redacted if len(redacted) <= _MAX_TEXT else f"{redacted[: _MAX_TEXT - 1]}…"


def shape_of(body: Any) -> str:
    """Return the fields of a decoded body with the kinds of their values, such as `{error: {message: string}, status: string}`."""
    shape = _shape(body, 0)
    return shape if len(shape) <= _MAX_SHAPE else f"{shape[: _MAX_SHAPE - 1]}…"


def _may_be_a_name(word: str, sent: frozenset[str]) -> bool:
    plain = word.casefold()
    if not word.isascii() or any(part in sent for part in (plain, *re.split(r"['-]", plain))):
        return True
    if _CODE.search(word):
        return False
    return plain not in (_NO_NAMES if word[0].isupper() else _OF_ERRORS)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, Sequence):
        for each in value:
            yield from _leaves(each)


def _shape(value: Any, depth: int) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
    if depth >= _MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        keys = sorted(key if _KEY.fullmatch(str(key)) else "…" for key in value)
        of = {str(key): each for key, each in value.items()}
        fields = [f"{key}: {_shape(of[key], depth + 1)}" if key != "…" else "…" for key in dict.fromkeys(keys)]
        return "{" + ", ".join(fields[:_MAX_KEYS] + ["…"] * (len(fields) > _MAX_KEYS)) + "}"
    if isinstance(value, Sequence):
        kinds = list(dict.fromkeys(_shape(each, depth + 1) for each in value[:_MAX_KEYS]))
        return f"[{' or '.join(kinds)}]"
    return "…"
