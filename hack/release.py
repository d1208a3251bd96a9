#!/usr/bin/env python3
"""Make a release: `cut VERSION` writes the version and the changelog's heading, `build` writes the files to publish into dist/.

`build` needs a clean checkout, so that the published files are those of a commit. Images are built by
.github/workflows/release.yaml.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import licences
import yaml

ROOT: Final = Path(__file__).resolve().parent.parent
VERSION: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?")
UNRELEASED: Final = "## Unreleased\n"
# Where the version is written. Python reads pyproject.toml, and Helm Chart.yaml; a test compares them.
PLACES: Final = (
    (Path("pyproject.toml"), re.compile(r'^(version = ")[^"]+(")$', re.MULTILINE)),
    (Path("charts/askproai/Chart.yaml"), re.compile(r"^((?:v|appV)ersion: )\S+()$", re.MULTILINE)),
)


class ReleaseError(Exception):
    """Raised if the release cannot be made; the message says what to do."""


def read_versions(root: Path) -> set[str]:
    """Return the distinct versions in the files that name one; more than one if somebody changed a file by hand."""
    project = re.search(r'^version = "([^"]+)"$', (root / PLACES[0][0]).read_text("utf-8"), re.MULTILINE)
    chart = yaml.safe_load((root / PLACES[1][0]).read_text("utf-8"))
    return {project[1] if project else "", chart["version"], chart["appVersion"]}


def cut(root: Path, version: str, today: date) -> None:
    """Write a version into all files that name it, and into the heading of the changelog's newest part. Raises ReleaseError."""
    if not VERSION.fullmatch(version):
        raise ReleaseError(f"{version!r} is no version: write one like 0.2.0 or 0.2.0-rc.1")
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    if f"## {version} (" in text:
        raise ReleaseError(f"CHANGELOG.md has a part for {version} already: choose the next version")
    if not _part(text, "Unreleased").strip():
        raise ReleaseError("CHANGELOG.md has nothing that is not released")
    changelog.write_text(text.replace(UNRELEASED, f"{UNRELEASED}\n## {version} ({today.isoformat()})\n", 1), "utf-8")
    for path, pattern in PLACES:
        written = pattern.sub(rf"\g<1>{version}\g<2>", (root / path).read_text("utf-8"))
        (root / path).write_text(written, "utf-8")


def release_notes(changelog: str, version: str) -> str:
    """Return the changelog's part about a version. Raises ReleaseError if it has none."""
    part = _part(changelog, re.escape(version) + r" \([0-9-]+\)").strip()
    if not part:
        raise ReleaseError(f"CHANGELOG.md has no part for {version}: `python hack/release.py cut {version}` makes it")
    return f"{part}\n"


def _part(changelog: str, heading: str) -> str:
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def bill_of_materials(version: str, commit: str, at: datetime) -> dict[str, Any]:
    """Return the packages of the image, without its base image, in the form of CycloneDX 1.6. Raises `licences.Unaccepted`."""
    components = []
    for name, number, licence in licences.packages():
        bare = name.partition(" ")[0]  # a package for some versions of Python has its marker behind the name
        purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', bare).lower()}@{number}"
        scope = "required" if name == bare else "optional"
        fields = {"type": "library", "bom-ref": purl, "name": bare, "version": number, "purl": purl, "scope": scope}
        components.append(fields | {"licenses": [{"expression": licence}]})
    own = {"type": "application", "bom-ref": "askproai", "name": "askproai", "version": version}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, commit)}",
        "version": 1,
        "metadata": {"timestamp": at.isoformat(), "component": own | {"licenses": [{"expression": "Apache-2.0"}]}},
        "components": components,
        "dependencies": [{"ref": "askproai", "dependsOn": [each["bom-ref"] for each in components]}],
        "properties": [{"name": "askproai:commit", "value": commit}],
    }


def build(root: Path, helm: str, target: Path) -> str:
    """Write wheel, chart, CRDs, bill of materials, release notes and their checksums; return the version. Raises ReleaseError."""
    versions = read_versions(root)
    if len(versions) != 1:
        raise ReleaseError(
            f"pyproject.toml and Chart.yaml name different versions, {', '.join(sorted(versions))}: run `cut`"
        )
    (version,) = versions
    if _run(root, "git", "status", "--porcelain"):
        raise ReleaseError("there are changes that no commit has: commit them, or remove them")
    notes = release_notes((root / "CHANGELOG.md").read_text("utf-8"), version)
    commit, at = _run(root, "git", "log", "-1", "--format=%H %cI").split()
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise ReleaseError(f"{target} has files of another build: remove them")
    _run(root, sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target))
    _run(root, helm, "package", "charts/askproai", "-d", str(target))
    crds = (path.read_text("utf-8").rstrip("\n") for path in sorted((root / "crds").glob("*.yaml")))
    (target / f"askproai-crds-{version}.yaml").write_text("\n---\n".join(crds) + "\n", "utf-8")
    bom = bill_of_materials(version, commit, datetime.fromisoformat(at).astimezone(UTC))
    (target / f"askproai-{version}.cdx.json").write_text(json.dumps(bom, indent=1) + "\n", "utf-8")
    (target / "RELEASE_NOTES.md").write_text(notes, "utf-8")
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(target.iterdir())]
    (target / "SHA256SUMS").write_text("".join(sums), "utf-8")
    return version


def _run(root: Path, *command: str) -> str:
    try:
        result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ReleaseError(f"there is no {command[0]} on the PATH: install it, or name helm by HELM=…") from None
    if result.returncode:
        raise ReleaseError(f"{' '.join(command)}: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout.strip()


def main() -> int:
    parser = argparse.ArgumentParser(description="Make a release.")
    commands = parser.add_subparsers(dest="command", required=True)
    of_cut = commands.add_parser("cut", help="write a version and its part of the changelog")
    of_cut.add_argument("version")
    of_build = commands.add_parser("build", help="write what is published into dist/")
    of_build.add_argument("--helm", default="helm", help="the program helm")
    of_build.add_argument("--target", type=Path, default=ROOT / "dist")
    arguments = parser.parse_args()
    try:
        if arguments.command == "cut":
            cut(ROOT, arguments.version, datetime.now(UTC).date())
            print(f"written; now commit, tag v{arguments.version}, and push the tag")
        else:
            version = build(ROOT, arguments.helm, arguments.target)
            print(f"{version}:", *(path.name for path in sorted(arguments.target.iterdir())))
    except (ReleaseError, licences.Unaccepted) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
