"""Fixtures of the store."""

from __future__ import annotations

from support.alert_store import clock, path, store

__all__ = ["clock", "path", "store"]
