"""JSON types of the HTTP API, from which its OpenAPI description is made."""
