"""A small conversion, made once."""

from __future__ import annotations

import pytest

from chip.distil.api import Converted, convert
from chip.distil.options import ConversionOptions
from support.small_networks import blobs, classifier

QUICK = ConversionOptions(steps=16, training_steps=120, spike_steps=20, candidates=False)


@pytest.fixture(scope="session")
def quick() -> ConversionOptions:
    return QUICK


@pytest.fixture(scope="session")
def converted() -> Converted:
    samples, labels = blobs()
    return convert(classifier(), samples, labels, options=QUICK)
