"""Chat services and SMS gateways by Apprise."""
