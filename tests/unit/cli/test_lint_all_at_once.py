"""`askproai lint` reports every mistake of a set of files in one run, and what the files say together."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from askproai_cli.main import app
from tests.worlds.rows import each_row

EXAMPLE = Path(__file__).parents[3] / "examples" / "second-tenant.yaml"


def lint(text: str, *options: str) -> Result:
    return CliRunner().invoke(app, ["lint", "-", *options], input=text)


@cache
def read_example() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(EXAMPLE.read_text()))


def practice(**changes: dict[str, Any]) -> str:
    """Return the practice of the examples; each argument replaces fields of the spec of a kind, or of the Secret itself.

    None removes a field.
    """
    documents = copy.deepcopy(read_example())
    for document in documents:
        fields = document if document["kind"] == "Secret" else document.setdefault("spec", {})
        fields.update(changes.get(document["kind"], {}))
        for name in [name for name, value in fields.items() if value is None]:
            del fields[name]
        if document["kind"] == "Namespace":
            del document["spec"]
    return yaml.safe_dump_all(documents)


def second_practice(**changes: dict[str, Any]) -> str:
    """Return the same practice in another namespace."""
    return "---\n" + practice(**changes).replace("praxis-weber", "praxis-kurz")


def found(text: str) -> dict[str, str]:
    """Return the messages by path, of all manifests."""
    answer = json.loads(lint(text, "-o", "json").output)
    return {f"{finding['severity']} {finding['path']}": finding["message"] for finding in answer["findings"]}


# Within one manifest


CALCOM = {
    "provider": "Calcom",
    "calcom": {
        "apiKeySecretRef": {"name": "providers", "key": "calcom-api-key"},
        "webhookSecretRef": {"name": "providers", "key": "calcom-webhook-secret"},
    },
}
IDS = {"calcom": {"eventTypes": [{"staff": "dr-weber", "eventTypeId": 4001}]}}


def at_calcom(number: int, service: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the changes of a practice that books at Cal.com, with keys that no other has."""
    keys = {"retell-api-key": f"key_{number}", "calcom-api-key": f"cal_{number}", "calcom-webhook-secret": "whs"}
    return {
        "Tenant": {"calendar": CALCOM},
        "Branch": {} if number == 1 else {"phoneNumbers": []},
        "ServiceOffering": service,
        "Secret": {"stringData": keys},
    }


SIP = {"terminationUri": "sip.example", "authSecretRef": {"name": "providers"}}
MORNING, EVENING = ({"days": ["Mon", "Tue"], "opens": "08:00", "closes": "12:00"}, {
    "days": ["Mon"], "opens": "19:00", "closes": "20:00",
})  # fmt: skip
MISTYPED = {"days": ["Tue"], "opens": "11:30", "closes": "18:00"}
PARTLY = {"days": ["Mon", "Sun"], "opens": "11:00", "closes": "13:00"}
ENCRYPTED = "ENC[AES256_GCM,data:x,type:str]"
VIENNA, NUMBER = {"timeZone": "Europe/Vienna"}, "0664 1234567"
OWN = "+4981517654300"


def able(*names: str) -> list[dict[str, Any]]:
    """Return staff; the first has the skill that the practice's service needs."""
    skills = [["sprechstunde"], *([[]] * (len(names) - 1))]
    return [{"id": name, "displayName": name, "skills": each} for name, each in zip(names, skills, strict=True)]


def of_dr_lang(*hours: dict[str, Any]) -> list[dict[str, Any]]:
    return [able("dr-lang")[0] | {"workingHours": list(hours)}]


@each_row(
    ("changes", "messages"),
    [
        ({}, {}),
        ({"Tenant": {"timeZone": "Europe/Munich"}},
         {"refused spec.timeZone": "for Germany, Austria and Switzerland: Europe/Berlin, Europe/Vienna, Europe/Zurich"}),
        ({"Tenant": {
            "businessmodel": "Simple", "timeZone": "Europe/Berln", "runtime": {"web": {"minReplicas": 5, "maxReplicas": 2}},
            "calendar": {"provider": "Calcom"}}},
         {"refused spec.timeZone": "such as Europe/Berlin; did you mean Europe/Berlin?", "refused spec.businessmodel": "",
          "refused spec.runtime.web": "", "refused spec.calendar": ""}),
        ({"Branch": {"holidays": {"country": "ZZ"}}},
         {"warning spec.holidays.country": "such as DE, AT or CH; with Z there are ZA, ZM, ZW"}),
        ({"Branch": {"displayName": 7, "holidays": {"country": "DE", "subdivision": "XX"}}},
         {"refused spec.displayName": "", "warning spec.holidays.subdivision": "BB, BE, BW, BY"}),
        # One mistake is reported once: the agent has a `transferTo`, and "9:00" is a text greater than "12:00".
        ({"RetellAgent": {"transferTo": 492217654399}},
         {"refused spec.transferTo": "must be a text: put it in quotes; this is a number"}),
        ({"Branch": {"openingHours": [MORNING | {"opens": "9:00"}]}}, {"refused spec.openingHours[0].opens": ""}),
        # Working hours are cut to the opening hours, and overlapping hours count as one: a lunch break is lost.
        ({"Branch": {"openingHours": [MORNING], "staff": of_dr_lang(EVENING, PARTLY)}},
         {"warning spec.staff[0].workingHours[0]": "lies outside openingHours"}),
        ({"Branch": {"openingHours": [MORNING, MISTYPED, EVENING | {"opens": "12:00"}], "staff": of_dr_lang(MORNING, MISTYPED)}},
         {"warning spec.openingHours[1]": "overlaps with entry 0",
          "warning spec.staff[0].workingHours[1]": "overlaps with entry 0"}),
        ({"Branch": {"phoneNumbers": [{"number": "4477880"}]}},
         {"warning spec.phoneNumbers[0].number": "is read as +494477880: write it so, or with its area code"}),
        ({"Branch": {"phoneNumbers": [{"number": "030 1"}]}},
         {"warning spec.phoneNumbers[0].number": "is no phone number of DE"}),
        ({"Branch": {"phoneNumbers": [{"number": "0221 7654321", "sip": SIP}]}},
         {"warning spec.phoneNumbers[0].sip.authSecretRef.name": "has no key 'password'"}),
        ({"Tenant": VIENNA, "Branch": {"phoneNumbers": [{"number": NUMBER}], "holidays": None}},
         {"warning spec.phoneNumbers[0].number": "Europe/Vienna is in AT"}),
        ({"Tenant": VIENNA, "Branch": {"phoneNumbers": [{"number": NUMBER}], "holidays": {"country": "AT"}}}, {}),
        ({"Tenant": VIENNA, "Branch": {"phoneNumbers": [{"number": "+43 664 1234567"}], "holidays": None}}, {}),
        # The caller would be connected with the agent again.
        *(({"Branch": {"phoneNumbers": [entry]}, "RetellAgent": {"functions": ["TransferToHuman"], "transferTo": OWN}},
           {"warning spec.transferTo": "is a number of Branch praxis-weber/"} | more)
          for entry, more in (
            ({"number": "08151 7654300"}, {}),
            ({"number": "089 1", "did": OWN}, {"warning spec.phoneNumbers[0].number": ""}),
        )),
        ({"Secret": {"stringData": {"retell-key": "key_1"}}},
         {"warning spec.retell.apiKeySecretRef.key": "has no key 'retell-api-key'; it has retell-key"}),
        ({"Secret": {"stringData": {"retell-api-key": ENCRYPTED}, "sops": {"version": "3.9.0"}}}, {}),
        ({"Secret": {"stringData": {"retell-key": ENCRYPTED}, "sops": {"version": "3.9.0"}}},
         {"warning spec.retell.apiKeySecretRef.key": ""}),
        ({"ServiceOffering": {"durationMinutes": 700}},
         {"warning spec.durationMinutes": "it takes 700 minutes with its buffers"}),
        ({"Branch": {"staff": able("yildiz", "brandner")}, "ServiceOffering": {"staffOverrides": [
            {"staff": "yilditz", "price": {"amount": "55"}}, {"staff": "brandner", "durationMinutes": 60}]}},
         {"warning spec.staffOverrides[0].staff": "; did you mean yildiz?",
          "warning spec.staffOverrides[1].staff": "; yildiz can"}),
        # Appointments of a service without event types stay here; no seats are booked there, and no parts.
        (at_calcom(1, {}), {"warning spec.calcom": "appointments stay in the local calendar, where nobody at Cal.com sees them"}),
        (at_calcom(1, {"calcom": {"bookingFields": [{"slug": "a", "value": "b"}]}}), {"warning spec.calcom": "local calendar"}),
        (at_calcom(1, {"capacity": 2}), {}),
        (at_calcom(1, {"segments": [{"kind": "Work", "minutes": 30}], "durationMinutes": 30}), {}),
        (at_calcom(1, {"calcom": {"eventTypes": []}}), {}),
        (at_calcom(1, {"calcom": {"eventTypes": [{"staff": "yildiz", "eventTypeId": 1}, {"staff": "yilditz", "eventTypeId": 2}]}})
         | {"Branch": {"staff": able("yildiz")}},
         {"warning spec.calcom.eventTypes[1].staff": "no yilditz in "}),
    ],
)  # fmt: skip
def test_each_mistake_is_reported_once_with_advice(changes: dict[str, Any], messages: dict[str, str]) -> None:
    shown = found(practice(**changes))
    assert shown.keys() == messages.keys(), shown
    assert [path for path, part in messages.items() if part not in shown[path]] == [], shown


@pytest.mark.parametrize(
    ("country", "written", "hint"),
    [
        ("DE", "DE-BY", "write BY"), ("DE", "by", "write BY"),
        ("DE", "Sachsen", "write SN"), ("DE", "sachsen-anhalt", "write ST"), ("AT", "Wien", "write 9"),
        ("CH", "Zürich", "write ZH"),
        ("DE", "Saxony", "write one of BB, BE, BW, BY, HB, HE, HH, MV, NI, NW, RP, SH, SL, SN, ST, TH"),
    ],
)  # fmt: skip
def test_state_by_name_is_refused_with_its_code(country: str, written: str, hint: str) -> None:
    messages = found(practice(Branch={"holidays": {"country": country, "subdivision": written}}))
    assert messages["refused spec.holidays.subdivision"].endswith(
        f"not a subdivision without its country (ISO 3166-2), such as BE; {hint}"
    )
    refused = {each for each in messages if each.startswith("refused")}  # its number is none in another country
    assert refused == {"refused spec.holidays.subdivision"}


def test_spoken_name_shared_by_two_services_warns_twice() -> None:
    documents = list(yaml.safe_load_all(practice()))
    service = next(document for document in documents if document["kind"] == "ServiceOffering")
    service["spec"] |= {"displayName": "Erstgespräch", "spokenNames": ["Beratung", "Vorgespräch"]}
    second = service | {"metadata": service["metadata"] | {"name": "zweites"}}
    second["spec"] = service["spec"] | {"displayName": "Beratung", "spokenNames": ["vor-gespräch", "Kontrolle"]}
    messages = found(yaml.safe_dump_all([*documents, second]))
    shared = {path: text for path, text in messages.items() if "spokenNames" in path}
    assert list(shared) == ["warning spec.spokenNames[0]", "warning spec.spokenNames[1]"]
    assert all("callers who say it can mean" in text for text in shared.values())


def test_misspelt_field_hides_no_other_finding() -> None:
    hours = [{"days": ["Mon"], "opens": "08:00", "closes": "07:00"}]
    documents = list(yaml.safe_load_all(practice(Branch={"openingHours": hours})))
    branch = next(document for document in documents if document["kind"] == "Branch")
    branch["spec"]["staf"] = [{"id": "Dr_Winter", "displayName": "Doktor Winter"}]
    del branch["spec"]["staff"]
    messages = found(yaml.safe_dump_all(documents))
    assert messages["refused spec.staf"] == "is no field; did you mean staff?"
    assert messages["refused spec.openingHours[0]"].startswith("opens must be before closes")
    assert messages["refused spec.staf[0].id"].startswith("not an id: small letters")
    assert len(messages) == 3, messages


# YAML as kubectl reads it


def test_unquoted_y_and_n_are_refused_as_texts() -> None:
    text = practice().replace("tenantRef:\n    name: praxis-weber\n", "tenantRef:\n    name: n\n")
    text = text.replace("kind: RetellAgent\nmetadata:\n  name: praxis\n", "kind: RetellAgent\nmetadata:\n  name: y\n")
    messages = found(text)
    assert messages["refused spec.tenantRef.name"] == "must be a text: put it in quotes; this is true or false"
    assert messages["refused metadata.name"] == "must be a text: put it in quotes; this is true or false"
    secret = found(practice(Secret={"stringData": {"retell-api-key": True}}))
    assert secret == {"refused stringData.retell-api-key": "must be a text: put it in quotes; this is true or false"}
    assert "refused metadata.namespace" in found(practice().replace("namespace: praxis-weber", "namespace: n"))


def test_invalid_tenant_name_is_reported_once() -> None:
    result = lint(
        practice().replace(
            "kind: Tenant\nmetadata:\n  name: praxis-weber", "kind: Tenant\nmetadata:\n  name: Praxis_Weber"
        )
    )
    named = [line for line in result.output.splitlines() if "Tenant/Praxis_Weber metadata.name" in line]
    assert len(named) == 1
    assert "the name of a Tenant is a DNS label" in named[0]


# Sums and nothing


def test_lint_total_counts_each_refused_manifest_once() -> None:
    result = lint(practice(Branch={"displayName": 7, "staff": [{}]}, Tenant={"timeZone": "Nowhere/Now"}))
    note, total = result.output.splitlines()[-2:]
    assert (note, total) == (
        "once no Branch is refused, services are also compared with its openings and people",
        "6 manifests: 2 refused for 4 mistakes, 0 warnings",
    )
    assert lint(practice()).output == "6 manifests: 0 refused, 0 warnings\n"
    assert lint("{apiVersion: v1, kind: ConfigMap}").output == (
        "1 manifest: 0 refused, 0 warnings (1 of other kinds, not checked)\n"
    )


def test_strict_lint_fails_for_a_warning() -> None:
    """`lint --strict … && kubectl apply …` must stop before a manifest that would not work."""
    warned = practice(ServiceOffering={"durationMinutes": 700})
    assert [lint(warned).exit_code, lint(warned, "--strict").exit_code] == [0, 1]
    assert lint(practice(), "--strict").exit_code == 0


@pytest.mark.parametrize("text", ["", "---\n---\n", "# only a comment\n"])
def test_lint_without_any_manifest_fails(text: str) -> None:
    """A pipeline whose rendering produced nothing must not pass."""
    result = lint(text)
    assert result.exit_code == 1
    assert "there is no manifest in -" in result.output


def test_missing_secret_is_reported_only_beside_other_secrets() -> None:
    other = practice(Tenant={"retell": {"apiKeySecretRef": {"name": "provider", "key": "k"}}})
    assert "which have providers" in found(other)["warning spec.retell.apiKeySecretRef.name"]
    alone = "---\n".join(part for part in other.split("---\n") if "kind: Secret" not in part)
    assert found(alone) == {}, "it is kept elsewhere"
    external = (
        "---\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: x, namespace: praxis-weber}\n"
    )
    assert found(other + external) == {}, "it may come from there"


# Claims of two manifests


def test_number_of_two_tenants_is_a_warning() -> None:
    number = {"phoneNumbers": [{"number": "+49 221 7654321"}]}
    text = practice() + second_practice(Branch=number, Secret={"stringData": {"retell-api-key": "key_2"}})
    first = next(line for line, words in enumerate(text.splitlines(), start=1) if "221 7654321" in words)
    assert found(text) == {
        "warning spec.phoneNumbers[0].number": f"+492217654321 is a number of Branch praxis-weber/praxis, too (<stdin>:{first});"
        " a number rings in one branch only"
    }
    twice = found(practice(Branch={"phoneNumbers": [{"number": "0221 7654321"}, {"number": "+492217654321"}]}))
    assert "is twice" in twice["warning spec.phoneNumbers[1].number"]


def test_shared_provider_key_is_a_warning_without_value() -> None:
    text = practice() + second_practice(Branch={"phoneNumbers": []})
    messages = found(text)
    assert messages["warning spec.retell.apiKeySecretRef"].startswith(
        "Tenant praxis-weber/praxis-weber has this Retell key, too"
    )
    assert "key_demo" not in lint(text).output
    # Tenants of one namespace that name one key of a Secret which is not among the files.
    same_namespace = practice() + practice().replace("name: praxis-weber", "name: praxis-kurz")
    assert "has this Retell key" in found(same_namespace)["warning spec.retell.apiKeySecretRef"]


@pytest.mark.parametrize(("prefix", "is_taken"), [("/voice", True), ("/voice/more", True), ("/other", False)])
def test_shared_host_without_separate_paths_is_a_warning(prefix: str, is_taken: bool) -> None:
    exposure = {"host": "praxis.example", "pathPrefix": "/voice"}
    second = second_practice(
        Tenant={"exposure": {"host": "praxis.example", "pathPrefix": prefix}},
        Branch={"phoneNumbers": []},
        Secret={"stringData": {"retell-api-key": "key_2"}},
    )
    messages = found(practice(Tenant={"exposure": exposure}) + second)
    assert list(messages) == (["warning spec.exposure.host"] if is_taken else [])


def test_service_of_the_same_name_is_a_warning() -> None:
    twice = [document for document in yaml.safe_load_all(practice()) if document["kind"] == "ServiceOffering"][:1]
    twice[0]["metadata"]["name"] = "again"
    messages = found(practice() + "---\n" + yaml.safe_dump_all(twice))
    assert "callers cannot choose between them" in messages["warning spec.displayName"]


def salon(**spec: object) -> str:
    """Return the salon of the examples, whose service names a Branch and no Tenant, with other fields in its service."""
    documents = list(yaml.safe_load_all(EXAMPLE.with_name("salon.yaml").read_text()))
    for document in documents:
        if document["kind"] == "ServiceOffering":
            document["spec"].update(spec)
    return yaml.safe_dump_all(documents)


def test_branch_service_is_checked_like_a_shared_service() -> None:
    assert "it takes 710 minutes" in found(salon(durationMinutes=700))["warning spec.durationMinutes"]
    assert "has the skills sticken" in found(salon(requiredSkills=["sticken"]))["warning spec.requiredSkills"]
    assert not [path for path in found(salon()) if path.startswith("warning spec.")]


def test_event_type_of_two_tenants_is_a_warning() -> None:
    text = practice(**at_calcom(1, IDS)) + second_practice(**at_calcom(2, IDS))
    messages = found(text)
    assert list(messages) == ["warning spec.calcom.eventTypes[0].eventTypeId"]
    (message,) = messages.values()
    assert "Tenant praxis-weber/praxis-weber names event type 4001, too (<stdin>:" in message
    assert lint(text, "--strict").exit_code == 1
    other_server = {"calendar": CALCOM | {"calcom": CALCOM["calcom"] | {"baseUrl": "https://cal.example"}}}
    apart = practice(**at_calcom(1, IDS)) + second_practice(**at_calcom(2, IDS) | {"Tenant": other_server})
    assert found(apart) == {}


def test_unanswered_branch_numbers_are_a_warning() -> None:
    documents = list(yaml.safe_load_all(practice()))
    without_agent = [document for document in documents if document["kind"] != "RetellAgent"]
    messages = found(yaml.safe_dump_all(without_agent))
    assert "no RetellAgent among these files answers them" in messages["warning spec.phoneNumbers"]
    assert "warning spec.phoneNumbers" not in found(practice())
    alone = [document for document in documents if document["kind"] == "Branch"]
    assert "warning spec.phoneNumbers" not in found(yaml.safe_dump_all(alone)), "the agent may be in the cluster"
