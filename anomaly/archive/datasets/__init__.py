"""Public data sets: catalogue, download, verification, unpacking."""
