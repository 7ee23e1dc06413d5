"""Small packages with entry points, as another project would install them beside this one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

InstallPackage = Callable[..., Path]


@pytest.fixture
def install_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InstallPackage]:
    """Install a module and its entry points into a folder on ``sys.path``; return the folder."""
    modules: list[str] = []

    def install(package: str, source: str, entry_points: str, folder: str = "site-packages") -> Path:
        target = tmp_path / folder
        info = target / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
        modules.append(package.replace("-", "_"))
        (target / f"{modules[-1]}.py").write_text(source)
        monkeypatch.syspath_prepend(target)
        return target

    yield install
    for name in modules:
        sys.modules.pop(name, None)
