"""Refusals of the API, and the status that an error of the program has."""

from __future__ import annotations

from anomaly.errors import AnomalyError, ConfigError, InputError, ModelError, UsageError


class ApiError(Exception):
    """Request that is refused.

    Args:
        status: of HTTP.
        message: what is wrong, one sentence without a full stop.
        hint: what to do.
        retry_after_s: seconds after which to try again.
    """

    def __init__(
        self, status: int, message: str, hint: str | None = None, *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.hint, self.retry_after_s = status, message, hint, retry_after_s


def refusal_of(error: AnomalyError) -> ApiError:
    """Return the refusal for an error; paths of this computer stay out of it."""
    message = str(error) if error.where is not None and "/" not in error.where else error.message
    if isinstance(error, UsageError):
        return ApiError(422, message, error.hint)
    if isinstance(error, InputError | ModelError):
        return ApiError(409, message, error.hint)
    if isinstance(error, ConfigError):
        return ApiError(409, message, error.hint)
    return ApiError(424, message, error.hint)
