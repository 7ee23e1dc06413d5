"""Services of a session with a real bundle: clips that repeat their scores to the last bit, gaps, measurements."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.files.recordings import read_16k
from anomaly.bundle import versions
from anomaly.detect.scoring import SecondScore
from anomaly.errors import InputError
from anomaly.monitor.clips.files import FACTS, SOUND
from anomaly.monitor.offline.clip_score import score_clip
from anomaly.monitor.records import EventRecord
from anomaly.monitor.sources.events import SoundBlock
from anomaly.store.cases.case import Case
from anomaly.store.clip_index import PICTURE
from anomaly.store.recovery.store_repair import StoreRepair
from anomaly.store.store import DATABASE_NAME, Store

BEGIN_S = 1_800_000_000.0
PATIENCE_S = 120.0


def bits(scores: list[SecondScore]) -> list[tuple[str, str]]:
    return [(score.score.hex(), score.p_value.hex()) for score in scores]


def fail_after_a_while(chain: Any, normal: Samples, fault: Samples) -> None:
    """A gap at an odd position, normal sound, then the fault; samples lie between the steps of 24 bits."""
    finer = np.float32(1) + np.float32(2**-20)
    chain.feed(normal[: 3 * SAMPLE_RATE_HZ + 777] * finer)
    chain.now_s += 1.0
    chain.feed(normal[: 13 * SAMPLE_RATE_HZ] * finer, gap=True)
    chain.feed(fault[: 10 * SAMPLE_RATE_HZ] * finer)
    chain.finish()


@pytest.mark.parametrize("content", ["full", "features"])
def test_a_clip_repeats_its_scores_to_the_last_bit(
    chain: Callable[..., Any], normal: Samples, fault: Samples, content: str
) -> None:
    live = chain(content=content)
    fail_after_a_while(live, normal, fault)
    assert live.events.count("case.opened") == 1
    assert "clip.saved" in live.events
    clip = live.clip()
    facts = clip.facts
    assert facts.case_id == live.store.cases.select()[0].id
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
    stored = [(one["second"], one["score"].hex(), one["p_value"].hex()) for one in facts.seconds]
    assert stored == [(k, s, p) for k, (s, p) in enumerate(expected)]
    if content == "full":
        # The FLAC alone, by the way that `anomaly score` takes.
        sound = read_16k(clip.folder / SOUND)
        assert bits(live.scorer.recording(sound)) == expected
        assert json.loads((clip.folder / FACTS).read_text())["model"] == versions.version_of(
            live.site.models_dir / "pump"
        )
    else:
        assert not (clip.folder / SOUND).exists()


def test_speech_never_reaches_the_disk(chain: Callable[..., Any], normal: Samples, fault: Samples) -> None:
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


def test_content_none_keeps_no_clip(chain: Callable[..., Any], normal: Samples, fault: Samples) -> None:
    live = chain(content="none")
    fail_after_a_while(live, normal, fault)
    assert "case.opened" in live.events
    assert live.store.clips.select() == []
    assert not live.operations.clips_folder.exists()
    assert len(live.session.clips.ring._blocks) == 0


def test_an_interruption_ends_a_clip_early(
    chain: Callable[..., Any], normal: Samples, fault: Samples
) -> None:
    live = chain(content="full", after_s=60)
    live.feed(normal[: 5 * SAMPLE_RATE_HZ])
    live.feed(fault[: 5 * SAMPLE_RATE_HZ])
    live.lose_microphone()
    assert live.operations.background.wait_idle(PATIENCE_S)
    kinds = {case.id: case.kind for case in live.store.cases.select()}
    assert [kinds[clip.case_id] for clip in live.store.clips.select()] == ["machine"]


def test_a_full_disk_stops_clips_and_never_scoring(
    chain: Callable[..., Any], normal: Samples, fault: Samples, monkeypatch: pytest.MonkeyPatch
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
    assert live.store.clips.select() == []
    # Nothing half-written stays.
    assert [path for path in live.operations.clips_folder.rglob("*") if path.is_file()] == []
    assert [event.detail["words"] for event in live.store.history.events() if event.event == "clip.failed"]


def test_clips_leave_free_space_on_the_disk(
    chain: Callable[..., Any], normal: Samples, fault: Samples
) -> None:
    live = chain(content="full", free_mib=1e12)
    fail_after_a_while(live, normal, fault)
    failed = [r for r in live.records if isinstance(r, EventRecord) and r.event == "clip.failed"]
    assert len(failed) == 1
    assert "MiB of the disk are free" in failed[0].message
    assert len(live.scores) == 26


def test_gaps_are_stored(chain: Callable[..., Any], normal: Samples) -> None:
    live = chain()
    live.feed(normal[:SAMPLE_RATE_HZ])
    live.now_s += 0.5
    live.feed(normal[:SAMPLE_RATE_HZ], gap=True)
    live.lose_microphone()
    live.now_s += 60
    live.feed(normal[:SAMPLE_RATE_HZ])
    assert live.operations.background.wait_idle(PATIENCE_S)
    gaps = [
        (round(gap.begin_s - BEGIN_S, 3), round(gap.end_s - BEGIN_S, 3), gap.reason)
        for gap in live.store.time_series.gaps("pump")
    ]
    assert gaps == [(1.0, 1.5, "overflow"), (2.5, 62.5, "lost")]


def test_the_database_is_checked_while_the_monitor_works(
    chain: Callable[..., Any], until: Callable[..., None], tmp_path: Path
) -> None:
    folder = tmp_path / "state"
    with Store.open(folder / DATABASE_NAME) as store:
        store.history.add_event("x")
    (folder / f"{DATABASE_NAME}-wal").write_bytes(b"left over")
    live = chain()
    until(lambda: not live.store.database.suspect, PATIENCE_S)


def test_a_case_is_notified_again_when_its_shelving_ends(
    chain: Callable[..., Any], until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anomaly.monitor.operations._SHELVING_EVERY_S", 0.05)
    case = Case("pump", "machine", "2027-01-15T08:00:00.000Z", "A tone at 3.2 kHz")
    live = chain()
    live.store.cases.open(case)
    live.store.cases.shelve(case.id, 60.0, "ann")
    live.now_s += 60.0
    until(lambda: live.store.cases.find(case.id).silenced_until is None, PATIENCE_S)
    assert live.store.history.events(case_id=case.id)[-1].event == "case.unshelved"


def test_a_case_is_notified_again_when_maintenance_ends(
    chain: Callable[..., Any], until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anomaly.monitor.operations._SHELVING_EVERY_S", 0.05)
    live = chain()
    live.store.cases.open(Case("pump", "machine", "2027-01-15T08:00:00.000Z", "A tone at 3.2 kHz"))
    live.store.maintenance.begin("pump", 60.0, "ann")
    live.now_s += 60.0
    until(lambda: live.store.history.events(name="case.unshelved") != [], PATIENCE_S)
    assert [event.event for event in live.store.history.events(machine="pump")] == [
        *("case.opened", "maintenance.began", "maintenance.ended", "case.unshelved")
    ]


def test_measurements_of_the_site(chain: Callable[..., Any], until: Callable[..., None]) -> None:
    live = chain()
    until(lambda: live.operations.statistics.site.database_bytes > 0, PATIENCE_S)
    assert live.operations.statistics.site.disk_free_bytes > 0


def test_a_state_folder_that_is_gone_is_made_anew(
    chain: Callable[..., Any], until: Callable[..., None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = chain()
    until(lambda: live.operations.statistics.site.database_bytes > 0, PATIENCE_S)
    StoreRepair(live.store, live.store.path)
    live.store.path.parent.rename(tmp_path / "elsewhere")
    for _ in range(3):
        live.operations._measure()
    assert live.store.path.is_file()
    assert len([message for message in caplog.messages if "was removed; it was made anew" in message]) == 1


def test_only_live_sound_is_rounded_to_24_bits(
    chain: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    live = chain()
    block = SoundBlock(np.full(4, 0.1, np.float32), BEGIN_S)
    passed: list[SoundBlock] = []
    live.session._bus.subscribe(SoundBlock, passed.append)
    live.session.process(block)
    live.session.plan = replace(live.session.plan, device=None, source="recording.wav")
    live.session.process(block)
    assert not np.array_equal(passed[0].samples, block.samples)
    assert passed[1] is block
