"""Report on a folder of scores: queries by DuckDB, and a page without anything from the net."""
