"""Evaluation: data-set layouts, metrics, reports and the detection bench.

``layouts`` recognises a folder of recordings, ``run`` scores its test part, ``metrics`` turns scores into figures and
``reporting`` shows them; ``bench`` trains and measures detectors on sets made at run time.
"""
