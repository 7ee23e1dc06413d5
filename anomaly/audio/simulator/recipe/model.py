"""Recipe of a machine: its states, its sources of sound, their paths to the microphone, and its faults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from anomaly.audio.simulator.recipe.source_models import Decibels, Name, Positive, Source, StrictModel

Frequency: TypeAlias = Annotated[float, Field(ge=1, le=96_000)]


class Mode(StrictModel):
    """A resonance of a structure."""

    frequency_hz: Frequency
    damping: Annotated[float, Field(gt=0, lt=1)] = Field(default=0.02, description="of critical")
    gain_db: Decibels = 0.0


class TransferPath(StrictModel):
    """Transfer from a source to the air: a spectral shape, resonances, or both."""

    shape: Annotated[tuple[tuple[Frequency, Decibels], ...], Field(max_length=40)] = Field(
        default=(),
        description="frequency and level, straight lines between them on a logarithmic frequency axis",
    )
    modes: Annotated[tuple[Mode, ...], Field(max_length=40)] = ()
    direct_db: Decibels | None = Field(default=None, description="direct sound beside the resonances")

    @model_validator(mode="after")
    def _fits(self) -> TransferPath:
        if not self.shape and not self.modes:
            raise ValueError("a path needs a shape or modes")
        if any(a[0] >= b[0] for a, b in zip(self.shape, self.shape[1:], strict=False)):
            raise ValueError("the frequencies of a shape must rise")
        return self


class Room(StrictModel):
    """Reflections and reverberation of the room."""

    reverb_s: Annotated[float, Field(gt=0, le=0.5)] = Field(default=0.2, description="time until -60 dB")
    echoes: Annotated[int, Field(ge=0, le=100)] = Field(default=6, description="early reflections")
    wet_db: Decibels = Field(default=-6.0, description="energy of all reflections against the direct sound")


class MicrophoneModel(StrictModel):
    """Frequency response and self-noise of the microphone."""

    low_hz: Frequency = 35.0
    high_hz: Frequency = 9000.0
    ripple_db: Annotated[float, Field(ge=0, le=6)] = 1.0
    self_noise_db: Decibels = Field(default=-40.0, description="against the machine's level")


class ParameterSpread(StrictModel):
    """Differences between machines of a kind, relative standard deviations."""

    speed: Annotated[float, Field(ge=0, le=0.1)] = 0.01
    frequency: Annotated[float, Field(ge=0, le=0.2)] = 0.05
    level_db: Annotated[float, Field(ge=0, le=6)] = 1.0


class Stroke(StrictModel):
    """Motion of a carriage, out and back in one cycle of the machine."""

    rest: Annotated[float, Field(ge=0, lt=0.9)] = Field(
        default=0.1, description="share of a stroke in which the carriage rests at its end"
    )
    rise: Annotated[float, Field(gt=0, le=0.5)] = Field(
        default=0.15, description="share of a run in which the carriage accelerates"
    )


class Shaft(StrictModel):
    """Shaft that the main one drives."""

    ratio: Positive = Field(description="its turns in one turn (or cycle) of the shaft called main")
    stroke: Stroke | None = Field(default=None, description="of a carriage; without it the ratio is constant")


class Visit(StrictModel):
    """A stay in one state during a cycle."""

    state: Name
    seconds: tuple[Positive, Positive]

    @model_validator(mode="after")
    def _fits(self) -> Visit:
        if not 0.5 <= self.seconds[0] <= self.seconds[1]:
            raise ValueError("seconds must be the shortest and the longest stay, at least 0.5")
        return self


class Fault(StrictModel):
    """Sources that a fault adds to the sound; their level follows from the severity."""

    description: str
    character: Literal["impulsive", "steady"]
    sources: Annotated[tuple[Source, ...], Field(min_length=1, max_length=20)]


class Recipe(StrictModel):
    """Description of a kind of machine."""

    machine: Name
    description: str
    level_dbfs: Annotated[float, Field(ge=-60, le=-12)] = Field(
        default=-20.0, description="RMS at nominal speed"
    )
    speeds_rpm: Annotated[
        dict[Name, Annotated[float, Field(ge=0, le=100_000)]], Field(min_length=1, max_length=20)
    ]
    nominal: Name
    wander: Annotated[float, Field(ge=0, le=0.1)] = Field(
        default=0.002, description="random change of the speed"
    )
    ramp_s: Positive = Field(default=3.0, description="from rest to nominal speed")
    default_states: Literal["steady", "cycle"] = "steady"
    cycle: Annotated[tuple[Visit, ...], Field(min_length=1, max_length=50)]
    spread: ParameterSpread = Field(default_factory=ParameterSpread)
    shafts: Annotated[dict[Name, Shaft], Field(max_length=20)] = Field(default_factory=dict)
    paths: Annotated[dict[Name, TransferPath], Field(min_length=1, max_length=20)]
    room: Room = Field(default_factory=Room)
    microphone: MicrophoneModel = Field(default_factory=MicrophoneModel)
    sources: Annotated[tuple[Source, ...], Field(min_length=1, max_length=40)]
    faults: Annotated[dict[Name, Fault], Field(max_length=40)]

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        if not self.speeds_rpm.get(self.nominal):
            raise _misfit(("nominal",), f"{self.nominal!r} is no state with a speed")
        for reserved, names in (("ramp", self.speeds_rpm), ("main", self.shafts)):
            if reserved in names:
                where = "speeds_rpm" if reserved == "ramp" else "shafts"
                raise _misfit(
                    (where, reserved), f"{reserved!r} has a meaning of its own and cannot be described"
                )
        for number, visit in enumerate(self.cycle):
            if visit.state not in self.speeds_rpm:
                raise _misfit(("cycle", number, "state"), f"{visit.state!r} is no state")
        for key, sources in self._groups():
            self._check_sources(key, sources)
        return self

    def _check_sources(self, key: tuple[str | int, ...], sources: tuple[Source, ...]) -> None:
        seen: set[str] = set()
        for number, source in enumerate(sources):
            if source.name in seen:
                raise _misfit((*key, number, "name"), f"there is another source {source.name!r} here")
            seen.add(source.name)
            if source.shaft != "main" and source.shaft not in self.shafts:
                raise _misfit((*key, number, "shaft"), f"{source.shaft!r} is no shaft of this machine")
            if source.path not in self.paths:
                raise _misfit((*key, number, "path"), f"{source.path!r} is no path of this machine")

    def _groups(self) -> Iterator[tuple[tuple[str | int, ...], tuple[Source, ...]]]:
        yield ("sources",), self.sources
        for name, fault in self.faults.items():
            yield ("faults", name, "sources"), fault.sources


def _misfit(key: tuple[str | int, ...], message: str) -> PydanticCustomError:
    """Build the error of two parts of a recipe that do not fit together; ``key`` is that of the one to change."""
    return PydanticCustomError("misfit", "{message}", {"message": message, "place": key})
