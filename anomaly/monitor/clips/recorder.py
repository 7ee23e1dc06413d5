"""Clips: sound from before a case to a little after its opening, kept with the case."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.config.retention import Clips
from anomaly.errors import AnomalyError
from anomaly.features.front_end import FrontEnd, segment_levels
from anomaly.features.mel import HOP_S, N_MELS, Centibels, mel_power, pool
from anomaly.monitor.background import BackgroundWorker
from anomaly.monitor.clips.files import ClipFacts, write_clip
from anomaly.monitor.clips.retention import make_room
from anomaly.monitor.clips.ring_buffer import Excerpt, SoundRing
from anomaly.monitor.clips.spectrogram_png import spectrogram_png
from anomaly.monitor.memory import trim_memory
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.store.rows import ClipRow
from anomaly.store.store import Store

FOLDER = "clips"
_TRIGGERS = ("case.opened", "case.again")
Tell = Callable[[str, str, Mapping[str, Any]], None]


@dataclass(frozen=True)
class ClipContext:
    """By what a clip was heard: machine, network, model (digits of its manifest's hash), front end."""

    machine: str
    detector: str
    model: str
    front_end: FrontEnd


@dataclass(frozen=True)
class _Wanted:
    case_id: str
    opened_s: float
    at: int
    until: int


class ClipRecorder:
    """Watches one machine's records for cases and keeps the sound around them.

    Args:
        by: by what the sound is heard; replaced when another model takes over.
        settings: what to keep, and how much.
        folder: of all clips of the site.
        store: where clips are listed.
        backstage: where they are made: encoding and writing never hold up the sound.
        tell: is told ``clip.saved`` and ``clip.failed``, from the thread behind the scenes.
    """

    def __init__(
        self,
        by: ClipContext,
        settings: Clips,
        folder: Path,
        store: Store,
        backstage: BackgroundWorker,
        tell: Tell,
    ) -> None:
        self.by = by
        self._settings, self._folder, self._store = settings, folder, store
        self._backstage, self._tell = backstage, tell
        self.ring = SoundRing(settings.before_s, settings.after_s, by.front_end.reset_s)
        self._seconds: deque[SecondRecord] = deque(maxlen=1_000)
        self._wanted: list[_Wanted] = []

    def records(self, records: list[Record]) -> None:
        """Take what was said of the sound that the ring holds now."""
        for record in records:
            if isinstance(record, SecondRecord):
                self._seconds.append(record)
            elif record.event in _TRIGGERS and isinstance(case := record.detail.get("case"), str):
                self._want(case, record)
        ripe = [wanted for wanted in self._wanted if self.ring.position >= wanted.until]
        self._keep(ripe)

    def cut(self) -> None:
        """The sound ends or breaks off here: what was wanted is kept as far as it goes, and the ring begins anew."""
        self._keep(list(self._wanted))
        self.ring.begin_anew()

    def model_taken_over(self, model: str, front_end: FrontEnd, position: int) -> None:
        """Another model has scored since a position of the ring: clips begin there at the earliest."""
        self._keep(list(self._wanted))
        self.by = replace(self.by, model=model, front_end=front_end)
        self.ring.begin_at(position, front_end.reset_s)

    def _want(self, case_id: str, record: EventRecord) -> None:
        if self._settings.content != "none" and self.ring.position:
            at = self.ring.position
            until = at + round(self._settings.after_s * SAMPLE_RATE_HZ)
            self._wanted.append(_Wanted(case_id, record.time_s, at, until))

    def _keep(self, ripe: list[_Wanted]) -> None:
        for wanted in ripe:
            self._wanted.remove(wanted)
            excerpt = self.ring.excerpt(wanted.at)
            if excerpt is None:
                continue
            facts = self._facts(wanted, excerpt)
            if not self._backstage.submit(partial(self._save, facts, excerpt)):
                self._tell("clip.failed", "too many clips wait to be written", {"case": wanted.case_id})

    def _facts(self, wanted: _Wanted, excerpt: Excerpt) -> ClipFacts:
        content = self._settings.content
        end_s = excerpt.begin_s + len(excerpt.samples) / SAMPLE_RATE_HZ
        return ClipFacts(
            id=uuid.uuid4().hex[:12],
            case_id=wanted.case_id,
            machine=self.by.machine,
            content=content,
            begin_s=excerpt.begin_s,
            samples=len(excerpt.samples),
            since_reset=excerpt.since_reset,
            opened_s=wanted.opened_s,
            detector=self.by.detector,
            model=self.by.model,
            front_end=self.by.front_end.to_dict(),
            repeatable=excerpt.since_reset == 0 and content in ("features", "full"),
            seconds=tuple(
                _result(record, excerpt.begin_s)
                for record in self._seconds
                # Half a second of tolerance: clocks of blocks jitter by milliseconds.
                if excerpt.begin_s + 0.5 < record.time_s < end_s + 0.5
            ),
        )

    def _save(self, facts: ClipFacts, excerpt: Excerpt) -> None:
        stamp = datetime.fromtimestamp(facts.begin_s, UTC).strftime("%Y%m%dT%H%M%SZ")
        folder = Path(facts.machine) / f"{stamp}-{facts.id}"
        try:
            make_room(self._store, self._folder, self._settings, time.time(), for_bytes=4 * facts.samples)
            size = _written(self._folder / folder, facts, excerpt)
            self._store.clips.add(
                ClipRow(
                    facts.id,
                    facts.case_id,
                    facts.machine,
                    facts.begin_s,
                    facts.samples / SAMPLE_RATE_HZ,
                    facts.content,
                    str(folder),
                    size,
                )
            )
        except AnomalyError as error:
            self._tell("clip.failed", str(error), {"case": facts.case_id})
        else:
            self._tell(
                "clip.saved", f"{facts.content}, {size} bytes", {"case": facts.case_id, "clip": facts.id}
            )
        finally:
            trim_memory()


def _result(record: SecondRecord, begin_s: float) -> dict[str, Any]:
    return {
        "second": round(record.time_s - begin_s) - 1,
        "score": record.score,
        "p_value": record.p_value,
        "state": record.state,
        "sensor": record.sensor,
    }


def _written(folder: Path, facts: ClipFacts, excerpt: Excerpt) -> int:
    """Make the files of a clip; only what its content allows ever reaches the disk."""
    front_end = FrontEnd.from_dict(dict(facts.front_end))
    mark_s = facts.opened_s - facts.begin_s
    if facts.content == "speech-filtered":
        from anomaly.audio.speech_filter import obfuscate_speech

        samples = obfuscate_speech(excerpt.samples)
        return write_clip(
            folder, facts, samples, None, _picture(pool(mel_power(samples), N_MELS), mark_s, facts)
        )
    levels = segment_levels(excerpt.samples, front_end)
    if facts.content == "features":
        drawn = levels.reshape(-1, levels.shape[2])
        # A last, shorter segment is padded with zeros, which are no levels.
        drawn = np.where(drawn == 0, drawn.min(initial=0), drawn).astype(np.int32)
        return write_clip(folder, facts, None, levels, _picture(drawn, mark_s, facts))
    picture = _picture(pool(mel_power(excerpt.samples), N_MELS), mark_s, facts)
    return write_clip(folder, facts, excerpt.samples, levels, picture)


def _picture(levels: Centibels, mark_s: float, facts: ClipFacts) -> bytes:
    words = {"Title": f"{facts.machine}, case {facts.case_id[:8]}", "Software": "anomaly"}
    return spectrogram_png(levels, 1.0 / HOP_S, mark_s=mark_s, words=words)
