"""The virtual environment in which other simulators and trainers run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lib.paths import BUILD
from lib.progress import log

# Brian2 does not support the newest NumPy.
PACKAGES = ("brian2==2.9.*", "nengo==4.1.*", "numpy==2.2.*", "pbr", "h5py")
# These share the torch of this environment, so they are installed without their dependencies.
BARE_PACKAGES = ("snntorch==1.0.*", "sinabs==3.1.*", "nir", "nirtorch")


def peer_python() -> Path:
    """Python of the peer environment ``build/peers``, which is created if it is missing."""
    folder = BUILD / "peers"
    python = folder / "bin" / "python"
    if not python.exists():
        log(f"creating {folder}")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        for packages in (PACKAGES, ("--no-deps", *BARE_PACKAGES)):
            _install(python, packages)
        _share_packages(folder)
    return python


def install_missing(python: Path, packages: Mapping[str, Sequence[str]]) -> Path:
    """Install the packages of each module that this Python cannot import, without their dependencies.

    Args:
        python: of the environment.
        packages: requirements by the name of the module that they provide.

    Returns:
        The same Python.
    """
    for module, requirements in packages.items():
        found = subprocess.run([str(python), "-c", f"import {module}"], capture_output=True)
        if found.returncode != 0:
            log(f"installing {', '.join(requirements)}")
            _install(python, ("--no-deps", *requirements))
    return python


def _install(python: Path, words: Sequence[str]) -> None:
    subprocess.run([str(python), "-m", "pip", "install", "-q", *words], check=True, stdout=sys.stderr)


def _share_packages(folder: Path) -> None:
    """Let the environment import the packages of this one, after its own."""
    (shared,) = {path for path in sys.path if path.endswith("site-packages")}
    (next((folder / "lib").glob("python*")) / "site-packages" / "zz_shared.pth").write_text(shared + "\n")
