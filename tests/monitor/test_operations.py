"""Around the watch, with a real bundle: clips that score again to the last bit, gaps, and another model."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly import versions
from anomaly.alerts.store import DATABASE_NAME, Store
from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.files import read_16k
from anomaly.audio.sensor import SensorCheck
from anomaly.bundle import Bundle, open_bundle, write_bundle
from anomaly.config import Clips, Site
from anomaly.detect.decision import limit_for
from anomaly.detect.model import load_model
from anomaly.detect.scoring import SecondScore
from anomaly.errors import InputError
from anomaly.manifest import Draft
from anomaly.monitor.clip_files import FACTS, PICTURE, SOUND, StoredClip, read_clip
from anomaly.monitor.clip_score import score_clip
from anomaly.monitor.model_watch import NextModel
from anomaly.monitor.operations import Attendant, Ear, Operations
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.monitor.sources import Lost, Sound
from anomaly.monitor.watch import Watch

BEGIN_S = 1_800_000_000.0
PATIENCE_S = 120.0


@pytest.fixture
def models(pump_bundle: Path, tmp_path: Path) -> Path:
    shutil.copytree(pump_bundle, tmp_path / "models" / "pump")
    return tmp_path / "models"


@pytest.fixture(scope="module")
def normal(pump_recordings: Path) -> Samples:
    files = sorted(pump_recordings.rglob("normal_*.wav"))
    return np.concatenate([read_16k(file) for file in files])


@pytest.fixture(scope="module")
def fault(pump_recordings: Path) -> Samples:
    files = sorted(pump_recordings.rglob("anomaly_outer_race_*.wav"))
    return np.concatenate([read_16k(file) for file in files])


def ready(version: str, bundle: Bundle) -> NextModel:
    model = load_model(bundle)
    return NextModel(version, model.scorer("student"), limit_for(1.0, 0.0), SensorCheck(model.sensor))


class Chain:
    """One monitor's chain whose sound and clock are ours."""

    def __init__(self, site: Site) -> None:
        self.site, self.now_s = site, BEGIN_S
        self.store = Store.open(site.state_dir / DATABASE_NAME, clock=lambda: self.now_s)
        self.operations = Operations(site, self.store, clock=lambda: self.now_s)
        self.operations.__enter__()
        first = ready("", open_bundle(site.models_dir / "pump"))
        self.scorer = first.scorer
        self.watch = Watch("pump", self.scorer, first.limit, self.store)
        ear = Ear("pump", "pump", "student", self.scorer.front_end, live=True)
        self.attendant = Attendant(self.operations, ear, ready, self.watch.use)
        self.records: list[Record] = []

    def hear(self, samples: Samples, *, gap: bool = False, block: int = 1_571) -> None:
        for start in range(0, len(samples), block):
            piece = samples[start : start + block]
            heard = self.attendant.admit(Sound(piece, self.now_s, gap and start == 0))
            self.records += self.attendant.attend(heard, self.watch.hear(heard))
            self.now_s += len(piece) / SAMPLE_RATE_HZ

    def lose(self) -> None:
        heard = Lost(self.now_s, "unplugged")
        self.records += self.attendant.attend(heard, self.watch.hear(heard))

    def finish(self) -> None:
        self.watch.finish()
        self.records += self.attendant.finish()
        # On a loaded computer a clip may take longer than the monitor waits for it at its end.
        assert self.operations.backstage.wait_idle(PATIENCE_S)
        self.records += self.attendant.finish()

    def close(self) -> None:
        self.operations.__exit__()
        self.store.close()

    @property
    def events(self) -> list[str]:
        return [record.event for record in self.records if isinstance(record, EventRecord)]

    @property
    def scores(self) -> list[tuple[float | None, float | None]]:
        return [(r.score, r.p_value) for r in self.records if isinstance(r, SecondRecord)]

    def clip(self) -> StoredClip:
        (row,) = self.store.clips()
        return read_clip(self.operations.clips_folder / row.folder)


@pytest.fixture
def chain(models: Path, tmp_path: Path) -> Iterator[Callable[..., Chain]]:
    made: list[Chain] = []

    def make(**clips: object) -> Chain:
        settings = Clips.model_validate({"before_s": 6, "after_s": 2, "free_mib": 0} | clips)
        made.append(Chain(Site(models_dir=models, state_dir=tmp_path / "state", clips=settings)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def bits(scores: list[SecondScore]) -> list[tuple[str, str]]:
    return [(score.score.hex(), score.p_value.hex()) for score in scores]


def fail_after_a_while(chain: Chain, normal: Samples, fault: Samples) -> None:
    """A gap at an odd place, normal sound, then the fault; sound between the steps of 24 bits, as from a resampler."""
    finer = np.float32(1) + np.float32(2**-20)
    chain.hear(normal[: 3 * SAMPLE_RATE_HZ + 777] * finer)
    chain.now_s += 1.0
    chain.hear(normal[: 13 * SAMPLE_RATE_HZ] * finer, gap=True)
    chain.hear(fault[: 10 * SAMPLE_RATE_HZ] * finer)
    chain.finish()


@pytest.mark.parametrize("content", ["full", "features"])
def test_a_clip_scores_again_to_the_last_bit(
    chain: Callable[..., Chain], normal: Samples, fault: Samples, content: str
) -> None:
    live = chain(content=content)
    fail_after_a_while(live, normal, fault)
    assert live.events.count("case.opened") == 1
    assert "clip.saved" in live.events
    clip = live.clip()
    facts = clip.facts
    assert facts.case_id == live.store.cases()[0].id
    assert (facts.since_reset, facts.repeatable, facts.content) == (0, True, content)
    # The clip begins at a reset of the second stretch, which began with a gap.
    since_gap_s = facts.begin_s - (BEGIN_S + 3 + 777 / SAMPLE_RATE_HZ + 1)
    assert since_gap_s == pytest.approx(round(since_gap_s), abs=1e-3)
    assert round(since_gap_s) % live.scorer.front_end.reset_s == 0
    first = 3 + round(since_gap_s)
    count = facts.samples // SAMPLE_RATE_HZ
    expected = [
        (s.hex(), p.hex()) for s, p in live.scores[first : first + count] if s is not None and p is not None
    ]
    assert count >= 8
    assert bits(score_clip(clip, live.scorer)) == expected
    told = [(one["second"], one["score"].hex(), one["p_value"].hex()) for one in facts.seconds]
    assert told == [(k, s, p) for k, (s, p) in enumerate(expected)]
    if content == "full":
        # The FLAC alone, by the way that `anomaly score` takes.
        heard = read_16k(clip.folder / SOUND)
        assert bits(live.scorer.recording(heard)) == expected
        assert json.loads((clip.folder / FACTS).read_text())["model"] == versions.version_of(
            live.site.models_dir / "pump"
        )
    else:
        assert not (clip.folder / SOUND).exists()


def test_without_words_nothing_else_reaches_the_disk(
    chain: Callable[..., Chain], normal: Samples, fault: Samples
) -> None:
    live = chain(content="speech-filtered")
    fail_after_a_while(live, normal, fault)
    clip = live.clip()
    assert sorted(path.name for path in clip.folder.iterdir()) == sorted([FACTS, SOUND, PICTURE])
    assert not clip.facts.repeatable
    kept, _ = soundfile.read(clip.folder / SOUND, dtype="float32")
    sound = np.concatenate([normal[: 13 * SAMPLE_RATE_HZ], fault])[: len(kept)]
    assert abs(np.corrcoef(kept, sound)[0, 1]) < 0.2
    with pytest.raises(InputError, match="holds speech-filtered only"):
        score_clip(clip, live.scorer)


def test_none_means_none(chain: Callable[..., Chain], normal: Samples, fault: Samples) -> None:
    live = chain(content="none")
    fail_after_a_while(live, normal, fault)
    assert "case.opened" in live.events
    assert live.store.clips() == []
    assert not live.operations.clips_folder.exists()
    assert len(live.attendant._clips.ring._blocks) == 0


def test_a_clip_is_kept_as_far_as_it_goes_when_the_sound_breaks_off(
    chain: Callable[..., Chain], normal: Samples, fault: Samples
) -> None:
    live = chain(content="full", after_s=60)
    live.hear(normal[: 5 * SAMPLE_RATE_HZ])
    live.hear(fault[: 5 * SAMPLE_RATE_HZ])
    live.lose()
    assert live.operations.backstage.wait_idle(PATIENCE_S)
    kinds = {case.id: case.kind for case in live.store.cases()}
    assert [kinds[clip.case_id] for clip in live.store.clips()] == ["machine"]


def test_a_full_disk_stops_clips_and_never_scoring(
    chain: Callable[..., Chain], normal: Samples, fault: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if self.name == SOUND:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    live = chain(content="full")
    fail_after_a_while(live, normal, fault)
    assert "clip.failed" in live.events
    assert len(live.scores) == 3 + 13 + 10
    assert live.store.clips() == []
    # Nothing half-written stays.
    assert [path for path in live.operations.clips_folder.rglob("*") if path.is_file()] == []
    assert [event.detail["words"] for event in live.store.events() if event.event == "clip.failed"]


def test_clips_leave_room_on_the_disk(chain: Callable[..., Chain], normal: Samples, fault: Samples) -> None:
    live = chain(content="full", free_mib=1e12)
    fail_after_a_while(live, normal, fault)
    failed = [r for r in live.records if isinstance(r, EventRecord) and r.event == "clip.failed"]
    assert len(failed) == 1
    assert "MiB of the disk are free" in failed[0].words
    assert len(live.scores) == 26


def test_gaps_are_kept(chain: Callable[..., Chain], normal: Samples) -> None:
    live = chain()
    live.hear(normal[:SAMPLE_RATE_HZ])
    live.now_s += 0.5
    live.hear(normal[:SAMPLE_RATE_HZ], gap=True)
    live.lose()
    live.now_s += 60
    live.hear(normal[:SAMPLE_RATE_HZ])
    assert live.operations.backstage.wait_idle(PATIENCE_S)
    gaps = [
        (round(gap.begin_s - BEGIN_S, 3), round(gap.end_s - BEGIN_S, 3), gap.reason)
        for gap in live.store.gaps("pump")
    ]
    assert gaps == [(1.0, 1.5, "overflow"), (2.5, 62.5, "lost")]


def other_bundle(models: Path, machine: str = "pump", **changed: bytes) -> None:
    """The same model under another manifest, as a training anew would leave it."""
    old = open_bundle(models / "pump")
    files = {name: old.read(name) for name in old.manifest.files} | changed
    facts = old.manifest.model_dump()
    draft = Draft(
        **{name: facts[name] for name in Draft.model_fields} | {"machine": machine, "metrics": {"n": 2}}
    )
    with versions.replacing(models, "pump"):
        write_bundle(models / "pump", draft, files)


def until_taken(live: Chain, normal: Samples, event: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while event not in live.events:
        assert time.monotonic() < end, "the model was not noticed"
        live.hear(normal[:SAMPLE_RATE_HZ])
        time.sleep(0.01)


def test_another_model_takes_over_at_a_reset_without_a_restart(
    chain: Callable[..., Chain], models: Path, normal: Samples
) -> None:
    live = chain()
    live.hear(normal[: 3 * SAMPLE_RATE_HZ])
    first = versions.version_of(models / "pump")
    other_bundle(models)
    until_taken(live, normal, "model.activated")
    at = live.records.index(
        next(r for r in live.records if isinstance(r, EventRecord) and r.event == "model.activated")
    )
    before = [r for r in live.records[:at] if isinstance(r, SecondRecord)]
    assert len(before) % live.scorer.front_end.reset_s == 0
    assert live.operations.figures.machine("pump").model == versions.version_of(models / "pump") != first
    versions.rollback(models, "pump")
    live.records.clear()
    until_taken(live, normal, "model.activated")
    assert live.operations.figures.machine("pump").model == first


def test_a_clip_after_a_change_of_model_scores_again(
    chain: Callable[..., Chain], models: Path, normal: Samples, fault: Samples
) -> None:
    live = chain(content="full")
    live.hear(normal[: 3 * SAMPLE_RATE_HZ])
    other_bundle(models)
    until_taken(live, normal, "model.activated")
    live.hear(fault[: 10 * SAMPLE_RATE_HZ])
    live.finish()
    clip = live.clip()
    assert clip.facts.model == versions.version_of(models / "pump")
    count = clip.facts.samples // SAMPLE_RATE_HZ
    expected = [(one["score"].hex(), one["p_value"].hex()) for one in clip.facts.seconds]
    assert len(expected) == count
    assert bits(score_clip(clip, live.scorer)) == expected


@pytest.mark.parametrize("wrong", ["machine", "network.bit"])
def test_a_bundle_that_cannot_be_used_is_refused_and_the_old_one_goes_on(
    chain: Callable[..., Chain], models: Path, normal: Samples, wrong: str
) -> None:
    live = chain()
    live.hear(normal[:SAMPLE_RATE_HZ])
    if wrong == "machine":
        other_bundle(models, machine="fan")
    else:
        other_bundle(models, **{"network.bit": b"no bitstream"})
    until_taken(live, normal, "model.refused")
    live.hear(normal[: 12 * SAMPLE_RATE_HZ])
    assert "model.activated" not in live.events
    assert live.events.count("model.refused") == 1


def test_after_a_change_the_microphone_is_judged_by_what_the_new_model_learned(
    chain: Callable[..., Chain], models: Path, normal: Samples
) -> None:
    live = chain()
    quiet = normal[: 6 * SAMPLE_RATE_HZ] / 4
    # This chain begins without knowledge of the training sound: nothing tells it of another gain.
    live.hear(quiet)
    assert {r.sensor for r in live.records if isinstance(r, SecondRecord)} == {"ok"}
    other_bundle(models)
    until_taken(live, normal, "model.activated")
    live.hear(quiet)
    assert "gain" in {r.sensor for r in live.records[-4:] if isinstance(r, SecondRecord)}


def test_the_database_is_checked_while_the_monitor_works(
    chain: Callable[..., Chain], until: Callable[..., None], tmp_path: Path
) -> None:
    folder = tmp_path / "state"
    with Store.open(folder / DATABASE_NAME) as store:
        store.add_event("x")
    (folder / f"{DATABASE_NAME}-wal").write_bytes(b"left over")
    live = chain()
    until(lambda: not live.store.database.suspect, PATIENCE_S)


def test_what_the_site_measures(chain: Callable[..., Chain], until: Callable[..., None]) -> None:
    live = chain()
    until(lambda: live.operations.figures.site.database_bytes > 0, PATIENCE_S)
    assert live.operations.figures.site.disk_free_bytes > 0


def test_sound_that_is_not_live_stays_as_it_is(chain: Callable[..., Chain]) -> None:
    live = chain()
    sound = Sound(np.full(4, 0.1, np.float32), BEGIN_S)
    assert not np.array_equal(live.attendant.admit(sound).samples, sound.samples)  # type: ignore[union-attr]
    file = Attendant(live.operations, replace(live.attendant._ear, machine="fan", live=False))
    assert file.admit(sound) is sound
