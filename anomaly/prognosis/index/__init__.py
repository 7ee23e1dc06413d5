"""Health index over time: from stored scores, from a table of scores, or from recordings alone."""
