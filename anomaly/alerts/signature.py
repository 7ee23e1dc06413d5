"""Signature of a body with a shared secret: HMAC-SHA256, for web hooks that leave and for answers that arrive.

The body holds an identifier and a time, so that the signature covers them too, and a receiver can refuse repetitions.
"""

from __future__ import annotations

import hashlib
import hmac

SIGNATURE_HEADER = "X-Anomaly-Signature"
KEY_HEADER = "Idempotency-Key"


def signature(secret: bytes, body: bytes) -> str:
    """Return the signature of a body: ``sha256=`` and 64 hex digits."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def is_genuine(secret: bytes, body: bytes, claimed: str) -> bool:
    """Return whether a signature is that of a body, in a time that says nothing about the right one."""
    return hmac.compare_digest(signature(secret, body).encode(), claimed.encode("utf-8", "replace"))
