"""Read manifests from files: the values that kubectl would send, and the line of each value."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from askproai_cli.lint.loader import KubectlLoader

STDIN = "-"
SUFFIXES = (".yaml", ".yml", ".json")
_MERGE = "<<"
MOST_REPEATED = 50_000  # values that the aliases of a document may add; a few nested ones could mean billions

FieldPath = tuple[str | int, ...]


class Unreadable(ValueError):
    """A file is missing or is not YAML. The message names the file and the line."""


@dataclass(frozen=True, slots=True)
class Document:
    """One manifest. `lines` maps each path of keys and indexes to its line, from 1; values from a merge key have no line.

    `repeated` maps each path that is written more than once to its lines; the last one counts.
    """

    file: str
    value: Any
    lines: dict[FieldPath, int]
    repeated: dict[FieldPath, tuple[int, ...]] = field(default_factory=dict)

    def line_of(self, path: FieldPath) -> int:
        """Return the line of a path; the line of its nearest ancestor if the manifest lacks the path."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_documents(names: Iterable[str]) -> Iterator[Document]:
    """Yield the manifests of files, of folders (their YAML and JSON files, not recursively) and of `-`, in order.

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
                below = any(file.suffix in SUFFIXES for file in path.rglob("*"))
                hint = f"; folders in it are not read: name them ({path}/*)" if below else ""
                raise Unreadable(f"{name}: the folder holds no {', '.join(SUFFIXES)} file{hint}")
        else:
            files = [path]
        for file in files:
            try:
                text = file.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise Unreadable(f"{file}: cannot be read: it is no text in UTF-8") from error
            except OSError as error:
                raise Unreadable(f"{file}: cannot be read: {error.strerror}") from error
            yield from _parse(str(file), text)


def _parse(file: str, text: str) -> Iterator[Document]:
    loader = KubectlLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # check_node has found one
            _refuse_alias_bomb(file, node)
            found: dict[FieldPath, list[int]] = {}
            _record_lines(loader, node, (), found)
            lines = {path: at[-1] for path, at in found.items()}
            repeated = {path: tuple(at) for path, at in found.items() if len(at) > 1}
            value = loader.construct_document(node)
            if value is not None:
                yield from _items(Document(file, value, lines, repeated))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Unreadable(f"{file}:{line}: no YAML: {error.problem or error.context}") from error
    except Unreadable:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unreadable(f"{file}: no YAML: {error}") from error
    finally:
        loader.dispose()


def _refuse_alias_bomb(file: str, root: yaml.Node) -> None:
    """Raise Unreadable if a file's YAML aliases would expand to too many values. They are counted without being expanded."""
    sizes: dict[int, int] = {}  # of each node with all below it

    def measure(node: yaml.Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = 0  # an alias within its own anchor, which cannot be constructed
            sizes[id(node)] = 1 + sum(measure(child) for child in _children(node))
        return sizes[id(node)]

    if (repeated := measure(root) - len(sizes)) > MOST_REPEATED:
        raise Unreadable(
            f"{file}:{root.start_mark.line + 1}: the aliases (*name) of this document repeat {repeated:,} values, and may repeat"
            f" {MOST_REPEATED:,}: write less of it by alias, or divide the document"
        )


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _record_lines(loader: KubectlLoader, node: yaml.Node, path: FieldPath, lines: dict[FieldPath, list[int]]) -> None:
    """Add the lines of a YAML node and its descendants to `lines`. If a key is repeated, the last line counts."""
    lines.setdefault(path, [node.start_mark.line + 1])
    if isinstance(node, yaml.MappingNode):
        last = {loader.key_text(key): child for key, child in node.value}
        own = dict[str, list[int]]()
        for key, _ in node.value:
            own.setdefault(loader.key_text(key), []).append(key.start_mark.line + 1)
        for key, child in last.items():
            lines[(*path, key)] = own[key] if key != _MERGE else own[key][-1:]
            _record_lines(loader, child, (*path, key), lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _record_lines(loader, child, (*path, index), lines)


def _items(document: Document) -> Iterator[Document]:
    """Yield the manifests in a `kind: List`, as `kubectl get -o yaml` writes it; another manifest is yielded as it is."""
    value = document.value
    if not (isinstance(value, dict) and value.get("kind") == "List" and isinstance(value.get("items"), list)):
        yield document
        return
    for index, item in enumerate(value["items"]):
        at = ("items", index)
        lines = {path[2:]: line for path, line in document.lines.items() if path[:2] == at}
        lines.setdefault((), document.line_of(at))
        repeated = {path[2:]: found for path, found in document.repeated.items() if path[:2] == at}
        yield Document(document.file, item, lines, repeated)
