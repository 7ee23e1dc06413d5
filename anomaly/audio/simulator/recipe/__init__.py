"""Recipe of a kind of machine: ``source_models`` and ``model`` (its keys), ``recipe_file`` (read from YAML)."""
