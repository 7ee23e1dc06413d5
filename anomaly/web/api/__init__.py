"""HTTP API under /api/v1: operations, their schemas, and the description of them."""
