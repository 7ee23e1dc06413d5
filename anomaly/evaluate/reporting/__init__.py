"""Reports of an evaluation: result tables, plots, HTML pages."""
