"""Facts of a machine, as ``facts:`` of a machine in the site file or a file of their own gives them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from anomaly.config.facts.bearing_geometry import BearingGeometry
from anomaly.config.facts.bearing_types import bearing_type
from anomaly.config.section import ConfigSection

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Ratio = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
Rpm = Annotated[float, Field(gt=0, le=600_000, allow_inf_nan=False)]
_GEOMETRY = ("balls", "ball_mm", "pitch_mm")


class BearingFacts(ConfigSection):
    """A rolling bearing: its type, or its geometry."""

    name: str | None = Field(default=None, description="for people, such as drive end")
    type: str | None = Field(default=None, description="designation, such as 6205; its geometry is looked up")
    balls: Annotated[int, Field(ge=3, le=200)] | None = Field(default=None, description="rolling elements")
    ball_mm: Positive | None = Field(default=None, description="their diameter")
    pitch_mm: Positive | None = Field(default=None, description="diameter of the circle of their centres")
    contact_deg: Annotated[float, Field(ge=0, lt=90)] = Field(default=0.0, description="contact angle")
    ratio: Ratio = Field(default=1.0, description="turns of its shaft per turn of the main shaft")

    @model_validator(mode="before")
    @classmethod
    def _type_alone(cls, value: Any) -> Any:
        return {"type": str(value)} if isinstance(value, str | int) else value

    @model_validator(mode="after")
    def _geometry_is_possible(self) -> Self:
        given = [key for key in _GEOMETRY if getattr(self, key) is not None]
        if self.type is not None and given:
            raise _misfit(given[0], "give type or geometry, not both")
        if self.type is not None:
            try:
                bearing_type(self.type)
            except ValueError as error:
                raise _misfit("type", str(error)) from error
        elif len(given) < len(_GEOMETRY):
            missing = ", ".join(key for key in _GEOMETRY if key not in given)
            raise ValueError(f"a bearing has a type, or balls, ball_mm and pitch_mm: {missing} missing")
        else:
            _check_possible(self.geometry)
        return self

    @property
    def geometry(self) -> BearingGeometry:
        """Geometry that was given, or that of the type."""
        if self.type is not None:
            return bearing_type(self.type).geometry
        assert self.balls is not None
        assert self.ball_mm is not None
        assert self.pitch_mm is not None
        return BearingGeometry(self.balls, self.ball_mm, self.pitch_mm, self.contact_deg)

    @property
    def label(self) -> str:
        """Words that name the bearing in a sentence."""
        words = [word for word in (self.type, self.name) if word]
        return " ".join(words) or "the bearing"


class WheelFacts(ConfigSection):
    """Gear wheel, impeller or fan: a number of teeth or blades on a shaft."""

    name: str | None = Field(default=None, description="for people")
    count: Annotated[int, Field(ge=2, le=1000)] = Field(description="teeth, blades or vanes")
    ratio: Ratio = Field(default=1.0, description="turns of its shaft per turn of the main shaft")

    @model_validator(mode="before")
    @classmethod
    def _count_alone(cls, value: Any) -> Any:
        return {"count": value} if isinstance(value, int | str) and not isinstance(value, bool) else value


class RotatingFacts(ConfigSection):
    """Rotating parts of a machine: shaft, bearings, gears, blades, motor."""

    speed_rpm: Rpm | tuple[Rpm, Rpm] | None = Field(
        default=None, description="speed of the main shaft, or the lowest and the highest"
    )
    bearings: tuple[BearingFacts, ...] = Field(default=(), max_length=50, description="types or geometries")
    gears: tuple[WheelFacts, ...] = Field(default=(), max_length=50, description="wheels by number of teeth")
    blades: tuple[WheelFacts, ...] = Field(
        default=(), max_length=50, description="rotors by number of blades"
    )
    belt_ratio: Ratio | None = Field(default=None, description="turns of the belt per turn of the main shaft")
    poles: Annotated[int, Field(ge=2, le=100, multiple_of=2)] | None = Field(
        default=None, description="poles of the motor"
    )
    mains_hz: Annotated[float, Field(gt=0, le=1000)] | None = Field(default=None, description="supply")

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        """Accept one bearing, wheel or rotor where a list is meant."""
        if not isinstance(value, dict):
            return value
        lists = ("bearings", "gears", "blades")
        return {
            key: [item] if key in lists and not isinstance(item, list | tuple) and item is not None else item
            for key, item in value.items()
        }

    @model_validator(mode="after")
    def _range_rises(self) -> Self:
        if isinstance(self.speed_rpm, tuple) and self.speed_rpm[0] > self.speed_rpm[1]:
            raise _misfit("speed_rpm", "the lowest speed must stand first")
        return self

    @property
    def stated_hz(self) -> float | None:
        """Speed of the shaft in turns per second, if it is given as one number."""
        return self.speed_rpm / 60 if isinstance(self.speed_rpm, float) else None

    @property
    def range_hz(self) -> tuple[float, float] | None:
        """Lowest and highest speed in turns per second, if a range is given."""
        return (self.speed_rpm[0] / 60, self.speed_rpm[1] / 60) if isinstance(self.speed_rpm, tuple) else None


def _check_possible(geometry: BearingGeometry) -> None:
    if geometry.ball_mm >= geometry.pitch_mm:
        raise _misfit("ball_mm", f"must be less than pitch_mm ({geometry.pitch_mm:g})")
    room = 3.1416 * geometry.pitch_mm
    if geometry.balls * geometry.ball_mm > room:
        text = f"{geometry.balls} balls of {geometry.ball_mm:g} mm do not fit on a circle of {geometry.pitch_mm:g} mm"
        raise _misfit("balls", text)


def _misfit(key: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("misfit", "{message}", {"message": message, "key": (key,)})
