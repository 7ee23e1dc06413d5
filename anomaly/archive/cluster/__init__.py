"""Scoring on a Dask cluster: connection and checks, the model on its way to the workers, the work of a worker."""
