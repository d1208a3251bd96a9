"""E-mail addresses as a model writes them down, and as they are read back."""

import pytest

from askproai_runtime.conversation.email_address import is_made_up, read_email, spell_email
from tests.worlds.rows import each_row


@each_row(
    ("said", "address"),
    [
        ("Erika.Muster+x@Web-Mail.example.de", "Erika.Muster+x@Web-Mail.example.de"),
        ("anna punkt m at gmx punkt de", "anna.m@gmx.de"),
        ("anna Unterstrich m Klammeraffe t Bindestrich online Punkt de", "anna_m@t-online.de"),
        ("a n n a @ g m x . d e", "anna@gmx.de"),
        ("martin.plus@example.de.", "martin.plus@example.de"),
        *((bad, None) for bad in ("kündin@salon.de", "anna@müller.de", "a..b@x.de", "a@x..de", "a@x,y.de")),
        *((bad, None) for bad in ("anna", "anna at", "@", "null", "anna@gmx", "a@" + "x" * 260 + ".de", '{"email": "a@x.de"}')),
        ("m-e-i-n-e-c-k-e@web.de", "meinecke@web.de"),
        ("k-u-k-u@web.de", "k-u-k-u@web.de"),
        ("j.r.r.tolkien@web.de", "j.r.r.tolkien@web.de"),
        ("anna@k-u-k.de", "anna@k-u-k.de"),
        ("k-h.maier@web.de", "k-h.maier@web.de"),
        ("keine", None),
        ("k.maier@web.de, korrigiert: k.meyer@web.de", "k.meyer@web.de"),
        ("k.maier@web.de corrected to k.meyer@web.de", "k.meyer@web.de"),
        ("k.meyer@web.de, nicht k.maier@web.de", None),
        ("holger fink at t strich online punkt de", "holgerfink@t-online.de"),
        ("holger Strich fink at t minus online punkt de", "holger-fink@t-online.de"),
        ("anna unter strich m at t binde strich online punkt de", "anna_m@t-online.de"),
        ("anna Unter-Strich m at t Binde-Strich online punkt de", "anna_m@t-online.de"),
        ("anna strich at gmx punkt de", "annastrich@gmx.de"),  # Mrs. Strich
        ("anna punkt strich at gmx punkt de", "anna.strich@gmx.de"),
        ("strich at gmx punkt de", "strich@gmx.de"),
        ("anna quer strich m at gmx punkt de", "annaquerstrichm@gmx.de"),  # no hyphen: the caller hears it letter by letter
        ("anna querstrich m at gmx punkt de", "annaquerstrichm@gmx.de"),
        *((said, "petra@web.de") for said in (  # what models and mail programs write around an address
            "mailto:petra@web.de", "Petra Lange <petra@web.de>", "petra(at)web.de", "petra [at] web [dot] de",
            "petra@web.de (privat)", "petra (at) web (punkt) de (dienstlich)",
        )),
    ],
)  # fmt: skip
def test_email_argument_is_parsed_or_ignored(said: str, address: str | None) -> None:
    assert read_email(said) == address


@pytest.mark.parametrize(
    ("address", "spelled"),
    [
        ("Anna.m@gmx.de", "A, N, N, A, Punkt, M, at gmx Punkt de"),
        ("a_b-c+1@mail.s-1.example", "A, Unterstrich, B, Bindestrich, C, Plus, 1, at mail Punkt S, Bindestrich, 1 Punkt example"),
    ],
)  # fmt: skip
def test_email_address_is_spelled_by_letters(address: str, spelled: str) -> None:
    assert spell_email(address) == spelled


@each_row("address", [
    "petra.lange@example.com", "anna@EXAMPLE.org", "a@mail.example.net", "otto@firma.example", "otto@praxis.test", "a@b.invalid",
    "root@my.localhost", "test@test.de", "Test1@gmail.com", "kunde@email.de", "user@domain.com", "name@domain.de", "null@web.de",
    "max.mustermann@beispiel.de", "john.doe@email.com", "vorname.nachname@firma.de", "your-email@domain.com", "no-reply@gmx.de",
    "customer@company.com", "unbekannt@t-online.de", "noemail@salon.de",
])  # fmt: skip
def test_placeholder_address_is_recognized(address: str) -> None:
    assert is_made_up(address)


@pytest.mark.parametrize("address", [
    "petra@example.de", "max@mail.de", "erika@email.de", "max.mustermann@gmx.de", "kunde@mueller.de", "petra@test.de",
    "info@firma.de",    "john.doe@gmail.com", "mustermann@web.de", "anna@contest.de", "testa@web.de", "a@example.com.de",
    "otto@email.de",
])  # fmt: skip
def test_ordinary_email_address_is_not_called_made_up(address: str) -> None:
    assert not is_made_up(address)
