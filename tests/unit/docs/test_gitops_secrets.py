"""The examples for a tenant's keys from an encrypted file or a store fit the objects shown beside them."""

from typing import Any

import pytest
import yaml

from askproai_sandbox.demo.environment import PROJECT


def read(path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((PROJECT / "examples" / path).read_text()))


@pytest.fixture
def external() -> dict[str, Any]:
    (found,) = read("gitops/external-secret.yaml")
    return found


def test_external_secret_produces_the_examples_secret(external: dict[str, Any]) -> None:
    """A Secret without one of the labels is not used, or not at once. A Secret without a key stops a provider."""
    (secret,) = (each for each in read("salon.yaml") if each["kind"] == "Secret")
    target = external["spec"]["target"]
    assert (target["name"], external["metadata"]["namespace"]) == ("providers", secret["metadata"]["namespace"])
    assert target["template"]["metadata"]["labels"] == secret["metadata"]["labels"]
    assert {each["secretKey"] for each in external["spec"]["data"]} == set(secret["stringData"])
    assert all(each["remoteRef"]["property"] == each["secretKey"] for each in external["spec"]["data"])


def test_sops_example_is_flux_kustomization_with_a_key() -> None:
    _, plain = read("gitops/flux.yaml")
    (encrypted,) = read("gitops/flux-sops.yaml")
    assert encrypted["spec"].pop("decryption") == {"provider": "sops", "secretRef": {"name": "sops-age"}}
    assert encrypted == plain
