"""One row per file, as `anomaly score` prints and writes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from anomaly.audio.channels import Channel
from anomaly.detect.decision import Limit
from anomaly.detect.file_score import FileScore, score_file
from anomaly.detect.scoring import Scorer

Row: TypeAlias = dict[str, Any]
"""path, seconds, score, p_value, state, status, error; with seconds asked for also per_second."""


def score_files(
    paths: Iterable[Path],
    scorer: Scorer,
    limit: Limit,
    *,
    channel: Channel = "mean",
    per_second: bool = False,
) -> Iterator[Row]:
    """Yield the row of each file as it is done; a bad file is a row with its error.

    Args:
        paths: the files.
        scorer: student or teacher of a machine.
        limit: of the decision, see `anomaly.detect.decision.limit_for`.
        channel: which channel of a file to listen to.
        per_second: add the list of seconds to each row.
    """
    for path in paths:
        yield to_row(score_file(path, scorer, limit, channel=channel), per_second=per_second)


def to_row(scored: FileScore, *, per_second: bool = False) -> Row:
    """Plain values; what is not known is None."""
    verdict = scored.verdict
    row: Row = {
        "path": str(scored.path),
        "seconds": None if scored.seconds is None else round(scored.seconds, 3),
        "score": None if verdict is None else verdict.score,
        "p_value": None if verdict is None else verdict.p_value,
        "state": None if verdict is None else verdict.state.value,
        "status": scored.status,
        "error": scored.error,
    }
    if per_second:
        row["per_second"] = _seconds(scored)
    return row


def _seconds(scored: FileScore) -> list[dict[str, Any]]:
    states = () if scored.verdict is None else scored.verdict.states
    return [
        {
            "second": second.second,
            "score": second.score,
            "p_value": second.p_value,
            "state": None if state is None else state.value,
        }
        for second, state in zip(scored.scores, states, strict=True)
    ]
