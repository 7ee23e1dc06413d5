"""Imports only go downwards, and heavy packages stay where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

ROOT = Path(__file__).resolve().parents[1]

# Each room, and the rooms it may import. Files directly in anomaly/ are "base": everybody may import them.
SENSES = {"audio", "features"}
JUDGES = {"detect", "diagnose", "store", "alerts", "prognosis", "bundle", "config"} | SENSES
MAY_IMPORT = {
    "base": set[str](),
    "config": set[str](),
    "bundle": set[str](),
    "audio": set[str](),
    "features": {"audio"},
    "detect": SENSES | {"bundle", "chip"},
    "diagnose": SENSES | {"detect", "config", "chip"},
    "store": {"config"},
    "alerts": {"store", "config"},
    "prognosis": SENSES | {"detect", "store", "alerts"},
    # What learns writes what detects: it may import the runtime's layouts, never the other way round.
    "teacher": SENSES | {"detect"},
    "student": SENSES | {"detect", "teacher", "chip"},
    "evaluate": JUDGES | {"chip"},
    "monitor": JUDGES | {"chip"},
    "archive": JUDGES | {"chip"},
    "training": JUDGES | {"teacher", "student", "evaluate", "chip"},
    "demo": JUDGES | {"training", "monitor", "archive", "evaluate", "chip"},
    "web": JUDGES | {"monitor", "archive", "evaluate", "chip"},
    "cli": JUDGES | {"web", "demo", "training", "monitor", "archive", "evaluate", "chip"},
    "chip": set[str](),
}
# The same within chip/: its folders, and the files of its root that stand above some of them. All other files of the
# root are "base".
CHIP_MAY_IMPORT = {
    "base": set[str](),
    "profiles": set[str](),
    "sim": set[str](),
    "nir": {"sim"},
    "layout": {"sim"},
    "rules": {"layout"},
    "bitstream": {"layout", "rules"},
    "repairs": {"sim", "layout", "rules"},
    "compiler": {"sim", "layout", "rules", "bitstream"},
    "reporting": {"profiles", "sim", "layout", "rules", "compiler"},
    "files": {"nir", "layout", "bitstream"},
    "dnn": {"sim", "layout", "bitstream"},
    # Distillation of any network: the only room of chip/ that may import torch.
    "distil": {"dnn", "sim", "layout", "bitstream", "compiler", "reporting"},
    # chip/__init__.py, the public face.
    "chip": {"sim", "nir", "layout", "rules", "bitstream", "repairs", "compiler", "files"},
}
LEARNERS = {"teacher", "student", "training"}
LEARNING = {"torch", "torchaudio", "librosa", "sklearn"}
PICTURES = {"matplotlib", "jinja2"}
UNSAFE = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
CORE = ("audio", "features", "detect", "diagnose", "alerts", "prognosis", "monitor", "archive")


@dataclass(frozen=True)
class Import:
    """One import statement: who, what, where, and whether it runs when the file is imported."""

    path: Path
    line: int
    module: str
    at_start: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.module}"

    @property
    def room(self) -> str:
        return room_of(self.path.relative_to(ROOT).with_suffix("").parts)

    @property
    def target(self) -> str | None:
        """The room that is imported, if it is one of ours."""
        parts = tuple(self.module.split("."))
        return room_of(parts) if parts[0] in ("anomaly", "chip") else None

    @property
    def package(self) -> str:
        return self.module.split(".")[0]


def room_of(parts: tuple[str, ...]) -> str:
    if parts[0] == "chip":
        return "chip"
    return parts[1] if len(parts) > 1 and parts[1] in MAY_IMPORT else "base"


def imports_of(path: Path) -> Iterator[Import]:
    package = path.relative_to(ROOT).parent.parts
    tree = ast.parse(path.read_text(encoding="utf-8"))
    later = {id(inner) for node in ast.walk(tree) if runs_later(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        for module in modules_of(node, package):
            yield Import(path, getattr(node, "lineno", 0), module, id(node) not in later)


def runs_later(node: ast.AST) -> bool:
    return for_types_only(node) or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def chip_room_of(module: str) -> str:
    parts = module.split(".")
    if len(parts) == 1:
        return "chip"
    return parts[1] if parts[1] in CHIP_MAY_IMPORT else "base"


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def import_graph(paths: Iterable[Path]) -> dict[str, set[str]]:
    """Modules that each module imports when it is loaded or run; importing a name from a package loads that package.

    The packages around an imported module, which Python loads too, do not count.
    """
    modules = {module_of(path): path for path in paths}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        typing = {id(inner) for node in ast.walk(tree) if for_types_only(node) for inner in ast.walk(node)}
        package = path.relative_to(ROOT).parent.parts
        found = [
            name for node in ast.walk(tree) if id(node) not in typing for name in modules_of(node, package)
        ]
        targets = {name if name in modules else name.rpartition(".")[0] for name in found}
        graph[module] = targets & set(modules) - {module}
    return graph


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other in a circle: the strongly connected components."""
    names = sorted(graph)
    matrix = np.array([[target in graph[module] for target in names] for module in names])
    _, labels = connected_components(csr_array(matrix), connection="strong")
    groups = [[names[at] for at in np.flatnonzero(labels == label)] for label in np.unique(labels)]
    return [group for group in groups if len(group) > 1]


def modules_of(node: ast.AST, package: tuple[str, ...]) -> list[str]:
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    if isinstance(node, ast.ImportFrom):
        above = package[: len(package) + 1 - node.level] if node.level else ()
        base = ".".join([*above, *([node.module] if node.module else [])])
        return [f"{base}.{name.name}" for name in node.names]
    return []


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    files = sorted([*(ROOT / "anomaly").rglob("*.py"), *(ROOT / "chip").rglob("*.py")])
    return [found for path in files for found in imports_of(path)]


def test_every_folder_is_a_room() -> None:
    folders = {path.parent.name for path in (ROOT / "anomaly").glob("*/__init__.py")}
    assert folders <= set(MAY_IMPORT)


def test_imports_go_downwards(imports: list[Import]) -> None:
    allowed = {room: rooms | {room, "base"} for room, rooms in MAY_IMPORT.items()} | {"chip": {"chip"}}
    # The entry point is the one file of the base that opens a room.
    allowed_here = [found for found in imports if found.path.name != "__main__.py"]
    assert [str(i) for i in allowed_here if i.target and i.target not in allowed[i.room]] == []


@pytest.mark.parametrize("table", [MAY_IMPORT, CHIP_MAY_IMPORT])
def test_the_rules_have_no_circle(table: dict[str, set[str]]) -> None:
    left = dict(table)
    while left:
        free = [room for room, rooms in left.items() if not rooms & set(left)]
        assert free, f"these rooms may import each other in a circle: {sorted(left)}"
        left = {room: rooms for room, rooms in left.items() if room not in free}


def test_no_import_cycles() -> None:
    files = sorted([*(ROOT / "anomaly").rglob("*.py"), *(ROOT / "chip").rglob("*.py")])
    found = cycles(import_graph(files))
    assert found == [], f"these files import each other in a circle: {found}"


def test_cycles_are_detected() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set[str](), "e": {"a"}}
    assert cycles(graph) == [["a", "b", "c"]]


def test_chip_imports_go_downwards() -> None:
    graph = import_graph(sorted((ROOT / "chip").rglob("*.py")))
    folders = {path.parent.name for path in (ROOT / "chip").glob("*/__init__.py")}
    assert folders <= set(CHIP_MAY_IMPORT)
    wrong = [
        f"{module} imports {target}"
        for module, targets in graph.items()
        for target in targets
        if chip_room_of(target) not in CHIP_MAY_IMPORT[chip_room_of(module)] | {chip_room_of(module), "base"}
    ]
    assert wrong == []


def test_only_learners_import_torch(imports: list[Import]) -> None:
    distil = ROOT / "chip" / "distil"
    others = [i for i in imports if i.room not in LEARNERS and distil not in i.path.parents]
    assert [str(i) for i in others if i.package in LEARNING] == []


def test_pictures_are_drawn_late(imports: list[Import]) -> None:
    drawn = [i for i in imports if i.package in PICTURES]
    assert [str(i) for i in drawn if i.at_start and i.room in {*CORE, "base", "chip", "cli"}] == []


def test_nothing_is_unpickled(imports: list[Import]) -> None:
    assert [str(i) for i in imports if i.package in UNSAFE] == []


def test_benchmarks_unpickle_nothing() -> None:
    files = sorted((ROOT / "benchmarks").rglob("*.py"))
    assert len(files) > 20
    found = [i for path in files for i in imports_of(path)]
    assert [str(i) for i in found if i.package in UNSAFE] == []


def test_the_command_line_imports_late(imports: list[Import]) -> None:
    light = {*sys.stdlib_module_names, "typer"}
    early = [i for i in imports if i.room == "cli" and i.at_start and i.package not in light]
    assert [str(i) for i in early if not i.module.startswith("anomaly.cli")] == []


def loaded_by(*arguments: str) -> set[str]:
    """Names of all modules that a fresh interpreter holds in the end."""
    code = "import sys; sys.argv[1:] = {!r}; exec({!r}); print('\\n'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code.format(arguments[1:], arguments[0])],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


def test_help_imports_neither_numpy_nor_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "anomaly", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in loaded
    assert (
        loaded & {"numpy", "scipy", "pydantic", "onnxruntime", "cryptography", *LEARNING, *PICTURES} == set()
    )


def test_the_core_runs_without_the_learners() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for room in CORE
        for path in sorted((ROOT / "anomaly" / room).rglob("*.py"))
        if path.name != "__main__.py"
    ]
    loaded = loaded_by("import importlib; [importlib.import_module(name) for name in sys.argv[1:]]", *modules)
    assert set(modules) <= loaded
    assert loaded & (LEARNING | PICTURES | {"pandas"}) == set()
