"""The refusals of the real API server, with their messages.

`invalid/` has one manifest for each mistake; `# refused:` in its first line is a part of the message.
Where a rule compares two versions of an object, the documents before the last one are applied first.
"""

import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from askproai_operator import resources
from askproai_sandbox.cluster import ApiError, KubeClient
from tests.worlds.rows import each_row

ROOT = Path(__file__).parents[3]
INVALID = sorted(Path(__file__).with_name("invalid").glob("*.yaml"))

KEY = {"name": "mail", "key": "k"}
MAIL = {"host": "h.example", "sender": "a@b.example", "usernameSecretRef": KEY, "passwordSecretRef": KEY}
RELAY = {"host": "h.example", "sender": "a@b.example", "security": "None"}
HALF_A_LOGIN = {"host": "h.example", "sender": "a@b.example", "usernameSecretRef": KEY}
LOGIN = {"issuer": "https://login.example", "clientId": "a", "clientSecretRef": KEY, "roles": {"owner": ["bosses"]}}
ALL_DAY = {"begins": "20:00", "ends": "20:00"}
# Single values, put into examples/salon.yaml: kind, path, value, part of the message.
BAD_VALUES: list[tuple[str, str, Any, str]] = [
    ("Tenant", "locale", "deutsch", "not a language with its region, such as de-DE"),
    ("Tenant", "retell.apiKeySecretRef.key", "a key", "not a key of a Secret"),
    ("Tenant", "retell.baseUrl", "api.retellai.com", "a base URL begins with https://"),
    ("Tenant", "retell.baseUrl", "ftp://api.retellai.com", "a base URL begins with https://"),
    ("Tenant", "retell.baseUrl", "https://api.retellai.com/?x=1", "a base URL begins with https://"),
    ("Tenant", "retell.baseUrl", "https://:8443", "a base URL begins with https://"),
    (
        "Tenant",
        "timeZone",
        "Local",
        "not a time zone of the IANA database",
    ),  # known to Go, but neither to Python nor to IANA
    ("Tenant", "calendar.calcom.attendeeEmailDomain", "Salon Müller", "not a host name"),
    ("Tenant", "page", {"oidc": LOGIN | {"scopes": ["two words"]}}, "not a scope"),
    (
        "Tenant",
        "page",
        {"oidc": LOGIN | {"issuer": "https://login.example/?realm=a"}},
        "an issuer begins with https://",
    ),
    ("Tenant", "exposure", {"host": "salon.example", "pathPrefix": "voice"}, "not a path, such as /voice"),
    ("Tenant", "runtime.image", "UPPER/case:1", "not an image, such as"),
    ("Tenant", "runtime.canary", {"image": "askproai:0.2.0 --privileged"}, "not an image, such as"),
    ("Tenant", "runtime.canary", {"image": "askproai:0.2.0", "percent": 51}, "should be less than or equal to 50"),
    ("Tenant", "runtime.canary", {"percent": 10}, "Required value"),
    ("Tenant", "runtime.shadow", {"image": "askproai:0.2.0", "hours": 169}, "should be less than or equal to 168"),
    ("Tenant", "runtime", {"shadow": {"image": "a:1"}, "canary": {"image": "b:1"}}, "try one image at a time"),
    ("Tenant", "runtime", {"image": "a:1", "canary": {"image": "a:1"}}, "canary.image is runtime.image already"),
    ("Tenant", "runtime.workers", {"minReplicas": 6}, "minReplicas must not be above maxReplicas"),
    ("Tenant", "runtime.web.resources", {"memoryLimitMebibytes": 128}, "should be greater than or equal to 192"),
    ("Tenant", "runtime.web.resources", {"memoryRequestMebibytes": 300}, "a request must not be above its limit"),
    (
        "Tenant",
        "runtime.workers.resources",
        {"cpuRequestMillicores": 300, "cpuLimitMillicores": 200},
        "a request must not",
    ),
    ("Tenant", "runtime.pods", {"nodeSelector": {"a key": "x"}}, "not a key of a label or annotation"),
    ("Tenant", "runtime.pods", {"nodeSelector": {"a..b/x": "x"}}, "not a key of a label or annotation"),
    ("Tenant", "runtime.pods", {"nodeSelector": {"x" * 64: "x"}}, "not a key of a label or annotation"),
    ("Tenant", "runtime.pods", {"nodeSelector": {"pool": "-x"}}, "not a label's value"),
    ("Tenant", "runtime.pods", {"annotations": {"/x": "x"}}, "not a key of a label or annotation"),
    (
        "Tenant",
        "runtime.pods",
        {"tolerations": [{"operator": "Exists"}]},
        "spec.runtime.pods.tolerations[0].key: Required",
    ),
    ("Tenant", "runtime.pods", {"tolerations": [{"key": "a", "operator": "Exists", "value": "x"}]}, "has no value"),
    ("Tenant", "runtime.pods", {"tolerations": [{"key": "a", "tolerationSeconds": 1}]}, "needs the effect NoExecute"),
    ("Tenant", "privacy.retellRetentionDays", 731, "should be less than or equal to 730"),
    ("Branch", "tenantRef.name", "Salon_Müller", "not a name of an object"),
    ("Branch", "staff.0.id", "Anna", "not an id: small letters"),
    ("Branch", "staff.0.languages.0", "Deutsch", "not a language, such as de or en-GB"),
    ("Tenant", "notifications", {"customer": {}}, "name a channel: email, webhook or both"),
    ("Tenant", "notifications", {"email": MAIL}, "name who is notified: customer, business or both"),
    ("Tenant", "notifications", {"email": MAIL | {"security": "None"}, "customer": {}}, "would be sent in plain text"),
    ("Tenant", "notifications", {"email": RELAY | {"caSecretRef": KEY}, "customer": {}}, "no certificate is verified"),
    (
        "Tenant",
        "notifications",
        {"email": MAIL | {"sender": "a@b.example\nBcc: c"}, "customer": {}},
        "not an e-mail address",
    ),
    (
        "Tenant",
        "notifications",
        {"email": HALF_A_LOGIN, "customer": {}},
        "name usernameSecretRef and passwordSecretRef",
    ),
    (
        "Tenant",
        "notifications",
        {"webhook": {"url": "http://sms.example", "keySecretRef": KEY}, "customer": {}},
        "a webhook's URL",
    ),
    ("Tenant", "notifications", {"email": MAIL, "customer": {"channels": ["Email", "Email"]}}, "name each one once"),
    ("Tenant", "notifications", {"email": MAIL, "customer": {"quietHours": ALL_DAY}}, "begins and ends must differ"),
    ("Branch", "holidays.country", "Germany", "spec.holidays.country: Too long"),
    ("Branch", "holidays.country", "de", "not a country of two capital letters"),
    ("Branch", "holidays.subdivision", "be", "not a subdivision without its country"),
    ("Branch", "holidays.subdivision", "Sachsen", "not a subdivision without its country"),
    ("Branch", "phoneNumbers.0.number", "null-dreißig", "not a phone number"),
    ("Branch", "openingHours.0.opens", "9:00", 'not a time of day "HH:MM", such as "09:00"'),
    ("Branch", "openingHours.0.opens", "24:00", 'not a time of day "HH:MM", such as "09:00"'),
    ("Branch", "openingHours.0.days", [], "should have at least 1 items"),
    ("ServiceOffering", "price.amount", "39,00", "not an amount in quotes"),
    ("ServiceOffering", "price.currency", "eur", "not a currency of three capital letters"),
    ("ServiceOffering", "durationMinutes", 0, "should be greater than or equal to 1"),
    ("RetellAgent", "llm.prompt", "x" * 32_001, "Too long"),
    ("RetellAgent", "language", "de-AT", "Retell speaks German as de-DE only"),
    ("RetellAgent", "adopt", {"agentId": "agent one"}, "not an agent's id at Retell"),
]


def refused(file: Path) -> str:
    first = file.read_text().splitlines()[0]
    assert first.startswith("# refused: "), f"{file.name} must begin with # refused: <part of the message>"
    return first.removeprefix("# refused: ")


def documents(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text()))


@cache
def example_manifests() -> dict[str, dict[str, Any]]:
    """Return the first manifest of each kind in examples/salon.yaml."""
    return {doc["kind"]: doc for doc in reversed(documents(ROOT / "examples" / "salon.yaml"))}


def put(manifest: dict[str, Any], path: str, value: Any) -> None:
    at: Any = manifest["spec"]
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in parents:
        at = at[step]
    at[last] = value


@each_row("file", INVALID)
async def test_invalid_manifest_is_refused_with_its_message(
    file: Path, apply: Any, kube_client: KubeClient, kube_namespace: str
) -> None:
    *before, last = documents(file)
    for manifest in before:
        await apply(manifest)
    try:
        with pytest.raises(ApiError) as error:
            await apply(last, dry_run=True)
    finally:  # the next file has objects of the same names
        for manifest in before:
            resource = resources.resource_of_kind(manifest["kind"])
            await kube_client.delete(resource.path(kube_namespace, manifest["metadata"]["name"]))
    # From Kubernetes 1.35 on the value itself is there.
    assert refused(file) in re.sub(r'Invalid value: "[^"]*": ', 'Invalid value: "string": ', str(error.value))


@each_row("kind, path, value, message", BAD_VALUES)
async def test_bad_value_is_refused_with_its_message(kind, path, value, message, apply) -> None:
    manifest = deepcopy(example_manifests()[kind])
    put(manifest, path, value)
    with pytest.raises(ApiError) as error:
        await apply(manifest, dry_run=True)
    assert message in str(error.value)


def rule_messages(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return {message for part in schema for message in rule_messages(part)}
    if not isinstance(schema, dict):
        return set()
    own = {rule["message"] for rule in schema.get("x-kubernetes-validations", ())}
    return own.union(*(rule_messages(part) for part in schema.values()))


def test_every_rule_has_a_manifest_that_breaks_it() -> None:
    messages = rule_messages([yaml.safe_load(file.read_text()) for file in (ROOT / "crds").glob("*.yaml")])
    proven: set[str] = set()
    for text in [refused(file) for file in INVALID] + [text for *_, text in BAD_VALUES]:
        message = text.rpartition(': Invalid value: "string": ')[2]
        matching = {rule for rule in messages if message in rule}
        assert len(matching) <= 1, f"{message!r} proves nothing: it could be any of {matching}"
        proven |= matching
    assert proven == messages
