"""YAML reader that keeps every scalar as text and the line of every key, for error messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from chip.errors import SpecError

Path = tuple[str | int, ...]
MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class Document:
    """Content of a YAML file and the line of each part.

    Args:
        content: mappings, lists and strings; no scalar is converted, so ``off`` stays ``off``.
        lines: line number, from 1, of every path of keys and positions.
    """

    content: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """Return the line of ``path``, or of the closest enclosing part."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse(text: str, where: str) -> Document:
    """Parse one YAML document.

    Raises:
        SpecError: no YAML, a key twice, an alias, or far too large; ``where`` gets the line.
    """
    if len(text) > MAX_BYTES:
        raise SpecError(f"is longer than {MAX_BYTES >> 20} MiB", where=where)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Path, int] = {}
        content = None if root is None else _convert(root, (), lines, set(), where)
    except RecursionError as error:
        raise SpecError("is nested too deeply", where=where) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        raise SpecError(f"is not YAML: {getattr(error, 'problem', None) or error}", where=place) from error
    return Document(content, lines)


def _convert(node: yaml.Node, path: Path, lines: dict[Path, int], seen: set[int], where: str) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    # An alias is the same node twice; ten nested ones would expand to gigabytes.
    if id(node) in seen:
        raise SpecError("aliases are not allowed", where=f"{where}:{line}", hint="write the value out")
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_convert(item, (*path, at), lines, seen, where) for at, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return str(node.value)
    content: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key, key_line = str(key_node.value), key_node.start_mark.line + 1
        if key in content:
            raise SpecError(f"the key {key} stands here a second time", where=f"{where}:{key_line}")
        lines[(*path, key)] = key_line
        content[key] = _convert(value_node, (*path, key), lines, seen, where)
    return content
