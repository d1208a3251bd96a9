"""The stores and simulated providers that come with the chart for an evaluation."""

import asyncio
import base64
import signal
import sys
from pathlib import Path

import pytest
import yaml

from askproai_operator.settings import Settings as OperatorSettings
from tests.worlds.chart_render import Refused
from tests.worlds.waiting import SOON

EVALUATION = "evaluation.enabled=true"
SIMULATED = (EVALUATION, "evaluation.simulators=true", "evaluation.simulatorsImage=simulators:1")
NAME = "askproai-evaluation"


def operator(manifests):
    return manifests["Deployment", "askproai-operator"]["spec"]["template"]["spec"]


def environment(manifests):
    (container,) = operator(manifests)["containers"]
    return {variable["name"]: variable.get("value") for variable in container["env"]}


def test_evaluation_parts_are_installed_only_on_request(render):
    assert not [name for _, name in render() if name.startswith(("askproai-postgres", "askproai-valkey", NAME))]


def test_operator_uses_only_the_secret_of_release_stores(render):
    manifests = render(EVALUATION, "database.existingSecret=mine", "redis.existingSecret=mine")
    (volume,) = operator(manifests)["volumes"]
    assert {source["secret"]["name"] for source in volume["projected"]["sources"]} == {NAME}
    urls = manifests["Secret", NAME]["stringData"]
    for key, host in (
        ("DATABASE_ADMIN_URL", "askproai-postgres.system:5432"),
        ("REDIS_ADMIN_URL", "askproai-valkey.system:6379"),
    ):
        assert host in urls[key]
        assert ("Service", host.partition(".")[0]) in manifests
    assert urls["OWNER_PASSWORD"] in urls["DATABASE_ADMIN_URL"]
    assert urls["REDIS_PASSWORD"] in urls["REDIS_ADMIN_URL"]
    assert len({urls[name] for name in ("SUPERUSER_PASSWORD", "OWNER_PASSWORD", "REDIS_PASSWORD")}) == 3
    assert environment(manifests)["ASKPROAI_REDIS_ADMIN_URL_FILE"]


@pytest.mark.parametrize("store", ["postgres", "valkey"])
def test_stores_disk_is_deleted_by_an_uninstall(render, store):
    spec = render(EVALUATION, "evaluation.storageClassName=fast")["StatefulSet", f"askproai-{store}"]["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["resources"]["requests"] == {"storage": "1Gi"}
    assert claim["spec"]["storageClassName"] == "fast"
    assert spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"
    without = render(EVALUATION, "evaluation.storageSize=")["StatefulSet", f"askproai-{store}"]["spec"]
    assert "volumeClaimTemplates" not in without
    assert {"name": "data", "emptyDir": {}} in without["template"]["spec"]["volumes"]


def test_no_password_is_in_pods_or_config_maps(render):
    manifests = render(*SIMULATED)
    secret = manifests.pop(("Secret", NAME))
    shown = yaml.safe_dump([*manifests.values()])
    for name in ("SUPERUSER_PASSWORD", "OWNER_PASSWORD", "REDIS_PASSWORD"):
        value = secret["stringData"][name]
        assert value not in shown
        assert base64.b64encode(value.encode()).decode() not in shown


def test_all_pods_meet_the_restricted_standard(render):
    manifests = render(*SIMULATED)
    names = [
        ("StatefulSet", "askproai-postgres"),
        ("StatefulSet", "askproai-valkey"),
        ("Deployment", "askproai-simulators"),
    ]
    for name in names:
        pod = manifests[name]["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        (container,) = pod["containers"]
        expected = {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["securityContext"] == expected


def test_operator_gets_reachable_simulator_addresses(render):
    manifests = render(*SIMULATED, "networkPolicy.enabled=true")
    variables = environment(manifests)
    settings = OperatorSettings.model_validate(
        {
            name.removeprefix("ASKPROAI_").lower(): value
            for name, value in variables.items()
            if name.endswith(("_BASE_URL", "_HOSTS")) and value
        }
    )
    assert settings.shared_base_url == "http://askproai-simulators.system:9000"
    assert settings.retell_base_url == "http://askproai-simulators.system:9001"
    assert settings.calcom_base_url == "http://askproai-simulators.system:9002"
    assert "askproai-simulators.system:*" in settings.provider_hosts
    ports = {port["port"] for port in manifests["Service", "askproai-simulators"]["spec"]["ports"]}
    rules = manifests["NetworkPolicy", "askproai-operator"]["spec"]["egress"]
    assert ports <= {port["port"] for rule in rules for port in rule["ports"]}


def test_explicit_settings_override_the_evaluation_defaults(render):
    variables = environment(render(*SIMULATED, "settings.sharedBaseUrl=https://voice.example"))
    assert variables["ASKPROAI_SHARED_BASE_URL"] == "https://voice.example"
    assert variables["ASKPROAI_RETELL_BASE_URL"] == "http://askproai-simulators.system:9001"


def test_simulators_without_an_image_are_refused_with_advice(render):
    with pytest.raises(Refused, match=r"evaluation\.simulatorsImage, an image of sandbox/Dockerfile"):
        render(EVALUATION, "evaluation.simulators=true")


def test_notes_deny_production_use_and_explain_calls(notes):
    shown = notes(*SIMULATED)
    assert "EVALUATION, not for production" in shown
    assert "deploy/askproai-simulators -- askproai call --to +49301234567" in shown
    assert "WARNING" not in shown
    assert "evaluation.storageSize is empty" in notes(EVALUATION, "evaluation.storageSize=")
    assert "EVALUATION" not in notes()


async def test_postgres_ends_at_once_although_sessions_are_open(render, tmp_path: Path) -> None:
    """After SIGTERM alone PostgreSQL waits for the sessions until the pod is killed, which delays a reinstallation."""
    script = render(EVALUATION)["ConfigMap", "askproai-evaluation"]["data"]["postgres.sh"]
    (tmp_path / "data" / "postgres").mkdir(parents=True)
    (tmp_path / "postgres.sh").write_text(script.replace("/data", f"{tmp_path}/data"))
    server = tmp_path / "postgres"
    # Like PostgreSQL, it sets its handlers itself: a shell's children in the background ignore SIGINT.
    server.write_text(
        f"#!{sys.executable}\nimport os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
        "os.write(1, b'ready\\n')\nsignal.sigwait([signal.SIGINT])\nos.write(1, b'fast\\n')\n"
    )
    server.chmod(0o700)
    process = await asyncio.create_subprocess_exec(
        "sh", str(tmp_path / "postgres.sh"), env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(SOON):
        assert await process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert await process.stdout.readline() == b"fast\n"
        assert await process.wait() == 0
