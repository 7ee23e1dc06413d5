"""Content of the report of a case: rows of facts, checks and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anomaly.alerts.case_card import case_card
from anomaly.config.facts.rotating_facts import RotatingFacts
from anomaly.diagnose.explain_file import ExplainedFile, ExplainOptions, FileExplainer
from anomaly.diagnose.physics.sentence import sentence
from anomaly.diagnose.pictures.file_pictures import pictures_of
from anomaly.errors import AnomalyError
from anomaly.monitor.clips.files import SOUND
from anomaly.store.cases.case import EXPLANATION, SHORT_ID, Case
from anomaly.store.clip_index import CLIPS_FOLDER, PICTURE
from anomaly.store.store import Store

_CHECKS: Mapping[str, str] = {
    "inner-race": "Measure vibration on the housing; look at lubrication and fit; plan to replace the bearing.",
    "outer-race": "Measure vibration on the housing; look at lubrication; plan to replace the bearing.",
    "ball": "Measure vibration on the housing; look for particles in the grease; plan to replace the bearing.",
    "cage": "Look at lubrication and at the cage at the next stop; a broken cage fails quickly.",
    "gear": "Look at the tooth flanks and take a sample of oil for particles; check alignment and backlash.",
    "unbalance": "Clean the rotor; look for lost material or deposits; balance it.",
    "misalignment": "Check the alignment of the coupling or the pulleys, cold and warm.",
    "looseness": "Check foundation bolts, feet and fits of the bearings.",
    "blade": "Look at blades and vanes for deposits, cracks and lost material.",
    "electrical": "Measure the currents of all phases; check rotor bars and air gap.",
}
_NOT_IN_REPORT = ("to do", "why")


@dataclass(frozen=True)
class ReportContent:
    """Content of a report.

    Args:
        title: headline.
        rows: name and text of each fact; an empty name continues the one before.
        checks: what to check.
        pictures: caption and PNG of each.
    """

    title: str
    rows: Sequence[tuple[str, str]]
    checks: Sequence[str]
    pictures: Sequence[tuple[str, bytes]]


def report_content(store: Store, case: Case, facts: RotatingFacts, now_s: float) -> ReportContent:
    """Collect the content.

    Args:
        store: of the monitor; its folder holds the clips.
        case: as stored.
        facts: rotating parts of the machine.
        now_s: UNIX seconds.
    """
    rows = [
        (line[:9].strip(), line[9:])
        for line in case_card(case, store.history.events(case_id=case.id), now_s)
        if line
    ]
    kept, name = [], ""
    for row in rows[1:]:
        name = row[0] or name
        kept += [] if name in _NOT_IN_REPORT else [row]
    reasons, family, pictures = _explained(store, case, facts)
    kept[1:1] = [("why" if number == 0 else "", text) for number, text in enumerate(reasons)]
    checks = [_CHECKS[family]] if family in _CHECKS else []
    checks.append("Has speed, load, tool or a part changed since the case began?")
    checks.append(f"Afterwards, say what it was: anomaly cases close {case.id[:SHORT_ID]} --finding …")
    return ReportContent(f"Case {case.id[:SHORT_ID]}: {case.machine}", kept, checks, pictures)


def _explained(
    store: Store, case: Case, facts: RotatingFacts
) -> tuple[list[str], str, list[tuple[str, bytes]]]:
    """Return sentences, the family and pictures from the evidence and the newest clip of a case."""
    found = case.evidence.get(EXPLANATION)
    reasons = [str(found["sentence"])] if isinstance(found, Mapping) and found.get("sentence") else []
    family = str(found.get("family", "")) if isinstance(found, Mapping) else ""
    folders = [store.path.parent / CLIPS_FOLDER / row.folder for row in store.clips.select(case_id=case.id)]
    if not folders:
        return reasons, family, []
    pictures = []
    if (folders[-1] / PICTURE).is_file():
        caption = "The clip, and its mean spectrum beside the normal one"
        pictures.append((caption, (folders[-1] / PICTURE).read_bytes()))
    explained = _explained_sound(folders[-1] / SOUND, facts)
    if explained is not None:
        words = sentence(explained.explanation)
        reasons += [words] if not reasons and facts.bearings else []
        family = family if family not in ("", "none") else explained.explanation.family
        caption = "Lines of the clip, with those of the most probable cause"
        pictures += [(caption, data) for data in pictures_of(explained).values()]
    return reasons, family, pictures


def _explained_sound(sound: Path, facts: RotatingFacts) -> ExplainedFile | None:
    if not sound.is_file():
        return None
    try:
        return FileExplainer(ExplainOptions(facts)).explain(sound)
    except AnomalyError:  # a clip too short to explain still makes a report
        return None
