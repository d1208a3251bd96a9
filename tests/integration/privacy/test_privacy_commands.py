"""`askproai export`, `erase` and `erasures` against a real pod."""

import json
import re

import pytest

from askproai_core.reader_token import reader_token_of
from tests.worlds.privacy_environment import OTHER, ZORA, PrivacyEnvironment
from tests.worlds.private_desk import command
from tests.worlds.tenant_pod import ADMIN_TOKEN

pytestmark = pytest.mark.nightly


async def test_a_caller_is_exported_and_erased_by_commands(env: PrivacyEnvironment) -> None:
    await env.play(OTHER, hour=14)
    await env.play(ZORA)
    await env.processed()
    written = "0" + ZORA.number[3:]  # as it is dialled in Germany
    text = await command(env.pod, "export", "--caller", written)
    assert f"Auskunft über gespeicherte Daten zur Rufnummer {ZORA.number}" in text
    assert f"Notiz: {ZORA.note}" in text
    assert re.search(
        r"^Salon \w+, Stand (Mo|Di|Mi|Do|Fr|Sa|So), \d{1,2}\. [A-Zä][a-zä]+ 20\d\d, \d\d:\d\d Uhr$", text, re.MULTILINE
    )
    assert re.search(
        r"^    Beginn: (Mo|Di|Mi|Do|Fr|Sa|So), \d{1,2}\. [A-Zä][a-zä]+ 20\d\d, \d\d:\d\d Uhr$", text, re.MULTILINE
    )
    assert {"    Leistung: Haarschnitt", "    Stand: eingetragen"} <= set(text.splitlines())
    assert re.search(r"^    bei: (Anna|Mehmet)$", text, re.MULTILINE), "by name, not by id"
    assert "Warteliste:" in text
    assert "  - Cal.com: " in text
    assert OTHER.name not in text
    assert json.loads(await command(env.pod, "export", "--caller", ZORA.number, "-o", "json"))["caller"] == ZORA.number
    reader = reader_token_of(ADMIN_TOKEN)
    assert "This token may only look" in await command(env.pod, "export", "--caller", written, token=reader, code=1)
    refused = await command(env.pod, "erase", "--caller", written, "-y", token=reader, code=1)
    assert "This token may only look" in refused
    assert "caller is a phone number" in await command(env.pod, "export", "--caller", "Zora", code=2)

    assert "Appointments To Come" in await command(env.pod, "erase", "--caller", written, "--yes", code=1)
    erased = await command(env.pod, "erase", "--caller", written, "--cancel-appointments", "--yes")
    assert "cancelled: 1 appointments to come; tell the customer" in erased
    assert "The remote calendar keeps name and address in booking " in erased
    assert "open" in await command(env.pod, "erasures")
    await env.processed()
    await env.finish()
    assert "done" in await command(env.pod, "erasures")
    assert "caller.erased" in await command(env.pod, "audit", "list")
    nothing = await command(env.pod, "export", "--caller", written)
    assert not any(needle in nothing for needle in (*ZORA.name.split(), ZORA.note, ZORA.email))
    assert "Termine: nichts" in nothing
