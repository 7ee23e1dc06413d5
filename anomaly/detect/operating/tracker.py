"""Tracking of a machine from one operating state to the next, second by second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.detect.operating.states import RAMP_CHANGE_PENALTY, OperatingState, OperatingStates, Spectrum


@dataclass(frozen=True)
class OperatingResult:
    """Operating state of one second, and what follows from it for the decision.

    Args:
        operating: what the machine is doing.
        counts: whether the decision takes this second now.
        late: number of held seconds that prove to be no ramp: the decision takes them now, before this one.
        unlearned_stop: levels of a second that is far quieter than all training sound and resembles no known stop,
            [OPERATING_BANDS], dB: the machine stopped, or the microphone fails; which of the two is not known. None
            for all other seconds.
    """

    operating: OperatingState
    counts: bool
    late: int = 0
    unlearned_stop: tuple[float, ...] | None = None

    @property
    def can_be_judged(self) -> bool:
        """Whether it is known that the sound is that of the machine."""
        return self.unlearned_stop is None


class OperatingTracker:
    """Follows a machine from state to state.

    A second that may belong to a ramp is held back, not dropped: if what follows is the state that went before,
    or no known state, or nothing within ``longest_ramp_s``, it was no ramp, and the decision takes it late. Between
    rest and rest it does not: the machine stood, and a blow in the hall was heard as it is heard nowhere else.

    Args:
        states: what training found; None (an old bundle) for a machine of which nothing is known.
    """

    def __init__(self, states: OperatingStates | None) -> None:
        self._states = states
        self._worth: Spectrum | None = None
        self._before: int | None = None
        self._held = 0
        self._given_up = False

    def second(self, spectrum: Spectrum) -> OperatingResult:
        """Take the group levels of one second."""
        if self._states is None:
            return OperatingResult(OperatingState.UNKNOWN, True)
        count = len(self._states.centre)
        # Far quieter than all training sound is a state of its own, numbered after all others.
        place = count + 2 if self._states.at_rest(spectrum) else self._follow(self._states.explain(spectrum))
        if place == count + 2:
            self._worth = None
        if place == count:
            return self._ramp()
        late, self._held = self._resolve(place, known=place != count + 1), 0
        if place == count + 1:
            return OperatingResult(OperatingState.UNKNOWN, True, late)
        self._before, self._given_up = place, False
        if place == count + 2 and not self._states.is_confirmed_stop(spectrum):
            levels = tuple(round(float(level), 2) for level in spectrum)
            return OperatingResult(OperatingState.UNKNOWN, False, late, levels)
        if self._rests(place):
            return OperatingResult(OperatingState.STOPPED, False, late)
        return OperatingResult(OperatingState.RUNNING, True, late)

    def reset(self) -> None:
        """After a gap, or a time in which nothing could be heard."""
        self._worth, self._before, self._held, self._given_up = None, None, 0, False

    def _follow(self, now: Spectrum) -> int:
        """The state with the best history so far: staying is free, changing costs a penalty, or a ramp's."""
        if self._worth is not None and self._states is not None:
            from_ramp = self._worth[-2] - RAMP_CHANGE_PENALTY
            change = np.full(
                len(now), max(float(self._worth.max()) - self._states.change_penalty, float(from_ramp))
            )
            change[-2] = float(self._worth.max()) - RAMP_CHANGE_PENALTY
            now = now + np.maximum(self._worth, change)
        self._worth = now - now.max()
        return int(now.argmax())

    def _ramp(self) -> OperatingResult:
        longest = self._states.longest_ramp_s if self._states is not None else 0
        if self._given_up:
            return OperatingResult(OperatingState.UNKNOWN, True)
        if self._held >= longest:
            late, self._held, self._given_up = self._held, 0, True
            return OperatingResult(OperatingState.UNKNOWN, True, late)
        self._held += 1
        return OperatingResult(OperatingState.RAMPING, False)

    def _resolve(self, place: int, *, known: bool) -> int:
        """How many of the seconds held back were no ramp."""
        if not known or self._before is None:
            return self._held
        return 0 if place != self._before or self._rests(place) else self._held

    def _rests(self, place: int) -> bool:
        """Whether a place is the machine at rest, heard in training or not."""
        return self._states is not None and place in (self._states.stopped, len(self._states.centre) + 2)
