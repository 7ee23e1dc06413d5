"""The examples of docs/sinks.md are sections of a site file that the program takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from anomaly.config import Site
from anomaly.sink_kinds import sink_kind_names

PAGE = Path(__file__).parents[2] / "docs" / "sinks.md"
BLOCK = re.compile(r"```yaml\n(sinks:.*?)```", re.DOTALL)
EXAMPLES = BLOCK.findall(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split()[1].rstrip(":"))
def test_examples(example: str) -> None:
    site = Site.model_validate(yaml.safe_load(example))
    assert len(site.sinks.names) == 1


def test_each_kind_has_an_example() -> None:
    documented = {kind for example in EXAMPLES for kind in yaml.safe_load(example)["sinks"]}
    # Web hook and MQTT are in docs/alerts.md.
    assert documented | {"webhook", "mqtt"} == set(sink_kind_names())
