"""Load of the dashboard."""
