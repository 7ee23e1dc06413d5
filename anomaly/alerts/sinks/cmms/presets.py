"""Presets: the requests of known maintenance systems, in ``presets.yaml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field

from anomaly.alerts.sinks.cmms.template import LookupTemplate, RequestTemplate
from anomaly.config import Text
from anomaly.config.section import ConfigSection
from anomaly.strict_yaml import load

PresetName = Literal["maximo", "sap-pm", "servicenow", "maintainx", "upkeep", "atlas"]
PRESET_NAMES: tuple[PresetName, ...] = get_args(PresetName)


class Preset(ConfigSection):
    """Requests of one system.

    Attributes:
        token_header: header that carries the token instead of ``Authorization``.
        csrf: a changing request must carry a token that the answer to the one before it holds (SAP Gateway).
    """

    lookup: LookupTemplate
    create: RequestTemplate
    update: RequestTemplate
    priorities: dict[Literal["minor", "major", "severe"], Text]
    values: dict[str, str] = Field(default_factory=dict)
    token_header: Text | None = None
    csrf: bool = False


@cache
def preset(name: PresetName) -> Preset:
    """Return the requests of a system."""
    content, _ = load(Path(__file__).with_name("presets.yaml"))
    return Preset.model_validate(content[name])
