"""Start of a student: the network's own function in other units, at the size that fits."""

from __future__ import annotations

import numpy as np

from chip.distil.grouping import fit_inputs
from chip.distil.reduction import reduce_units, shares
from chip.distil.start import doubled, network_start, randomised
from chip.dnn.expression import INPUT, Expression
from chip.dnn.layers import Dnn, UnitLayer

RANDOM = np.random.default_rng(0)


def relu_network(inputs: int, hidden: int, outputs: int) -> Dnn:
    from scipy import sparse

    one, two = RANDOM.normal(size=(hidden, inputs)), RANDOM.normal(size=(outputs, hidden))
    drive = Expression((hidden,), {INPUT: sparse.csr_array(one)}, RANDOM.normal(size=hidden))
    output = Expression((outputs,), {1: sparse.csr_array(two)}, np.zeros(outputs))
    return Dnn("x", (inputs,), (UnitLayer("relu", "relu", drive),), output, "none")


def test_inputs_are_scaled_and_dark_values_rest() -> None:
    samples = np.stack([RANDOM.uniform(0, 16, 500), RANDOM.normal(size=500), RANDOM.uniform(90, 110, 500)], 1)
    inputs = fit_inputs(samples, 128)
    assert inputs.offset[0] == inputs.offset[1] == 0
    assert abs(inputs.offset[2] - 100) < 1
    rates = inputs.rates(samples)
    assert (np.abs(rates).max(axis=0) > 0.95).all()
    matrix, constant = inputs.expansion(3)
    inside = np.abs(rates).max(axis=1) < 1
    np.testing.assert_allclose((rates @ matrix.T + constant)[inside], samples[inside])


def test_more_values_than_pads_are_grouped_by_likeness() -> None:
    base = RANDOM.normal(size=(300, 5))
    samples = np.repeat(base, 4, axis=1) + 0.01 * RANDOM.normal(size=(300, 20))
    groups = fit_inputs(samples, 5).groups
    assert [group.tolist() for group in groups] == [list(range(4 * at, 4 * at + 4)) for at in range(5)]


def test_units_that_follow_from_others_are_left_out() -> None:
    base = RANDOM.random((200, 4))
    units = np.concatenate([base, base @ RANDOM.random((4, 6)), np.zeros((200, 1))], axis=1)
    kept, fold = reduce_units(units, np.ones(11), 4)
    assert len(kept) == 4
    np.testing.assert_allclose(units[:, kept] @ fold.T, units, atol=0.05)


def test_shares_fill_the_neurons() -> None:
    assert shares([10, 20], 100) == [10, 20]
    found = shares([1200, 600, 30], 300)
    assert 280 < sum(found) <= 300
    assert found[0] > found[1] > found[2] >= 8


def test_the_start_computes_what_the_network_does() -> None:
    dnn, samples = relu_network(6, 12, 3), RANDOM.normal(size=(400, 6))
    shape = network_start(dnn, fit_inputs(samples, 128), samples, 500, 2, centre=False)
    for own in (shape, doubled(shape)):
        rates = own.inputs.rates(samples)
        hidden = np.maximum(rates @ own.layers[0].weight.T + own.layers[0].bias, 0)
        output = hidden @ own.layers[1].weight.T + own.layers[1].bias
        values = np.stack([output[:, list(m)].mean(axis=1) for m in own.members], 1) * own.gain + own.offset
        inside = (np.abs(rates) < 1).all(axis=1)
        expected = dnn.output_of(samples)
        if own is shape:
            np.testing.assert_allclose(values[inside], expected[inside], atol=1e-6)
        assert np.corrcoef(values.ravel(), expected.ravel())[0, 1] > 0.9
    assert doubled(shape).layers[0].size == 2 * shape.layers[0].size
    assert randomised(shape, 0).layers[1].weight.shape == shape.layers[1].weight.shape
