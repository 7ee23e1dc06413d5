"""Dashboard: the HTTP API and the server of the pages."""
