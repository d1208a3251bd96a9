"""Each command on a page can be run: its program, subcommand, options, chart values, kinds and files exist.

tests/e2e/test_written_commands.py runs the commands themselves (tutorial, quick start, examples), on the demo.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import click
import pytest
import typer
import yaml

from askproai_cli.main import app as askproai
from askproai_runtime.commands import app as runtime
from tests.worlds.chart_render import YAML_LOADER
from tests.worlds.documented_commands import OTHERS, ROOT, Command, list_commands
from tests.worlds.tools import find_program

PLACEHOLDER = re.compile(r"…|\b[A-Z][A-Z_-]+\b|^T$|^ID$|[<>{]")
# Kinds of Kubernetes and of others that a command may name.
KINDS = set(
    """
    all node pod deployment service configmap secret namespace event lease ingress networkpolicy hpa pdb serviceaccount role
    clusterrole rolebinding clusterrolebinding statefulset replicaset validatingadmissionpolicy validatingadmissionpolicybinding
    endpointslice kustomization gitrepository application certificate gateway httproute servicemonitor
    prometheusrule clusters.postgresql.cnpg.io
    """.split()
)
VERBS_OF_KINDS = ("annotate", "delete", "describe", "explain", "get", "label", "patch", "wait")
JQ = shutil.which("jq")
WITHOUT_A_VALUE = ("-A", "-w", "-i", "-t", "-it")


@cache
def list_crds() -> list[Any]:
    return [yaml.load(file.read_text("utf-8"), YAML_LOADER) for file in sorted((ROOT / "crds").glob("*.yaml"))]


def ours(program: str) -> list[Command]:
    found = [command for command in list_commands() if command.program == program]
    assert found, program
    return found


def test_every_documented_program_has_a_check():
    checked = {"askproai", "askproai-runtime", "askproai-operator", "helm", "kubectl", "make"}
    unknown = {str(each) for each in list_commands() if each.in_block and each.program not in checked | set(OTHERS)}
    assert unknown == set()


@pytest.mark.parametrize(("program", "app"), [("askproai", askproai), ("askproai-runtime", runtime)])
def test_documented_askproai_commands_parse(program: str, app: typer.Typer):
    root = typer.main.get_command(app)
    wrong = {f"{command}: {problem}" for command in ours(program) if (problem := parse(root, command.words))}
    assert wrong == set()


def test_the_reference_names_every_command_of_askproai():
    page = (ROOT / "docs/reference/commands.md").read_text("utf-8")
    commands = typer.main.get_command(askproai).commands  # type: ignore[attr-defined]
    missing = [
        name
        for name, each in commands.items()
        if not each.hidden and not re.search(rf"`(?:askproai )?{name}[ `]", page)
    ]
    assert missing == []


def parse(root: Any, words: tuple[str, ...]) -> str | None:
    """Return the real parser's errors. Placeholders, and arguments that a sentence leaves out, are no errors."""
    command, context = root, None
    rest = [word.split("∣")[0].strip("[],.:") for word in words[1:]]
    while hasattr(command, "commands"):
        if not rest or rest[0].startswith(("-", "…")):
            return None
        name = rest.pop(0)
        if name not in command.commands:
            return f"there is no command {name}"
        command = command.commands[name]
        context = click.Context(command, parent=context, info_name=name)
    try:
        command.make_context(command.name, rest, parent=context)
    except Exception as error:  # noqa: BLE001 - typer's classes are copies of click's own
        kind, message = type(error).__name__, str(getattr(error, "message", error))
        if (
            kind in ("BadOptionUsage", "Exit", "MissingParameter")
            or PLACEHOLDER.search(message)
            or "does not exist" in message
        ):
            return None
        return f"{kind}: {message}"
    return None


def test_documented_make_targets_and_variables_exist():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z0-9]+):", makefile, re.MULTILINE))
    for command in ours("make"):
        assignments = re.findall(r"(?:^|\s)([A-Z]+)=", command.text)
        named = {word for word in command.words[1:] if "=" not in word}
        assert named <= targets, str(command)
        script = makefile + ((ROOT / "hack/e2e.sh").read_text("utf-8") if "e2e" in named else "")
        assert [name for name in assignments if not re.search(rf"\b{name}\b", script)] == [], str(command)


# -- Helm ----------------------------------------------------------------------------------------------------------------------


def test_each_documented_helm_option_exists():
    wrong = {
        f"{command}: {option}"
        for command in ours("helm")
        for option in options(command.words)
        if len(command.words) > 2 and option not in help_of(find_program("helm"), subcommand(command.words))
    }
    assert wrong == set()


def test_chart_has_each_value_set_by_commands():
    schema = json.loads((ROOT / "charts/askproai/values.schema.json").read_text("utf-8"))
    commands = [
        each for each in list_commands() if "--set" in " ".join(each.words) and "ingress-nginx" not in each.words
    ]
    assert len(commands) >= 3
    wrong = {
        f"{each}: {key}" for each in commands for key in list_values(each.words) if not has(schema, key.split("."))
    }
    assert wrong == set()


def list_values(words: tuple[str, ...]) -> Iterator[str]:
    """Yield the names that `--set` and its relatives set."""
    for option, assigned in pairwise(words):
        if option.startswith("--set"):
            yield from re.findall(r"(?:^|,)([A-Za-z][\w.]*)=", re.sub(r"\{.*?\}", "", assigned))


def has(schema: dict[str, Any], path: list[str]) -> bool:
    """Return whether a schema of objects has a field."""
    for name in path:
        fields = schema.get("properties", {})
        if name not in fields and (schema.get("additionalProperties") is False or fields):
            return bool(schema.get("additionalProperties")) and isinstance(schema["additionalProperties"], dict)
        schema = fields.get(name, {})
    return True


# -- kubectl -------------------------------------------------------------------------------------------------------------------


def test_documented_kubectl_subcommands_and_options_exist():
    wrong = set()
    for command in ours("kubectl"):
        verbs = subcommand(command.words)
        if verbs and not PLACEHOLDER.search(verbs[0]):
            if not help_of(find_program("kubectl"), verbs):
                wrong.add(f"{command}: no {' '.join(verbs)}")
            wrong |= {
                f"{command}: {each}"
                for each in options(command.words)
                if each not in help_of(find_program("kubectl"), verbs)
            }
    assert wrong == set()


def test_documented_kubectl_commands_name_existing_kinds():
    known = set(KINDS)
    for crd in list_crds():
        names = crd["spec"]["names"]
        for name in (names["plural"], names["singular"], *names.get("shortNames", ()), *names.get("categories", ())):
            known |= {name, f"{name}.{crd['spec']['group']}"}
    wrong = {
        f"{command}: {kind}"
        for command in ours("kubectl")
        for kind in kinds(command.words)
        if not {kind, singular(kind)} & known
    }
    assert wrong == set()


def test_documented_kubectl_commands_read_existing_fields():
    schemas = {
        name: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for crd in list_crds()
        for name in (crd["spec"]["names"]["plural"], crd["spec"]["names"]["singular"])
    }
    checked = 0
    for command in ours("kubectl"):
        for kind in kinds(command.words):
            schema = schemas.get(kind.partition(".")[0])
            for path in (
                re.findall(r"jsonpath='?\{\.(?:items\[0\]\.)?((?:spec|status)[\w.]*)", command.text) if schema else ()
            ):
                checked += 1
                assert find(schema, path.rstrip(".").split(".")), str(command)  # type: ignore[arg-type]
    assert checked > 3


def test_files_named_by_a_command_exist():
    named = [
        (command, word)
        for command in list_commands()
        for word in command.words[1:]
        if re.fullmatch(r"(?:examples|charts|sandbox|hack|docs)/[\w./-]+", word)
    ]
    assert len(named) > 10
    assert [str(command) for command, path in named if not (ROOT / path).exists()] == []


@pytest.mark.skipif(JQ is None, reason="needs jq")
def test_each_documented_jq_filter_runs():
    objects = [
        each for file in (ROOT / "examples").glob("*.yaml") for each in yaml.safe_load_all(file.read_text("utf-8"))
    ]
    listed = json.dumps({"items": [each for each in objects if each["apiVersion"].startswith("askproai.de/")]})
    filters = [command for command in list_commands() if command.program == "jq"]
    assert len(filters) > 1
    for command in filters:
        ran = subprocess.run([str(JQ), *command.words[1:]], input=listed, capture_output=True, text=True)
        assert ran.returncode == 0, f"{command}: {ran.stderr}"


def kinds(words: tuple[str, ...]) -> list[str]:
    """Return the kinds that a command of kubectl names."""
    rest = skip_options(words)
    if not rest or rest[0] not in VERBS_OF_KINDS:
        return []
    if any("/" in word and not word.startswith("askproai.de/") for word in rest[1:2]):
        return [rest[1].partition("/")[0]]
    named = rest[1:2]
    return [
        kind.partition(".")[0] if rest[0] == "explain" else kind
        for kind in ",".join(named).split(",")
        if kind and not PLACEHOLDER.search(kind)
    ]


def subcommand(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a subcommand, such as `create secret generic`."""
    rest = skip_options(words)
    depth = (
        3
        if rest[:2] == ["create", "secret"]
        else 2
        if rest[:1] in (["auth"], ["create"], ["rollout"], ["top"]) or rest[:2] == ["get", "values"]
        else 1
    )
    return tuple(rest[:depth])


def skip_options(words: tuple[str, ...]) -> list[str]:
    """Return the words of a command that are neither an option nor its value, without the program."""
    rest, left = list(words[1:]), []
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            left.append(word)
        elif (
            "=" not in word
            and rest
            and not rest[0].startswith("-")
            and word not in WITHOUT_A_VALUE
            and takes_a_value(word)
        ):
            rest.pop(0)
    return left


def takes_a_value(option: str) -> bool:
    return option not in (
        "--all",
        "--previous",
        "--overwrite",
        "--prefix",
        "--follow",
        "--force-conflicts",
        "--server-side",
        "--recursive",
    )


def singular(kind: str) -> str:
    return kind.replace("policies", "policy").removesuffix("s")


def find(schema: dict[str, Any], path: list[str]) -> bool:
    for name in path:
        if name not in schema.get("properties", {}):
            return bool(schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("additionalProperties"))
        schema = schema["properties"][name]
    return True


def options(words: tuple[str, ...]) -> list[str]:
    """Return the options of a command up to `--`, each without its value."""
    before = words[: words.index("--")] if "--" in words else words
    return [word.partition("=")[0] for word in before[1:] if re.match(r"--?[a-zA-Z]", word)]


@cache
def run_quietly(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True)


@cache
def help_of(program: str, verbs: tuple[str, ...]) -> frozenset[str]:
    """Return the options of a subcommand, the global ones included; empty if there is no such subcommand."""
    own = run_quietly(program, *verbs, "--help")
    if own.returncode or " ".join(verbs) not in own.stdout:
        return frozenset()
    everywhere = run_quietly(program, "options" if program.endswith("kubectl") else "--help")
    return frozenset(re.findall(r"(?<=[\s,])(--?[a-zA-Z][\w-]*)", own.stdout + everywhere.stdout)) | {"--help"}
