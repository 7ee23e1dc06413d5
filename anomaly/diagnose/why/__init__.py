"""Reason of an anomaly: the band, the kind and the size of a change against normal sound."""
