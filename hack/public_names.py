#!/usr/bin/env python3
"""Compare the public names with their snapshot, `hack/public-names.txt`. `make check` runs it.

A public name is typed, mounted, scraped, called or stored by users. A new name is added to the snapshot by `--write`. A name that
is gone needs a decision, a line in the changelog and a way to upgrade; `--write --removed` then takes it out of the snapshot.
"""

import argparse
import ast
import hashlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import typer
import yaml
from prometheus_client.metrics import MetricWrapperBase

from askproai_cli.main import app as command_line
from askproai_operator.control_loop import Metrics as OperatorMetrics
from askproai_runtime.coordinator import Metrics as CoordinatorMetrics
from askproai_runtime.metrics import Metrics as RuntimeMetrics

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOT = ROOT / "hack/public-names.txt"
SOURCES = tuple(folder for folder in ("core", "operator", "runtime", "cli") if (ROOT / folder).is_dir())
OUR_NAME = re.compile(r"askproai((\.de/|[:-])\S+|_(backup|c_|coordinator|owner|t_|tenant))")


def public_names() -> list[str]:
    """Return a line of text for each public name, sorted, without repetition."""
    return sorted(
        {
            *_crds(),
            *_reference_tables(),
            *_chart_values(),
            *_console_scripts(),
            *_migrations(),
            *_commands(),
            *_metrics(),
            *_in_code(),
        }
    )


def _crds() -> Iterator[str]:
    for file in sorted((ROOT / "crds").glob("*.yaml")):
        spec = yaml.safe_load(file.read_text("utf-8"))["spec"]
        kind = spec["names"]["kind"]
        yield f"crd {spec['names']['plural']}.{spec['group']} {kind} short {','.join(spec['names']['shortNames'])}"
        for version in spec["versions"]:
            yield from (
                f"crd {line}" for line in _schema(version["schema"]["openAPIV3Schema"], f"{version['name']} {kind}")
            )
            for column in version["additionalPrinterColumns"]:
                yield f"crd {version['name']} {kind} column {column['name']} {column['jsonPath']}"


def _schema(schema: dict[str, Any], path: str) -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        required = " required" if name in schema.get("required", ()) else ""
        default = f" default={field['default']}" if "default" in field else ""
        choices = f" one of {','.join(map(str, field['enum']))}" if "enum" in field else ""
        yield f"{path}.{name} {field.get('type', 'any')}{required}{default}{choices}"
        yield from _schema(field.get("items", field), f"{path}.{name}" + ("[]" if "items" in field else ""))


def _reference_tables() -> Iterator[str]:
    """Yield the conditions, reasons and settings in the reference pages, which are generated from the code."""
    for page, label, columns in (("conditions", "condition or reason", 1), ("settings", "setting", 3)):
        for line in (ROOT / f"docs/reference/{page}.md").read_text("utf-8").splitlines():
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            if line.startswith("| `"):
                yield " ".join([label, *cells[:columns]]).strip()


def _chart_values() -> Iterator[str]:
    for name, group in yaml.safe_load((ROOT / "hack/chart-values.yaml").read_text("utf-8")).items():
        for key, value in group["properties"].items():
            yield f"chart value {name}.{key} default={value['default']}"


def _console_scripts() -> Iterator[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    yield from (f"console script {name}" for name in project["scripts"])


def _migrations() -> Iterator[str]:
    """Yield each migration with its hash: databases remember it, so an applied file never changes."""
    for file in ROOT.glob("*/askproai_*/**/migrations/*.sql"):
        yield f"migration {file.name} {hashlib.sha256(file.read_bytes()).hexdigest()[:16]}"


def _commands() -> Iterator[str]:
    yield from _command(typer.main.get_command(command_line), "askproai")


def _command(command: click.Command, path: str) -> Iterator[str]:
    yield f"command {path}"
    for parameter in command.params:
        names = " ".join([*parameter.opts, *parameter.secondary_opts])
        yield f"command {path} {parameter.param_type_name} {names}"
    for name, inner in getattr(command, "commands", {}).items():
        yield from _command(inner, f"{path} {name}")


def _metrics() -> Iterator[str]:
    """Yield a line with name, type and labels for each metric that operator, pods and coordinator register."""
    registries = [OperatorMetrics().registry, RuntimeMetrics("tenant").registry, CoordinatorMetrics().registry]
    for registry in registries:
        for collector in registry._collector_to_names:  # noqa: SLF001 (the library has no public list of registered names)
            if isinstance(collector, MetricWrapperBase):
                (family,) = collector.describe()
                labels = " ".join(collector._labelnames)  # noqa: SLF001
                yield f"metric {family.name} {family.type} {labels}".strip()


def _in_code() -> Iterator[str]:
    """Yield the fault points, HTTP paths and names with our prefix that are in string constants of the sources."""
    for file in sorted(path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from _called(node)
            elif isinstance(node, ast.MatchSequence):
                parts = [
                    ast.unparse(part).strip("'") if isinstance(part, ast.MatchValue) else "*" for part in node.patterns
                ]
                if parts[0] == "":
                    yield f"HTTP path {'/'.join(parts)}"
            elif isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in documentation:
                text = _text(node)
                if OUR_NAME.fullmatch(text):
                    yield f"name {text}"


def _called(call: ast.Call) -> Iterator[str]:
    name, texts = ast.unparse(call.func), [_text(argument) for argument in call.args]
    if name.endswith(".reach") and texts:
        yield f"fault point {texts[0]}"
    elif name in {"web.get", "web.post", "Endpoint"}:
        yield from (
            f"HTTP path {' '.join(texts[: at + 1])}" for at, text in enumerate(texts[:2]) if text.startswith("/")
        )
    elif name.endswith("MetricFamily"):
        yield f"metric {texts[0]}"


def _text(node: ast.expr) -> str:
    """Return the value of a string expression, with `{}` for each formatted part; "" if it is no string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="add new names to the snapshot")
    parser.add_argument("--removed", action="store_true", help="with --write: also take out names that are gone")
    arguments = parser.parse_args()
    current = public_names()
    recorded = SNAPSHOT.read_text("utf-8").splitlines() if SNAPSHOT.exists() else []
    removed = sorted(set(recorded) - set(current))
    added = sorted(set(current) - set(recorded))
    for line in removed:
        print(f"removed: {line}")
    for line in added:
        print(f"added: {line}")
    if arguments.write:
        kept = set(current) if arguments.removed else {*current, *recorded}
        SNAPSHOT.write_text("".join(f"{line}\n" for line in sorted(kept)), "utf-8")
        return 0
    if removed or added:
        print("public names differ from hack/public-names.txt; python hack/public_names.py --help")
    return 1 if removed or added else 0


if __name__ == "__main__":
    sys.exit(main())
