"""Figures by which DCASE Task 2 ranks systems, as its evaluators compute them.

Editions differ. 2020: AUC and partial AUC of each machine, their arithmetic means. 2021: the same of each section
and domain, harmonic means. From 2022: the AUC of a domain takes the normals of that domain and the anomalies of
both, because one threshold must serve both; the partial AUC takes all clips; the official score is the harmonic mean
of all of these. Sources: evaluator.py of github.com/y-kawagu/dcase2020_task2_evaluator,
dcase2021_task2_evaluator.py of github.com/y-kawagu/dcase2021_task2_evaluator and dcase2023_task2_evaluator.py of
github.com/nttcslab/dcase2023_task2_evaluator; partial AUC with p = 0.1 after McClish, as scikit-learn has it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from anomaly.errors import InputError
from anomaly.evaluate.layouts.layouts import Clip
from anomaly.evaluate.metrics.alarm_rates import confusion
from anomaly.evaluate.metrics.detection_metrics import auc, pauc

Edition = Literal["2020", "2021", "2022 and later"]
DOMAINS = ("source", "target")
_ID = re.compile(r"(?:^|(?:normal|anomaly)_)id_\d+_\d+$")
_SECTION = re.compile(r"section_\d+_")
_Figure = Callable[[npt.ArrayLike, npt.ArrayLike], float]


@dataclass(frozen=True)
class DcaseSection:
    """Official figures of one section; None where the edition or the clips of the section have no such figure.

    Attributes:
        section: the number in the files' names.
        auc: of all clips.
        auc_source, auc_target: of a domain, as the edition defines it.
        pauc: of all clips.
        pauc_source, pauc_target: of a domain; 2021 only.
        f1_source, f1_target: F1 score of the decisions on a domain's clips; not in 2020.
    """

    section: str
    auc: float | None
    auc_source: float | None
    auc_target: float | None
    pauc: float | None
    pauc_source: float | None
    pauc_target: float | None
    f1_source: float | None
    f1_target: float | None


@dataclass(frozen=True)
class DcaseFigures:
    """Official figures of one machine.

    Attributes:
        edition: edition whose definitions apply.
        sections: figures of each section.
        score: the mean that the edition ranks by: arithmetic for 2020, harmonic after; None if a part is missing.
    """

    edition: Edition
    sections: tuple[DcaseSection, ...]
    score: float | None

    def as_json(self) -> dict[str, object]:
        """Return the figures as JSON types."""
        return {
            "edition": self.edition,
            "score": self.score,
            "sections": [asdict(section) for section in self.sections],
        }


def edition_of(paths: Sequence[Path]) -> Edition | None:
    """Return the edition of a test's file names; None if they are not names of DCASE Task 2.

    2020 has ``id_00``, later ones ``section_00``; 2021 keeps the domains in folders of their own, ``source_test/``
    and ``target_test/``. Evaluation sets hide the label, and from 2022 the domain.
    """
    if not paths:
        return None
    if all(_ID.search(path.stem) for path in paths):
        return "2020"
    if not all(_SECTION.match(path.stem) for path in paths):
        return None
    domain_folders = all(path.parent.name in ("source_test", "target_test") for path in paths)
    return "2021" if domain_folders else "2022 and later"


def dcase_figures(
    clips: Sequence[Clip], scores: npt.ArrayLike, decisions: npt.ArrayLike, edition: Edition
) -> DcaseFigures:
    """Compute the official figures of one machine's test.

    Args:
        clips: with section and, from 2021, domain.
        scores: shape [clips].
        decisions: whether each clip raised an alarm, shape [clips].
        edition: edition whose definitions apply.

    Raises:
        InputError: numbers of clips, scores and decisions differ, or a score is not a finite number.
    """
    values, alarms = np.asarray(scores, dtype=np.float64), np.asarray(decisions, dtype=bool)
    if not len(clips) == len(values) == len(alarms):
        raise InputError(f"{len(clips)} clips but {len(values)} scores and {len(alarms)} decisions")
    names = sorted({clip.section or "" for clip in clips})
    sections = tuple(_section(name, clips, values, alarms, edition) for name in names)
    return DcaseFigures(edition, sections, _score(sections, edition))


def harmonic_mean(values: Sequence[float]) -> float:
    """Harmonic mean with zeros replaced by the machine epsilon, as the evaluators do."""
    return float(len(values) / np.sum(1.0 / np.maximum(np.asarray(values), sys.float_info.epsilon)))


def _section(
    name: str,
    clips: Sequence[Clip],
    scores: npt.NDArray[np.float64],
    alarms: npt.NDArray[np.bool_],
    edition: Edition,
) -> DcaseSection:
    in_section = np.array([clip.section == name for clip in clips])
    labels = np.array([clip.label == "anomaly" for clip in clips])
    found: dict[str, float | None] = {}
    for domain in DOMAINS:
        here = in_section & np.array([clip.domain == domain for clip in clips])
        with_anomalies = here if edition == "2021" else here | (in_section & labels)
        found[f"auc_{domain}"] = _both(auc, labels, scores, with_anomalies) if here.any() else None
        found[f"pauc_{domain}"] = _both(pauc, labels, scores, here) if edition == "2021" else None
        found[f"f1_{domain}"] = confusion(labels[here], alarms[here], 0.5).f1 if here.any() else None
    return DcaseSection(
        section=name,
        auc=_both(auc, labels, scores, in_section),
        pauc=_both(pauc, labels, scores, in_section),
        **found,
    )


def _both(
    figure: _Figure,
    labels: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.float64],
    chosen: npt.NDArray[np.bool_],
) -> float | None:
    """Figure of the chosen clips; None where they are all of one kind."""
    kinds = set(labels[chosen].tolist())
    return figure(labels[chosen], scores[chosen]) if kinds == {True, False} else None


def _score(sections: Sequence[DcaseSection], edition: Edition) -> float | None:
    parts: Mapping[Edition, tuple[str, ...]] = {
        "2020": ("auc", "pauc"),
        "2021": ("auc_source", "auc_target", "pauc_source", "pauc_target"),
        "2022 and later": ("auc_source", "auc_target", "pauc"),
    }
    values = [getattr(section, part) for section in sections for part in parts[edition]]
    if not values or any(value is None for value in values):
        return None
    return float(np.mean(values)) if edition == "2020" else harmonic_mean(values)
