"""Entry point: runs the command line, and reports failures as messages and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``anomaly`` with ``arguments`` (default: the process's own) and exit."""
    try:
        from anomaly.cli import run

        code = run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        # Ctrl-C while modules are imported, or while the output is flushed.
        sys.stderr.write("interrupted\n")
        code = INTERRUPTED
    sys.exit(code)


if __name__ == "__main__":
    main()
