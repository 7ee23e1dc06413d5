"""Scoring stage: each second gets its score; another model takes over at the next reset of the score."""

from __future__ import annotations

from anomaly.audio.channels import Samples
from anomaly.detect.scoring import Scorer, SecondScore
from anomaly.monitor.model.session_model import SessionModel


class ScoringStage:
    """Scores a stream with the model in use.

    Args:
        scorer: of the first model.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._stream = scorer.stream()
        self._next: SessionModel | None = None

    def use(self, model: SessionModel) -> None:
        """Let another model take over at the next reset of the score."""
        self._next = model

    def switch(self) -> SessionModel | None:
        """Switch to the next model if there is one and the score is reset here; return it then."""
        if self._next is None or not self._stream.at_reset:
            return None
        model, self._next = self._next, None
        self._stream = model.scorer.stream()
        return model

    def second(self, samples: Samples) -> SecondScore:
        """Score one second, float32 [16000]."""
        (score,) = self._stream.push(samples)
        return score

    def reset(self) -> None:
        """Reset the score: samples were lost."""
        self._stream.reset()
