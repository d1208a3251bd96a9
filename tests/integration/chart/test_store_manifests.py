"""The manifests of examples/stores at a real API server, with the CRDs of the controllers for which they are."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from askproai_sandbox.cluster import ControlPlane, ProcessError
from tests.worlds.chart_render import ROOT
from tests.worlds.foreign_crds import STORES, crd_files

pytestmark = pytest.mark.nightly

STORE_MANIFESTS = sorted((ROOT / "examples" / "stores").glob("*.yaml"))
DRY_RUN = ("apply", "--server-side", "--dry-run=server", "--validate=strict")
NAMESPACE = "askproai-stores"


@pytest.fixture(scope="module")
async def store_kinds(control_plane: ControlPlane) -> AsyncIterator[None]:
    """The foreign kinds of the examples are served, and their namespace exists."""
    files = [str(file) for file in crd_files(*STORES)]
    for file in files:
        await control_plane.kubectl("apply", "--server-side", "-f", file)
    await control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", *STORES)
    await control_plane.kubectl("create", "namespace", NAMESPACE)
    yield
    await control_plane.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
    await control_plane.kubectl("delete", "crd", *STORES)


@pytest.mark.parametrize("manifest", STORE_MANIFESTS, ids=lambda path: path.name)
async def test_api_server_accepts_each_field_of_an_example(control_plane: ControlPlane, store_kinds, manifest) -> None:
    answer = await control_plane.kubectl(*DRY_RUN, "-f", str(manifest))
    assert len(answer.splitlines()) == len([each for each in yaml.safe_load_all(manifest.read_text("utf-8")) if each])


async def test_a_misspelt_field_is_refused(control_plane: ControlPlane, store_kinds: None, tmp_path: Path) -> None:
    """Proves that the test above can fail."""
    text = (ROOT / "examples/stores/postgres.yaml").read_text("utf-8")
    (tmp_path / "wrong.yaml").write_text(text.replace("serverTLSSecret", "serverTLSSecrets"))
    with pytest.raises(ProcessError, match="serverTLSSecrets: field not declared"):
        await control_plane.kubectl(*DRY_RUN, "-f", str(tmp_path / "wrong.yaml"))
