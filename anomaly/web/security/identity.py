"""Identity of a request: a name, a role, and the rights that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Right(StrEnum):
    """Right to do something."""

    VIEW = "view"
    """See states, scores, cases and pictures."""
    OPERATE = "act"
    """Acknowledge and close cases, score recordings, send test alerts."""
    ADMINISTER = "admin"
    """Add machines, record, train, activate models."""
    LISTEN = "listen"
    """Listen to clips and see the live picture in full; logged."""


class Role(StrEnum):
    """Role of a user."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


_RIGHTS = {
    Role.VIEWER: frozenset({Right.VIEW}),
    Role.OPERATOR: frozenset({Right.VIEW, Right.OPERATE}),
    Role.ADMIN: frozenset({Right.VIEW, Right.OPERATE, Right.ADMINISTER}),
}
Way = Literal["local", "session", "token"]


@dataclass(frozen=True)
class Identity:
    """Person or program behind a request.

    Args:
        name: in the history of cases and the log of actions.
        role: of the user.
        listen: may listen to sound.
        way: ``local``: this computer without users; ``session``: a cookie; ``token``: a header.
        session: number of the session, or "" without one.
    """

    name: str
    role: Role
    listen: bool
    way: Way
    session: str = ""

    @property
    def rights(self) -> frozenset[Right]:
        """All that the identity may do."""
        return _RIGHTS[self.role] | ({Right.LISTEN} if self.listen else frozenset())
