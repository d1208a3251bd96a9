"""Mistakes of call scripts are clearly reported, and differences from the expected result are found."""

from datetime import date
from pathlib import Path

import pytest
import yaml

from askproai_sandbox.call_scripts import Addresses, PodsMissingError, ScriptError, load_script, play_script
from askproai_sandbox.call_scripts.script import (
    ExpectedAppointment,
    ExpectedMail,
    SpokenCall,
    differences,
    mail_differences,
    missing_sentence,
)
from tests.worlds.rows import each_row

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples" / "calls").glob("*.yaml"))
HEAD = 'title: A call\ntenant: salon.salon\nnumber: "+49301234567"\n'
MAIL = {"to": ["zoe@example.org"], "subject": "Ihr Termin", "text": "Guten Tag,\n\num zehn.\n", "method": "REQUEST"}
TEN = {"start": "2026-12-03 10:00", "service": "haarschnitt", "staff": "anna", "status": "confirmed", "calendar": None}


def write(folder: Path, text: str) -> Path:
    file = folder / "call.yaml"
    file.write_text(HEAD + text, "utf-8")
    return file


@each_row("file", EXAMPLES)
def test_each_example_states_its_expected_result(file: Path):
    script = load_script(file)
    steps = script.parse_steps(script.values(date(2026, 12, 3)))
    assert script.appointments or any(isinstance(step, SpokenCall) and step.heard for step in steps)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
async def test_example_names_the_manifest_of_an_unapplied_tenant(file: Path):
    def without_pods(tenant: str) -> tuple[str, str]:
        raise ScriptError(f"no pods of {tenant}")

    script, demo = load_script(file), Addresses("", "", "", Path(), without_pods)
    with pytest.raises(ScriptError, match=f"^no pods of {script.tenant}; apply ") as refused:
        await play_script(script, demo, print)
    if script.tenant != "salon-mueller.salon-mueller":  # which each demo has
        assert script.manifest is not None
        assert script.manifest in str(refused.value)
        kinds = {each["kind"]: each for each in yaml.safe_load_all((ROOT / script.manifest).read_text("utf-8"))}
        metadata = kinds["Tenant"]["metadata"]
        assert f"{metadata['namespace']}.{metadata['name']}" == script.tenant


async def test_tenant_without_pods_is_named_with_diagnostic_command(tmp_path: Path):
    def admin(tenant: str) -> tuple[str, str]:
        raise PodsMissingError(f"{tenant} has no pod that is ready")

    script = load_script(write(tmp_path, "steps: [{say: [Hallo], functions: [null]}]\nappointments: []\n"))
    with pytest.raises(ScriptError, match=r"kubectl get tenants\.askproai\.de salon -n salon") as refused:
        await play_script(script, Addresses("", "", "", Path(), admin, ready_within=0), print)
    assert "apply" not in str(refused.value), "it is applied"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: []\n", "`array` of length >= 1"),
        (
            "steps:\n  - say: ['Am {dat} um zehn']\n",
            "{dat} is no placeholder; there are: tenant, email, day, weekday, date",
        ),
        (
            "steps:\n  - {say: ['Am {day} um zehn'], functions: [null]}\n",
            "need `on`: the branch and service of that day",
        ),
        ("steps:\n  - say: [Hallo]\n    hears: [Guten Tag]\n", "unknown field `hears`"),
        ("steps:\n  - {say: [Hallo], functions: [null], heard: ['(']}\n", "( is no regular expression"),
        (
            "steps:\n  - {say: [Hallo], functions: [null]}\nmails: [{to: a@example.org, subject: '('}]\n",
            "( is no regular expression",
        ),
        ("steps:\n  - say: [Hallo]\n    functions: [{a: {}, b: {}}]\n", "`object` of length <= 1"),
        ("steps:\n  - {say: [Hallo], functions: []}\n", "1 sentences have 0 functions"),
        ("steps:\n  - run: rm -rf .\n", "a script may run askproai and kubectl, not rm"),
        ("- a list\n", "call.yaml"),
    ],
)
def test_invalid_call_script_is_refused_before_any_call(tmp_path: Path, text: str, message: str):
    with pytest.raises(ScriptError) as refused:
        load_script(write(tmp_path, text))
    assert message in str(refused.value)
    assert "call.yaml" in str(refused.value)


def test_expected_sentences_are_found_in_order():
    lines = ["Frei ist Montag.", "Der Termin ist eingetragen."]
    assert missing_sentence(["Frei", "eingetragen"], lines) is None
    assert missing_sentence(["eingetragen", "Frei"], lines) == "Frei"


def test_missing_and_unexpected_appointments_are_differences():
    expected = [ExpectedAppointment("2026-12-03 10:00", staff="anna")]
    assert differences(expected, [TEN]) == []
    assert differences(expected, []) == ["missing: start 2026-12-03 10:00, staff anna, status confirmed"]
    assert differences([], [TEN]) == [
        "not expected: start 2026-12-03 10:00, service haarschnitt, staff anna, status confirmed"
    ]
    assert len(differences(expected, [TEN, TEN])) == 1, "one appointment cannot stand for two"
    assert len(differences(expected, [TEN | {"status": "cancelled"}])) == 2


@pytest.mark.parametrize(
    ("expected", "is_it"),
    [
        (ExpectedMail("zoe@example.org"), True),
        (ExpectedMail("zoe@example.org", "^Ihr Termin$", ["Guten Tag", "zehn"], "REQUEST"), True),
        (ExpectedMail("anna@example.org"), False),
        (ExpectedMail("zoe@example.org", subject="Erinnerung"), False),
        (ExpectedMail("zoe@example.org", text=["zehn", "Guten Tag"]), False),
        (ExpectedMail("zoe@example.org", calendar="CANCEL"), False),
    ],
)
def test_expected_mail_has_address_subject_text_and_calendar(expected: ExpectedMail, is_it: bool):
    assert (mail_differences([expected], [MAIL]) == []) is is_it


def test_missing_and_unexpected_mails_differ_if_expected():
    zoe = ExpectedMail("zoe@example.org")
    assert mail_differences([zoe], []) == ["missing: mail to zoe@example.org"]
    assert mail_differences([zoe], [MAIL, MAIL]) == ["not expected: mail to zoe@example.org, subject Ihr Termin"]
    assert mail_differences([], [MAIL]) == []


def test_optional_expected_mail_may_be_absent():
    maybe = ExpectedMail("zoe@example.org", optional=True)
    assert mail_differences([maybe], []) == []
    assert mail_differences([maybe], [MAIL]) == []
    assert len(mail_differences([maybe], [MAIL, MAIL])) == 1
