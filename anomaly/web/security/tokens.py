"""Tokens of programs, in a file that only the server's user may read.

One line for each: ``NAME ROLE[+listen] TOKEN``, or a token alone, which may do everything. Lines that begin with # are
comments.
"""

from __future__ import annotations

import hashlib
import hmac
import stat
from dataclasses import dataclass
from pathlib import Path

from anomaly.errors import ConfigError
from anomaly.web.security.identity import Identity, Role

SHORTEST_TOKEN = 24
_HINT = "a line is `NAME ROLE[+listen] TOKEN`; make a token with `openssl rand -hex 32`"


@dataclass(frozen=True)
class TokenFile:
    """Identities by the SHA-256 of their tokens, so that no token stays in memory."""

    identities: tuple[tuple[bytes, Identity], ...] = ()

    def identity(self, token: str) -> Identity | None:
        """Return the owner of a token; the time does not tell how much of it is right."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        found = None
        for known, identity in self.identities:
            if hmac.compare_digest(known, digest):
                found = identity
        return found


def read_tokens(path: Path) -> TokenFile:
    """Read a file of tokens.

    Raises:
        ConfigError: it cannot be read, others may read it, or a line is wrong.
    """
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"cannot be read: {reason}", where=path, hint=_HINT) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError("others may read it", where=path, hint=f"chmod 600 {path}")
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1)]
    found = [_entry(path, number, words) for number, words in lines if words and not words[0].startswith("#")]
    if not found:
        raise ConfigError("holds no token", where=path, hint=_HINT)
    return TokenFile(tuple(found))


def _entry(path: Path, number: int, words: list[str]) -> tuple[bytes, Identity]:
    where = f"{path}:{number}"
    if len(words) == 1:
        words = ["token", "admin+listen", words[0]]
    role, plus, extra = words[1].partition("+") if len(words) == 3 else ("", "", "")
    if role not in tuple(Role) or (plus and extra != "listen"):
        raise ConfigError("is no token with its name and role", where=where, hint=_HINT)
    if len(words[2]) < SHORTEST_TOKEN:
        raise ConfigError(f"the token has fewer than {SHORTEST_TOKEN} characters", where=where, hint=_HINT)
    digest = hashlib.sha256(words[2].encode()).digest()
    return digest, Identity(words[0], Role(role), bool(plus), "token")
