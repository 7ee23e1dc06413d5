"""Helpers and fixtures that several folders of the tests share."""
