"""The files of a release have one version, list their contents, and are made from a single commit."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.worlds.tools import find_program

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "hack"))
import licences  # noqa: E402  scripts of the repository
import release  # noqa: E402

TODAY = date(2026, 11, 23)
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """Return a folder with the files that a version is written into."""
    for path in ("pyproject.toml", "charts/askproai/Chart.yaml", "CHANGELOG.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkout of the present files, as a commit of version 9.8.7."""
    folder = tmp_path_factory.mktemp("release") / "askproai"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    release.cut(folder, "9.8.7", TODAY)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Release")
    return folder


def test_release_writes_its_version_and_takes_unreleased_changes(places: Path) -> None:
    before = (places / "CHANGELOG.md").read_text()
    release.cut(places, "0.9.0-rc.1", TODAY)
    after = (places / "CHANGELOG.md").read_text()
    assert release.read_versions(places) == {"0.9.0-rc.1"}
    assert "## Unreleased\n\n## 0.9.0-rc.1 (2026-11-23)\n" in after
    notes = release.release_notes(after, "0.9.0-rc.1")
    assert notes.strip() == before.partition(release.UNRELEASED)[2].partition("\n## ")[0].strip()


def test_a_build_has_one_version_and_its_checksums(checkout: Path, tmp_path: Path) -> None:
    helm = find_program("helm")
    assert release.build(checkout, helm, tmp_path / "dist") == "9.8.7"
    files = {path.name: path for path in (tmp_path / "dist").iterdir()}
    named = {line.split()[1]: line.split()[0] for line in files.pop("SHA256SUMS").read_text().splitlines()}
    assert named == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    with zipfile.ZipFile(files["askproai-9.8.7-py3-none-any.whl"]) as wheel:
        (metadata,) = (name for name in wheel.namelist() if name.endswith("METADATA"))
        assert b"\nVersion: 9.8.7\n" in wheel.read(metadata)
    with tarfile.open(files["askproai-9.8.7.tgz"]) as chart:
        about = chart.extractfile("askproai/Chart.yaml")
        assert about is not None
        assert {yaml.safe_load(about)["version"]} == {"9.8.7"}
    kinds = [
        each["spec"]["names"]["kind"] for each in yaml.safe_load_all(files["askproai-crds-9.8.7.yaml"].read_text())
    ]
    assert sorted(kinds) == ["Branch", "RetellAgent", "ServiceOffering", "Tenant"]
    bom = json.loads(files["askproai-9.8.7.cdx.json"].read_text())
    assert (bom["specVersion"], bom["metadata"]["component"]["version"]) == ("1.6", "9.8.7")
    pinned = {(each["name"], each["version"]) for each in licences.PINNED.finditer(licences.REQUIREMENTS.read_text())}
    listed = {(each["name"], each["version"]) for each in bom["components"]}
    assert listed <= pinned
    assert {name for name, _ in pinned - listed} <= {"colorama"}, "only what no Linux has is left out"
    with pytest.raises(release.ReleaseError, match="files of another build"):
        release.build(checkout, helm, tmp_path / "dist")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_is_valid_with_only_pinned_actions(workflow: Path) -> None:
    result = subprocess.run(
        [find_program("actionlint"), "-shellcheck=", "-pyflakes=", str(workflow)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "")
    text = workflow.read_text()
    for action in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), f"{action}: a tag can be moved, a commit cannot"
    content: dict[str, Any] = yaml.safe_load(text)
    assert "permissions" in content, "else a job has all rights of the token"


def test_changes_nights_and_releases_have_a_workflow() -> None:
    assert [path.name for path in WORKFLOWS] == ["check.yaml", "nightly.yaml", "release.yaml"]
