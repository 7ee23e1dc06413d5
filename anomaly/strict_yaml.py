"""Strict YAML: every plain scalar is a string, and the line of every value is known.

PyYAML reads ``22:00`` as 1320 and ``off`` as false; here the reader of a value converts it. Duplicate keys, aliases,
tags and several documents are refused, and size and depth are bounded, so that no file can fill the memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from anomaly.errors import ConfigError

LARGEST_BYTES = 1 << 20
DEEPEST = 32

Key = tuple[str | int, ...]
Lines = dict[Key, int]


def load(path: Path, *, hint: str | None = None) -> tuple[Any, Lines]:
    """Read a YAML file into dicts, lists and strings.

    A key with nothing after it holds None. ``~`` and ``null`` are plain strings.

    Args:
        path: the file.
        hint: what to do if it cannot be read.

    Returns:
        The value (None for an empty file), and the line (from 1) of each key path in it.

    Raises:
        ConfigError: the file cannot be read, is too large, is not YAML, or uses a refused feature.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=path, hint=hint) from error
    if len(data) > LARGEST_BYTES:
        raise ConfigError(f"is larger than {LARGEST_BYTES >> 20} MiB", where=path)
    loader = None
    try:
        loader = _Loader(data)
        node = loader.get_single_node()
        lines: Lines = {}
        return None if node is None else _value(node, (), lines), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(
            error.problem or "is not YAML", where=f"{path}:{mark.line + 1 if mark else 1}"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"is not YAML in UTF-8: {error}", where=path) from error
    finally:
        if loader is not None:
            loader.dispose()


class _Loader(yaml.BaseLoader):
    """YAML loader that refuses anchors, aliases, tags and deep nesting, with their line."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _refused("anchors and aliases are not allowed here", event.start_mark)
        if getattr(event, "tag", None) is not None:
            raise _refused("tags are not allowed here", event.start_mark)
        self.depth += 1
        if self.depth > DEEPEST:
            raise _refused(f"is nested deeper than {DEEPEST} levels", event.start_mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _value(node: yaml.Node, key: Key, lines: Lines) -> Any:
    lines.setdefault(key, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        return None if node.style is None and node.value == "" else str(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*key, i), lines) for i, item in enumerate(node.value)]
    found: dict[str, Any] = {}
    seen: set[str] = set()
    for name, item in node.value:
        if not isinstance(name, yaml.ScalarNode):
            raise _refused("a key must be a word", name.start_mark)
        if name.value in seen:
            raise _refused(f"key {name.value!r} is given twice", name.start_mark)
        seen.add(name.value)
        lines[(*key, name.value)] = name.start_mark.line + 1
        found[name.value] = _value(item, (*key, name.value), lines)
    return found


def _refused(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
