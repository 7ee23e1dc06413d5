"""Keys of the sources of sound in a recipe, one model per kind.

Every source names the path of its sound to the air and its level at the microphone; `anomaly.audio.simulator.sources`
generates the sound of each kind.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator


class StrictModel(BaseModel):
    """Immutable model that refuses unknown keys, NaN and infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Positive: TypeAlias = Annotated[float, Field(gt=0)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Decibels: TypeAlias = Annotated[float, Field(ge=-120, le=60)]
Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class _Source(StrictModel):
    name: Name
    level_db: Decibels = Field(
        default=0.0, description="at the microphone at nominal speed, against the other sources"
    )
    path: Name = Field(description="from the source to the air")
    shaft: Name = Field(default="main", description="that it turns with")
    speed_exponent: Annotated[float, Field(ge=0, le=6)] = Field(
        default=1.0, description="exponent of the amplitude over the relative speed"
    )
    flutter: Share = Field(
        default=0.05, description="slow random change of the amplitude, relative standard deviation"
    )
    flutter_hz: Positive = 0.5


class Tones(_Source):
    """Multiples of a shaft's speed: unbalance at 1, misalignment at 2, looseness at every half."""

    kind: Literal["tones"]
    orders: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=200)]
    levels_db: tuple[Decibels, ...]

    @model_validator(mode="after")
    def _fits(self) -> Tones:
        if len(self.orders) != len(self.levels_db):
            raise ValueError("orders and levels_db must be equally long")
        if any(order * 2 % 1 for order in self.orders):
            raise ValueError("orders must be multiples of one half")
        return self


class Mesh(_Source):
    """Gear mesh or blade passing: the passing frequency, its harmonics, and side bands at the shaft's speed."""

    kind: Literal["mesh"]
    teeth: Annotated[int, Field(ge=2, le=400)] = Field(description="teeth, blades or vanes on this shaft")
    harmonics_db: Annotated[tuple[Decibels, ...], Field(min_length=1, max_length=20)]
    unevenness: Share = Field(
        default=0.1, description="difference between teeth: strength of amplitude side bands"
    )
    phase_error: Annotated[float, Field(ge=0, le=3)] = Field(default=0.0, description="radians; eccentricity")


class Hum(_Source):
    """Magnetic hum of a motor at twice the mains frequency and its multiples, while it is switched on."""

    kind: Literal["hum"]
    mains_hz: Positive = 50.0
    harmonics_db: Annotated[tuple[Decibels, ...], Field(min_length=1, max_length=20)]


class Flow(_Source):
    """Turbulence or friction: noise modulated by gusts, by passing blades or by a window of the turn."""

    kind: Literal["flow"]
    gusts: Annotated[float, Field(ge=0, le=2)] = Field(default=0.1, description="relative standard deviation")
    gusts_hz: Positive = 4.0
    vanes: Annotated[int, Field(ge=1, le=400)] = 1
    vane_depth: Share = Field(default=0.0, description="depth of the modulation by passing vanes")
    window: tuple[Share, Share] | None = Field(
        default=None, description="part of the turn in which it is present"
    )
    window_edge: Annotated[float, Field(gt=0, le=0.25)] = 0.02
    always: bool = Field(default=False, description="the same level at any speed but rest")


class Bearing(_Source):
    """Impacts of a bearing defect, at the rate that follows from the bearing's geometry."""

    kind: Literal["bearing"]
    damage: Literal["outer_race", "inner_race", "ball", "cage"]
    balls: Annotated[int, Field(ge=3, le=100)]
    ball_mm: Positive
    pitch_mm: Positive
    contact_deg: Annotated[float, Field(ge=0, lt=90)] = 0.0
    slip: Annotated[float, Field(ge=0, le=0.1)] = Field(
        default=0.01, description="random change of each interval"
    )
    spread: Share = Field(default=0.2, description="random change of each impact's strength")

    @model_validator(mode="after")
    def _fits(self) -> Bearing:
        if self.ball_mm >= self.pitch_mm:
            raise ValueError("ball_mm must be less than pitch_mm")
        return self


class Knocks(_Source):
    """Impacts at given angles of the turn: clicks of a solenoid, a carriage at its stop, a loose foot."""

    kind: Literal["knocks"]
    angles: Annotated[tuple[Share, ...], Field(min_length=1, max_length=64)]
    jitter_s: Annotated[float, Field(ge=0, le=1)] = 0.0005
    bounces: Annotated[int, Field(ge=0, le=10)] = Field(
        default=0, description="smaller impacts that follow each one"
    )
    bounce_s: Positive = 0.01
    chance: Share = Field(default=1.0, description="probability of each impact")
    spread: Share = 0.2


class Crackle(_Source):
    """Random impacts: collapsing bubbles, grit, a rattling cover."""

    kind: Literal["crackle"]
    rate_hz: Annotated[float, Field(gt=0, le=20_000)]
    vanes: Annotated[int, Field(ge=1, le=400)] = 1
    vane_depth: Share = 0.0
    gusts: Annotated[float, Field(ge=0, le=2)] = 0.3
    gusts_hz: Positive = 4.0


class Squeal(_Source):
    """Stick-slip of a dry belt or guide: a tone with harmonics, in bursts."""

    kind: Literal["squeal"]
    frequency_hz: Positive
    harmonics_db: Annotated[tuple[Decibels, ...], Field(min_length=1, max_length=20)] = (0.0, -8.0, -14.0)
    vibrato: Annotated[float, Field(ge=0, le=0.1)] = Field(
        default=0.01, description="relative change of the frequency"
    )
    duty: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.5, description="share of the time in which it is present"
    )
    burst_hz: Positive = Field(default=1.0, description="corner frequency of the switching")
    window: tuple[Share, Share] | None = None


Source: TypeAlias = Annotated[
    Tones | Mesh | Hum | Flow | Bearing | Knocks | Crackle | Squeal, Field(discriminator="kind")
]
