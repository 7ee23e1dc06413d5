"""Shells of the pages: the same HTML for each, with the script of the page and the modules that it imports."""

from __future__ import annotations

import re
from functools import cache
from posixpath import dirname, join, normpath

from anomaly.web.pages.static_files import STATIC, StaticFile, static_file, static_files

_IMPORT = re.compile(r'^(?:import|export)\b[^;"]*"(\.[^"]+)";', re.MULTILINE)


def imported_modules(script: str) -> list[str]:
    """Return the paths of all modules that a script imports, directly or through others, itself first.

    Args:
        script: path below the static folder.
    """
    found = [script]
    for path in found:
        source = (STATIC / path).read_text(encoding="utf-8")
        targets = (normpath(join(dirname(path), name)) for name in _IMPORT.findall(source))
        found += [target for target in dict.fromkeys(targets) if target not in found]
    return found


@cache
def page_shell(name: str) -> StaticFile:
    """Return the HTML of a page.

    The modules are named in its head, so that a browser fetches them at once and not one after the other.

    Args:
        name: of its script in ``js/pages``.
    """
    modules = imported_modules(f"js/pages/{name}.js")
    missing = [module for module in modules if module not in static_files()]
    if missing:
        raise FileNotFoundError(f"js/pages/{name}.js imports what is not there: {', '.join(missing)}")
    preloads = "\n".join(f'<link rel="modulepreload" href="/static/{module}">' for module in modules)
    text = (STATIC / "shell.html").read_text(encoding="utf-8")
    filled = text.replace("{script}", f"/static/{modules[0]}").replace("{preloads}", preloads)
    return static_file(filled.encode(), "text/html; charset=utf-8")
