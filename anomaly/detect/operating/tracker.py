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
        """True if the sound is known to be that of the machine."""
        return self.unlearned_stop is None


class OperatingTracker:
    """Tracks the operating state of a machine by the best path through its states (Viterbi, 1967), second by second.

    A second that may belong to a ramp is held, not dropped: if the state before it follows, or no known state, or no
    state within ``longest_ramp_s``, it was no ramp, and the decision takes it late. Held seconds between two stops are
    dropped: the machine stood, and what sounded was not the machine; not between stops that nobody knows.

    Args:
        states: states learned in training; None (an old bundle) for a machine without.
    """

    def __init__(self, states: OperatingStates | None) -> None:
        self._states = states
        self._path: Spectrum | None = None
        self._state_before: int | None = None
        self._held = 0
        self._ramp_too_long = False

    def second(self, spectrum: Spectrum) -> OperatingResult:
        """Take the levels of one second, [OPERATING_BANDS], dB."""
        if self._states is None:
            return OperatingResult(OperatingState.UNKNOWN, True)
        count = len(self._states.centre)
        # States are numbered: those of training, then a ramp, unknown, and far quieter than all training sound.
        state = (
            count + 2 if self._states.at_rest(spectrum) else self._best_state(self._states.explain(spectrum))
        )
        if state == count + 2:
            self._path = None
        if state == count:
            return self._ramp()
        unlearned = state == count + 2 and not self._states.is_confirmed_stop(spectrum)
        late, self._held = self._resolve(state, known=state != count + 1, unlearned=unlearned), 0
        if state == count + 1:
            return OperatingResult(OperatingState.UNKNOWN, True, late)
        self._state_before, self._ramp_too_long = state, False
        if unlearned:
            levels = tuple(round(float(level), 2) for level in spectrum)
            return OperatingResult(OperatingState.UNKNOWN, False, late, levels)
        if self._is_stop(state):
            return OperatingResult(OperatingState.STOPPED, False, late)
        return OperatingResult(OperatingState.RUNNING, True, late)

    def reset(self) -> None:
        """Restart: samples are missing, or the microphone was faulty."""
        self._path, self._state_before, self._held, self._ramp_too_long = None, None, 0, False

    def _best_state(self, now: Spectrum) -> int:
        """Return the state at the end of the best path: staying costs nothing, a change its penalty."""
        if self._path is not None and self._states is not None:
            from_ramp = self._path[-2] - RAMP_CHANGE_PENALTY
            change = np.full(
                len(now), max(float(self._path.max()) - self._states.change_penalty, float(from_ramp))
            )
            change[-2] = float(self._path.max()) - RAMP_CHANGE_PENALTY
            now = now + np.maximum(self._path, change)
        self._path = now - now.max()
        return int(now.argmax())

    def _ramp(self) -> OperatingResult:
        longest = self._states.longest_ramp_s if self._states is not None else 0
        if self._ramp_too_long:
            return OperatingResult(OperatingState.UNKNOWN, True)
        if self._held >= longest:
            late, self._held, self._ramp_too_long = self._held, 0, True
            return OperatingResult(OperatingState.UNKNOWN, True, late)
        self._held += 1
        return OperatingResult(OperatingState.RAMPING, False)

    def _resolve(self, state: int, *, known: bool, unlearned: bool) -> int:
        """Return the number of held seconds that were no ramp."""
        if not known or self._state_before is None:
            return self._held
        if unlearned and state == self._state_before:
            # Nobody knows that the machine stands: what sounds in between may be the machine through a bad microphone.
            return self._held
        return 0 if state != self._state_before or self._is_stop(state) else self._held

    def _is_stop(self, state: int) -> bool:
        """True for the stopped state of training and for sound far quieter than all training sound."""
        return self._states is not None and state in (self._states.stopped, len(self._states.centre) + 2)
