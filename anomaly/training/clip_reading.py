"""Reading of training recordings: blocks with sound, faulty files left out by name, and the formats of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.audio.files.audio_format import AudioFormat
from anomaly.audio.files.format_reference import FormatReference, fit_format_reference
from anomaly.audio.files.recordings import ReadingReport
from anomaly.audio.files.recordings import blocks as read_blocks
from anomaly.errors import InputError
from anomaly.evaluate.layouts.layouts import Clip
from anomaly.features.mel import SAMPLE_RATE_HZ, Samples
from anomaly.training.training_data import (
    BLOCK_S,
    GAP_S,
    ThinnedBlocks,
    TrainingBlock,
    is_silent,
    named_block,
)


@dataclass(frozen=True)
class FaultyRecording:
    """Recording that training did not use, or not to its end.

    Args:
        path: the file.
        cause: its fault, as a predicate.
        used_s: length of the part that was used; 0 where it was left out.
    """

    path: Path
    cause: str
    used_s: float = 0.0

    def __str__(self) -> str:
        if self.used_s > 0:
            return (
                f"used in part: {self.path}: {self.cause}; the {self.used_s:.1f} s that are there were used"
            )
        return f"left out: {self.path}: {self.cause}"


@dataclass(frozen=True, eq=False)
class ReadResult:
    """Blocks read from recordings, and the recordings that hold none.

    Args:
        blocks: blocks with sound.
        silent: files that hold only silence.
        faulty: files that were left out or used in part, the silent ones among them.
        formats: formats of the recordings with sound; None without any.
    """

    blocks: tuple[TrainingBlock, ...]
    silent: tuple[Path, ...]
    faulty: tuple[FaultyRecording, ...] = ()
    formats: FormatReference | None = None


def read_clips(
    clips: Sequence[Clip],
    *,
    strict: bool = False,
    on_faulty: Callable[[FaultyRecording], None] = lambda _: None,
    progress: Callable[[float], None] = lambda _: None,
) -> ReadResult:
    """Read recordings as blocks without the silent and faulty ones; memory does not grow with their number.

    Args:
        clips: the recordings.
        strict: raise at the first file that cannot be read, or not to its end, instead of leaving it out.
        on_faulty: receives each recording that is left out or used in part.
        progress: receives the share of the recordings that was read.

    Raises:
        InputError: all files are silent or cannot be read; with ``strict`` the first that cannot be read.
    """
    reading = _Reading(strict)
    for index, clip in enumerate(clips):
        fault = reading.add(clip)
        if fault is not None:
            on_faulty(fault)
        progress((index + 1) / len(clips))
    return reading.result()


class _Reading:
    """Blocks, faults, formats and levels of the recordings so far."""

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._kept = ThinnedBlocks()
        self._silent: list[Path] = []
        self._faulty: list[FaultyRecording] = []
        self._formats: list[AudioFormat] = []
        self._levels_dbfs: list[float] = []

    def add(self, clip: Clip) -> FaultyRecording | None:
        """Read one recording, and return its fault."""
        report = ReadingReport()
        blocks: list[TrainingBlock] = []
        levels_dbfs: list[float] = []
        try:
            for number, piece in enumerate(self._pieces(clip.path, report)):
                if not is_silent(piece):
                    levels_dbfs += _levels_dbfs(piece)
                    blocks.append(named_block(piece, clip.recording, number))
                    self._kept.add(blocks[-1])
        except InputError as error:
            self._kept.remove(blocks)
            if self._strict:
                raise
            return self._note(FaultyRecording(clip.path, error.message))
        if 0 < report.samples < SAMPLE_RATE_HZ:
            return self._note(
                FaultyRecording(clip.path, f"lasts {report.samples / SAMPLE_RATE_HZ:.2f} s, too short")
            )
        if not blocks:
            self._silent.append(clip.path)
            return self._note(FaultyRecording(clip.path, "is silent"))
        if report.format is not None:
            self._formats.append(report.format)
        self._levels_dbfs += levels_dbfs
        if report.truncation is None:
            return None
        return self._note(
            FaultyRecording(clip.path, report.truncation.problem, report.samples / SAMPLE_RATE_HZ)
        )

    def result(self) -> ReadResult:
        """Return the recordings that were read, and those that were left out.

        Raises:
            InputError: nothing holds sound.
        """
        if self._faulty and not self._kept.blocks:
            raise self._nothing_left()
        formats = fit_format_reference(self._formats, self._levels_dbfs)
        return ReadResult(tuple(self._kept.blocks), tuple(self._silent), tuple(self._faulty), formats)

    def _note(self, fault: FaultyRecording) -> FaultyRecording:
        self._faulty.append(fault)
        return fault

    def _pieces(self, path: Path, report: ReadingReport) -> Iterator[Samples]:
        try:
            yield from read_blocks(path, block_s=BLOCK_S + GAP_S, truncated=not self._strict, report=report)
        except InputError as error:
            hint = (
                error.hint
                or "mend it or take it out; `anomaly data check` lists every file that cannot be read"
            )
            raise InputError(error.message, where=error.where, hint=hint) from error

    def _nothing_left(self) -> InputError:
        files, silent = self._faulty, self._silent
        where = files[0].path.parent if len(files) > 1 else files[0].path
        if len(silent) == len(files):
            return InputError(
                f"all {len(silent)} recordings are silent" if len(silent) > 1 else "is silent",
                where=where,
                hint="check the microphone and its gain; `anomaly data check` lists the level of each file",
            )
        if len(files) == 1:
            return InputError(files[0].cause, where=where)
        return InputError(
            f"none of the {len(files)} recordings can be used",
            where=where,
            hint=f"{files[0].path.name} {files[0].cause}",
        )


def _levels_dbfs(samples: Samples) -> list[float]:
    """Level of each whole second."""
    seconds = samples[: len(samples) // SAMPLE_RATE_HZ * SAMPLE_RATE_HZ].reshape(-1, SAMPLE_RATE_HZ)
    power = np.square(seconds, dtype=np.float64).mean(axis=1)
    return [float(level) for level in 10 * np.log10(np.maximum(power, 1e-20))]
