"""Public data sets: ``catalogue``, ``fetch_plan``, ``fetch`` by ``remote``, ``zenodo``, ``download`` and ``unpack``."""
