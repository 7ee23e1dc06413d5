"""Web hook (CloudEvents, HMAC)."""
