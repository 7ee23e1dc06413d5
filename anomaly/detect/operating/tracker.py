"""Tracking of a machine from one operating state to the next, second by second."""

from __future__ import annotations

from dataclasses import dataclass

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
        self._path: list[float] | None = None
        self._state_before: int | None = None
        self._held = 0
        self._ramp_too_long = False

    def second(self, spectrum: Spectrum) -> OperatingResult:
        """Take the levels of one second, [OPERATING_BANDS], dB."""
        return self.seconds(spectrum[None])[0]

    def seconds(self, spectra: Spectrum) -> list[OperatingResult]:
        """Take the levels of seconds that follow each other, [n, OPERATING_BANDS], dB."""
        states = self._states
        if states is None:
            return [OperatingResult(OperatingState.UNKNOWN, True)] * len(spectra)
        explained, rest = states.explain(spectra).tolist(), states.at_rest(spectra).tolist()
        return [
            self._take(states, spectrum, now, at_rest)
            for spectrum, now, at_rest in zip(spectra, explained, rest, strict=True)
        ]

    def _take(
        self, states: OperatingStates, spectrum: Spectrum, now: list[float], at_rest: bool
    ) -> OperatingResult:
        count = len(states.centre)
        # States are numbered: those of training, then a ramp, unknown, and far quieter than all training sound.
        ramp, unknown, far_quieter = count, count + 1, count + 2
        if at_rest:
            state, self._path = far_quieter, None
        else:
            state = self._best_state(now, states.change_penalty)
        if state == ramp:
            return self._ramp(states.longest_ramp_s)
        unlearned = state == far_quieter and not states.is_confirmed_stop(spectrum)
        is_stop = state in (states.stopped, far_quieter) and not unlearned
        late, self._held = self._resolve(state, known=state != unknown, is_stop=is_stop), 0
        if state == unknown:
            return OperatingResult(OperatingState.UNKNOWN, True, late)
        self._state_before, self._ramp_too_long = state, False
        if unlearned:
            levels = tuple(round(float(level), 2) for level in spectrum)
            return OperatingResult(OperatingState.UNKNOWN, False, late, levels)
        if is_stop:
            return OperatingResult(OperatingState.STOPPED, False, late)
        return OperatingResult(OperatingState.RUNNING, True, late)

    def reset(self) -> None:
        """Restart: samples are missing, or the microphone was faulty."""
        self._path, self._state_before, self._held, self._ramp_too_long = None, None, 0, False

    def _best_state(self, now: list[float], change_penalty: float) -> int:
        """Return the state at the end of the best path: staying costs nothing, a change its penalty."""
        if self._path is not None:
            best, ramp = max(self._path), self._path[-2]
            change = [max(best - change_penalty, ramp - RAMP_CHANGE_PENALTY)] * len(now)
            change[-2] = best - RAMP_CHANGE_PENALTY
            now = [
                own + max(*before)
                for own, before in zip(now, zip(self._path, change, strict=True), strict=True)
            ]
        highest = max(now)
        self._path = [own - highest for own in now]
        return now.index(highest)

    def _ramp(self, longest_s: int) -> OperatingResult:
        if self._ramp_too_long:
            return OperatingResult(OperatingState.UNKNOWN, True)
        if self._held >= longest_s:
            late, self._held, self._ramp_too_long = self._held, 0, True
            return OperatingResult(OperatingState.UNKNOWN, True, late)
        self._held += 1
        return OperatingResult(OperatingState.RAMPING, False)

    def _resolve(self, state: int, *, known: bool, is_stop: bool) -> int:
        """Return the number of held seconds that were no ramp."""
        if not known or self._state_before is None:
            return self._held
        # Between two seconds of a stop that nobody knows, the machine may sound through a bad microphone.
        return 0 if state != self._state_before or is_stop else self._held
