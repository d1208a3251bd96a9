"""Reads YAML scalars as kubectl does (YAML 1.1 of `sigs.k8s.io/yaml`). PyYAML reads some of them differently:

  kubectl            PyYAML              written
true, false        texts               y, n
texts              date, number 1080   2026-12-24, 18:00
567                text                01067, a postal code without quotes
15                 text                0o17
"""

import re
from typing import Any, Final

import yaml

_BOOLEANS: Final = {
    written: value
    for value, words in ((True, ("y", "yes", "true", "on")), (False, ("n", "no", "false", "off")))
    for word in words
    for written in (word, word.capitalize(), word.upper())
}
_WHOLE: Final = re.compile(r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)$")
_DECIMAL: Final = re.compile(r"[-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9_]+)?$")
_NO_JSON: Final = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$")
_OCTAL: Final = re.compile(r"^([-+]?)0([0-7]+)$")
_SPECIAL_KEYS: Final = frozenset({"tag:yaml.org,2002:merge", "tag:yaml.org,2002:value"})
_TEXT: Final = "tag:yaml.org,2002:str"
_NUMBER_STARTS: Final = list("-+.0123456789")


class KubectlLoader(yaml.SafeLoader):
    """A YAML loader that constructs the values that kubectl would send. Keys become texts, because JSON has no other keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping with all keys as texts, including keys that YAML reads as true, false, null or a number."""
        self.flatten_mapping(node)
        node.value = [(self._key(key), value) for key, value in node.value]
        return super().construct_mapping(node, deep=deep)

    def key_text(self, node: yaml.Node) -> str:
        """Return the text of a key as `construct_mapping` uses it."""
        # `<<` and `=` have no constructor: flatten_mapping takes them away before.
        return str(node.value if node.tag in _SPECIAL_KEYS else self._key(node).value)

    def _key(self, node: yaml.Node) -> yaml.Node:
        if not isinstance(node, yaml.ScalarNode) or node.tag == _TEXT:
            return node
        key = self.construct_object(node)
        text = "null" if key is None else str(key).lower() if isinstance(key, bool) else str(key)
        return yaml.ScalarNode(_TEXT, text, node.start_mark, node.end_mark)


def _boolean(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> bool:
    written = str(loader.construct_scalar(node))
    if written not in _BOOLEANS:  # an explicit `!!bool`
        raise yaml.constructor.ConstructorError(None, None, f"{written} is neither true nor false", node.start_mark)
    return _BOOLEANS[written]


def _binary(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return loader.construct_yaml_binary(node).decode()


def _whole(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int | str:
    written = str(loader.construct_scalar(node))
    text = written.replace("_", "")
    try:
        return int(_OCTAL.sub(r"\g<1>0o\2", text), 0)
    except ValueError:  # `0x_` has no digit
        return written


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    return float(str(loader.construct_scalar(node)).replace("_", ""))


def _refuse(_: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    raise yaml.constructor.ConstructorError(
        None, None, f"JSON has no {node.value}, so kubectl refuses the file; put it in quotes", node.start_mark
    )


_REPLACED: Final = ("bool", "int", "float", "timestamp", "value")  # `=` is a text
KubectlLoader.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in resolvers if not tag.endswith(_REPLACED)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _expression, _starts, _construct in (
    ("bool", re.compile(f"({'|'.join(_BOOLEANS)})$"), sorted({word[0] for word in _BOOLEANS}), _boolean),
    ("int", _WHOLE, _NUMBER_STARTS, _whole),
    ("float", _DECIMAL, _NUMBER_STARTS, _decimal),
    ("no-json", _NO_JSON, _NUMBER_STARTS, _refuse),
):
    KubectlLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _expression, _starts)
    KubectlLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _construct)
# Explicit tags: JSON has neither bytes nor dates nor sets.
KubectlLoader.add_constructor("tag:yaml.org,2002:binary", _binary)
for _tag, _kind in (("timestamp", "str"), ("set", "map"), ("omap", "seq"), ("pairs", "seq")):
    KubectlLoader.add_constructor(
        f"tag:yaml.org,2002:{_tag}", KubectlLoader.yaml_constructors[f"tag:yaml.org,2002:{_kind}"]
    )
