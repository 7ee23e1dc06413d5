"""Names and docstrings use the terms of the field: see docs/glossary.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("anomaly", "chip", "benchmarks")
WITH_TESTS = (*PACKAGES, "tests")

# Names that earlier versions used, each of which has a standard term.
REPLACED_NAMES = {
    "ears",
    "Heard",
    "News",
    "Teller",
    "Lookout",
    "Post",
    "Watch",
    "Backstage",
    "Attendant",
    "HeldBack",
    "left_out",
    "decided",
    "taken",
    "Gathered",
    "replayed",
    "casebook",
    "die_with_us",
    "together",
    "give_back",
    "Given",
    "Taught",
    "Lessons",
    "PhaseTeller",
    "Order",
    "Parts",
    "lead",
    "prices",
    "Widths",
    "leaning",
    "tolls",
    "hearer",
    "chance",
    "foretells",
    "hears",
    "told",
}
# A neuron has inputs, and a microphone delivers sound.
HEARING = re.compile(r"\b(?:hears?|heard|hearing|hearers?)\b", re.IGNORECASE)
# Words of earlier versions in names: a microphone delivers sound, an event is reported.
DIALECT = re.compile(r"(?:^|_)(?:hears?|heard|hearing|told|teller|casebook|foretells?)(?:_|$)")
QUESTION = re.compile(r"(What|Whether|Which|Who|How|Where)\b")

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def modules(packages: tuple[str, ...]) -> Iterator[tuple[Path, ast.Module]]:
    """Files of packages, and their syntax trees."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def names(path: Path, tree: ast.Module) -> Iterator[str]:
    """Names of a module, its classes and its public functions."""
    yield path.parent.name if path.stem == "__init__" else path.stem
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def test_replaced_names_are_not_used() -> None:
    found = [(str(path), name) for path, tree in modules(WITH_TESTS) for name in names(path, tree)]
    assert [entry for entry in found if entry[1] in REPLACED_NAMES or DIALECT.search(entry[1])] == []


def test_class_names_stand_for_one_thing() -> None:
    places: dict[str, set[str]] = {}
    for path, tree in modules(PACKAGES):
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, set()).add(str(path))
    assert {name: sorted(paths) for name, paths in places.items() if len(paths) > 1} == {}


def test_docstrings_do_not_open_with_a_question_word() -> None:
    found = []
    for path, tree in modules(WITH_TESTS):
        for node in ast.walk(tree):
            if isinstance(node, Documented) and QUESTION.match(ast.get_docstring(node) or ""):
                found.append(f"{path}:{getattr(node, 'lineno', 1)}")
    assert found == []


def test_words_for_people_are_not_used_for_components() -> None:
    found = []
    for path, tree in modules(PACKAGES):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and HEARING.search(node.value):
                found.append(f"{path}:{node.lineno}")
    assert found == []
