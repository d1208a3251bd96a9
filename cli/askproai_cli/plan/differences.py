"""Describe the differences between an object and its new version, one line for each field and each element of a list."""

from collections.abc import Iterator, Mapping
from difflib import ndiff
from typing import Any, Final

import yaml

from askproai_cli.lint import KubectlLoader

# Keys that identify the items of a list: the first key whose values are all different is taken.
_KEYS: Final = ("id", "number", "staff", "name", "key")
_SHORT: Final = 60  # characters of a text that is shown as a whole
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def describe_object(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return a line for each difference of labels, annotations, spec and data. Values of `data` are not shown."""
    lines: list[str] = []
    for part in ("labels", "annotations"):
        before, after = ({**(each["metadata"].get(part) or {}), _LAST_APPLIED: None} for each in (old, new))
        lines += describe_differences(before, after, f"metadata.{part}")
    lines += describe_differences(old.get("spec"), new.get("spec"), "spec")
    before, after = old.get("data") or {}, new.get("data") or {}
    lines += [
        f"data.{key}: {'changed' if key in before and key in after else 'added' if key in after else 'removed'}"
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]
    return lines


def describe_differences(old: Any, new: Any, path: str) -> Iterator[str]:
    """Yield a line for each field that differs, such as `spec.staff[anna].displayName: Anna → Anna M.`, values as YAML.

    For a long text, its differing lines follow. A field without an old value was added; one without a new value was removed.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from describe_differences(old.get(name), new.get(name), f"{path}.{name}")
    elif isinstance(old, list) and isinstance(new, list):
        yield from _describe_lists(old, new, path)
    elif old == new:
        return
    elif old is None or new is None:
        yield f"{path}: added {_show(new)}" if old is None else f"{path}: removed {_show(old)}"
    elif isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) > _SHORT:
        changed = [line for line in ndiff(old.splitlines(), new.splitlines()) if line.startswith(("- ", "+ "))]
        yield "\n".join([f"{path}:", *(f"  {line}" for line in changed)])
    else:
        yield f"{path}: {_show(old)} → {_show(new)}"


def _describe_lists(old: list[Any], new: list[Any], path: str) -> Iterator[str]:
    key = _key_of(old, new)
    if key is None:
        rest = list(new)
        for item in old:
            if item in rest:
                rest.remove(item)
            else:
                yield f"{path}: removed {_show(item)}"
        yield from (f"{path}: added {_show(item)}" for item in rest)
        if old != new and not rest and len(old) == len(new):
            yield f"{path}: in another order, {_show(new)}"
        return
    before, after = ({_name(item[key]): item for item in items} for items in (old, new))
    for name in [*before, *(name for name in after if name not in before)]:
        yield from describe_differences(before.get(name), after.get(name), f"{path}[{name}]")
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield f"{path}: in another order, {_show([*after])}"


def _key_of(old: list[Any], new: list[Any]) -> str | None:
    """Return the field whose value identifies each item in both lists; None if no field does."""
    items = [*old, *new]
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    for key in (*_KEYS, "days"):
        if all(key in item for item in items) and all(
            len({_name(item[key]) for item in each}) == len(each) for each in (old, new)
        ):
            return key
    return None


def _name(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


class _Dumper(yaml.SafeDumper):
    """Writes YAML that quotes a text only if kubectl would otherwise not read it as a text."""

    yaml_implicit_resolvers = KubectlLoader.yaml_implicit_resolvers


def _show(value: Any) -> str:
    """Return a value as YAML in one line."""
    text = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, allow_unicode=True, sort_keys=False, width=2**20)
    return text.removesuffix("...\n").strip()
