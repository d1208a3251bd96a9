"""Manifests as files hold them: the values that kubectl would send, and the line of each."""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

STDIN = "-"
SUFFIXES = (".yaml", ".yml", ".json")

Path_ = tuple[str | int, ...]


class Unreadable(ValueError):
    """A file that is not there, or is no YAML. The message names it and the line."""


@dataclass(frozen=True, slots=True)
class Document:
    """One manifest. `lines` gives the line (from 1) of each path of keys and indexes."""

    file: str
    value: Any
    lines: dict[Path_, int]

    def line_of(self, path: Path_) -> int:
        """Give the line of a path; of what is absent, the line of what it would stand in."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


class _Loader(yaml.SafeLoader):
    """Reads scalars as kubectl does: `2026-12-24` and `18:00` are texts, while PyYAML makes a date and 1,080 of them."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in kept if not tag.endswith((":timestamp", ":int", ":float"))]
    for first, kept in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_NUMBER_STARTS = list("-+.0123456789")
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(0|[1-9][0-9]*)$"), _NUMBER_STARTS)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"), _NUMBER_STARTS
)


def read_documents(names: Iterable[str]) -> Iterator[Document]:
    """Give the manifests of files, of folders (their YAML and JSON files, not below) and of `-`, in order.

    Raises `Unreadable`.
    """
    for name in names:
        if name == STDIN:
            yield from _parse("<stdin>", sys.stdin.read())
            continue
        path = Path(name)
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
            if not files:
                raise Unreadable(f"{name}: the folder holds no {', '.join(SUFFIXES)} file")
        else:
            files = [path]
        for file in files:
            try:
                text = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise Unreadable(f"{file}: cannot be read: {error}") from error
            yield from _parse(str(file), text)


def _parse(file: str, text: str) -> Iterator[Document]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # check_node said so
            lines: dict[Path_, int] = {}
            _note_lines(node, (), lines)
            value = loader.construct_document(node)
            if value is not None:
                yield from _members(Document(file, value, lines))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Unreadable(f"{file}:{line}: no YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unreadable(f"{file}: no YAML: {error}") from error
    finally:
        loader.dispose()


def _note_lines(node: yaml.Node, path: Path_, lines: dict[Path_, int]) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            lines[(*path, str(key.value))] = key.start_mark.line + 1
            _note_lines(child, (*path, str(key.value)), lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _note_lines(child, (*path, index), lines)


def _members(document: Document) -> Iterator[Document]:
    """Give the items of a `kind: List`, as `kubectl get -o yaml` writes it; anything else is itself."""
    value = document.value
    if not (isinstance(value, dict) and value.get("kind") == "List" and isinstance(value.get("items"), list)):
        yield document
        return
    for index, item in enumerate(value["items"]):
        at = ("items", index)
        inner = {path[2:]: line for path, line in document.lines.items() if path[:2] == at}
        yield Document(document.file, item, inner)
