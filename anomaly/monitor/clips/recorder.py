"""Clip recorder: sound from before a case to a little after its opening, kept with the case."""

from __future__ import annotations

import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.config.facts.rotating_facts import RotatingFacts
from anomaly.config.retention import Clips
from anomaly.diagnose.explained_clip import FINGERPRINT, explain_clip
from anomaly.diagnose.naming.examples import read_examples
from anomaly.errors import AnomalyError
from anomaly.features.front_end import FrontEnd, segment_levels
from anomaly.features.mel import HOP_S, N_MELS, Centibels, mel_power, pool
from anomaly.monitor.clips.files import ClipFacts, write_clip
from anomaly.monitor.clips.picture import ClipSpectrum, draw_clip
from anomaly.monitor.clips.retention import make_room
from anomaly.monitor.clips.ring_buffer import Excerpt, SoundRing
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.events import BlockProcessed, EventName, ModelActivated, SessionEnded
from anomaly.monitor.process.background import BackgroundWorker
from anomaly.monitor.process.memory import trim_memory
from anomaly.monitor.records import EventRecord, SecondRecord
from anomaly.monitor.sources.events import MicrophoneLost, SoundBlock
from anomaly.store.cases.case import SHORT_ID
from anomaly.store.database.rows import ClipRow
from anomaly.store.store import Store

_LOG = logging.getLogger(__name__)
_TRIGGERS = (EventName.CASE_OPENED, EventName.CASE_AGAIN)
Emit = Callable[[EventName, str, Mapping[str, Any]], None]


@dataclass(frozen=True, eq=False)
class ClipContext:
    """Machine and model that scored the sound of a clip.

    Args:
        machine: its name.
        detector: name of the detector.
        model: version of the bundle.
        front_end: settings of the front end.
        normal: mean levels of the training sound, hundredths of a decibel, [bands]; None where levels are normalised.
        facts: rotating parts of the machine, for the explanation of its cases.
    """

    machine: str
    detector: str
    model: str
    front_end: FrontEnd
    normal: Centibels | None = None
    facts: RotatingFacts = field(default_factory=RotatingFacts)


@dataclass(frozen=True)
class _Pending:
    case_id: str
    opened_s: float
    at: int
    until: int


class ClipRecorder:
    """Recorder of the clips of one machine.

    Args:
        context: machine and model; replaced when another model is activated.
        settings: content and length of clips, and limits on them.
        folder: of all clips of the site.
        store: lists the clips.
        background: encodes and writes clips, so that the sound never waits for them.
        emit: publishes ``clip.saved`` and ``clip.failed`` from the background thread.
    """

    def __init__(
        self,
        context: ClipContext,
        settings: Clips,
        folder: Path,
        store: Store,
        background: BackgroundWorker,
        emit: Emit,
    ) -> None:
        self.context = context
        self._settings, self._folder, self._store = settings, folder, store
        self._background, self._emit = background, emit
        self.ring = SoundRing(settings.before_s, settings.after_s, context.front_end.reset_s)
        self._seconds: deque[SecondRecord] = deque(maxlen=1_000)
        self._since_reset_s = 0
        self._pending: list[_Pending] = []
        self._lost = False

    def subscribe(self, bus: EventBus) -> None:
        """Follow the sound, the seconds and the cases of a session."""
        bus.subscribe(SoundBlock, self._sound)
        bus.subscribe(MicrophoneLost, self._microphone_lost)
        bus.subscribe(SecondRecord, self._second)
        bus.subscribe(EventRecord, self._event)
        bus.subscribe(ModelActivated, self._model_activated)
        bus.subscribe(BlockProcessed, lambda _: self._save_complete())
        bus.subscribe(SessionEnded, lambda _: self._interrupt())

    def _sound(self, block: SoundBlock) -> None:
        if block.gap or self._lost:
            self._interrupt()
        self._lost = False
        if self._settings.content != "none":
            self.ring.push(block.samples, block.time_s)

    def _microphone_lost(self, _: MicrophoneLost) -> None:
        self._interrupt()
        self._lost = True

    def _second(self, record: SecondRecord) -> None:
        self._seconds.append(record)
        self._since_reset_s += 1

    def _event(self, record: EventRecord) -> None:
        case = record.detail.get("case")
        if record.event in _TRIGGERS and isinstance(case, str):
            self._request(case, record)

    def _model_activated(self, activated: ModelActivated) -> None:
        """Restart the ring buffer where the new model began to score: no clip mixes two models."""
        self._save(list(self._pending))
        model = activated.model
        front_end = model.scorer.front_end
        self.context = replace(
            self.context, model=model.version, front_end=front_end, normal=model.normal_levels
        )
        self.ring.restart_at(self._since_reset_s * SAMPLE_RATE_HZ, front_end.reset_s)
        self._since_reset_s = 0

    def _interrupt(self) -> None:
        """Save pending clips as far as they go, and empty the ring buffer: the sound is interrupted or has ended."""
        self._save(list(self._pending))
        self.ring.interrupt()
        self._since_reset_s = 0

    def _save_complete(self) -> None:
        self._save([pending for pending in self._pending if self.ring.position >= pending.until])

    def _request(self, case_id: str, record: EventRecord) -> None:
        if self._settings.content != "none" and self.ring.position:
            at = self.ring.position
            until = at + round(self._settings.after_s * SAMPLE_RATE_HZ)
            self._pending.append(_Pending(case_id, record.time_s, at, until))

    def _save(self, complete: list[_Pending]) -> None:
        for pending in complete:
            self._pending.remove(pending)
            excerpt = self.ring.excerpt(pending.at)
            if excerpt is None:
                continue
            facts = self._facts(pending, excerpt)
            if not self._background.submit(partial(self._write, facts, excerpt, self.context.normal)):
                message = "too many clips wait to be written"
                self._emit(EventName.CLIP_FAILED, message, {"case": pending.case_id})

    def _facts(self, pending: _Pending, excerpt: Excerpt) -> ClipFacts:
        content = self._settings.content
        end_s = excerpt.begin_s + len(excerpt.samples) / SAMPLE_RATE_HZ
        return ClipFacts(
            id=uuid.uuid4().hex[:12],
            case_id=pending.case_id,
            machine=self.context.machine,
            content=content,
            begin_s=excerpt.begin_s,
            samples=len(excerpt.samples),
            since_reset=excerpt.since_reset,
            opened_s=pending.opened_s,
            detector=self.context.detector,
            model=self.context.model,
            front_end=self.context.front_end.to_dict(),
            repeatable=excerpt.since_reset == 0 and content in ("features", "full"),
            seconds=tuple(
                _result(record, excerpt.begin_s)
                for record in self._seconds
                # Half a second of tolerance: clocks of blocks jitter by milliseconds.
                if excerpt.begin_s + 0.5 < record.time_s < end_s + 0.5
            ),
        )

    def _write(self, facts: ClipFacts, excerpt: Excerpt, normal: Centibels | None) -> None:
        stamp = datetime.fromtimestamp(facts.begin_s, UTC).strftime("%Y%m%dT%H%M%SZ")
        folder = Path(facts.machine) / f"{stamp}-{facts.id}"
        try:
            make_room(self._store, self._folder, self._settings, time.time(), for_bytes=4 * facts.samples)
            size = _write_files(self._folder / folder, facts, excerpt, normal)
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
            self._emit(EventName.CLIP_FAILED, str(error), {"case": facts.case_id})
        else:
            detail = {"case": facts.case_id, "clip": facts.id}
            self._emit(EventName.CLIP_SAVED, f"{facts.content}, {size} bytes", detail)
            self._explain(facts, excerpt)
        finally:
            trim_memory()

    def _explain(self, facts: ClipFacts, excerpt: Excerpt) -> None:
        """Add the explanation of the sound to the case; without one the case stays as it is."""
        mark_s = facts.opened_s - facts.begin_s
        samples = excerpt.samples.astype(np.float64)
        try:
            examples = read_examples(self._store.path.parent, facts.machine)
            found = explain_clip(samples, SAMPLE_RATE_HZ, mark_s, self.context.facts, examples)
            if found["sentence"] or FINGERPRINT in found:
                self._store.cases.explain(facts.case_id, found)
        except AnomalyError as error:
            _LOG.warning("case %s is not explained: %s", facts.case_id[:SHORT_ID], error)


def _result(record: SecondRecord, begin_s: float) -> dict[str, Any]:
    return {
        "second": round(record.time_s - begin_s) - 1,
        "score": record.score,
        "p_value": record.p_value,
        "state": record.state,
        "sensor": record.sensor,
    }


def _write_files(folder: Path, facts: ClipFacts, excerpt: Excerpt, normal: Centibels | None) -> int:
    """Write the files of a clip; sound that its content does not allow never reaches the disk."""
    front_end = FrontEnd.from_dict(dict(facts.front_end))
    if facts.content == "speech-filtered":
        from anomaly.audio.speech_filter import obfuscate_speech

        samples = obfuscate_speech(excerpt.samples)
        return write_clip(folder, facts, samples, None, _picture_of_sound(samples, facts, normal))
    levels = segment_levels(excerpt.samples, front_end)
    if facts.content == "features":
        frames = levels.reshape(-1, levels.shape[2])
        # A last, shorter segment is padded with zeros, which stand for no level.
        frames = np.where(frames == 0, frames.min(initial=0), frames).astype(np.int32)
        return write_clip(folder, facts, None, levels, _picture(frames, frames, facts, normal))
    picture = _picture_of_sound(excerpt.samples, facts, normal)
    return write_clip(folder, facts, excerpt.samples, levels, picture)


def _picture_of_sound(samples: Samples, facts: ClipFacts, normal: Centibels | None) -> bytes:
    power = mel_power(samples)
    pooled = pool(power, N_MELS if normal is None else len(normal))
    return _picture(pool(power, N_MELS), pooled, facts, normal)


def _picture(drawn: Centibels, pooled: Centibels, facts: ClipFacts, normal: Centibels | None) -> bytes:
    """Draw a clip.

    Args:
        drawn: levels of the spectrogram, [frames, bands].
        pooled: levels in the bands of the normal spectrum, for the comparison with it.
        facts: of the clip.
        normal: mean levels of the training sound; None leaves the comparison out.
    """
    mark_s = facts.opened_s - facts.begin_s
    after = pooled[max(0, min(round(mark_s / HOP_S), len(pooled) - 1)) :]
    spectrum = None
    if normal is not None and len(after):
        spectrum = ClipSpectrum(np.rint(after.mean(axis=0)).astype(np.int32), normal)
    title = f"{facts.machine}, case {facts.case_id[:SHORT_ID]}"
    return draw_clip(
        drawn, 1.0 / HOP_S, opened_at_s=facts.opened_s, mark_s=mark_s, title=title, spectrum=spectrum
    )
