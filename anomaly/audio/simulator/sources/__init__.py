"""Sound of each kind of source before any path: ``excite`` calls the module of the kind."""
