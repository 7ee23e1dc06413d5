"""Scores of a stored clip: of the model that scored it live, to the last bit, or of another one."""

from __future__ import annotations

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.detect.scoring import Scorer, SecondScore
from anomaly.errors import InputError
from anomaly.monitor.clips.files import StoredClip


def score_clip(clip: StoredClip, scorer: Scorer) -> list[SecondScore]:
    """Score each whole second of a clip.

    Raises:
        InputError: what the clip holds does not suffice.
    """
    facts = clip.facts
    settings = (facts.front_end.get("bands"), facts.front_end.get("reset_s"))
    if clip.levels is not None and settings == (scorer.front_end.bands, scorer.front_end.reset_s):
        return scorer.levels(clip.levels, facts.samples // SAMPLE_RATE_HZ)
    if clip.samples is not None and facts.content == "full":
        return scorer.recording(clip.samples, where=clip.folder)
    if clip.levels is not None:
        raise InputError(
            f"has levels of {settings[0]} bands and resets every {settings[1]} s, the model has"
            f" {scorer.front_end.bands} and {scorer.front_end.reset_s} s",
            where=clip.folder,
        )
    raise InputError(
        f"cannot be scored: it holds {facts.content} only",
        where=clip.folder,
        hint="keep clips as `features` or `full` (site.yaml, clips: content:) to score them again",
    )
