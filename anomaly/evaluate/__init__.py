"""Evaluation anybody can repeat: data-set layouts, metrics, pictures and reports.

``names`` and ``layouts`` read what a folder of recordings says about itself, ``metrics``,
``alarms`` and ``detection`` turn scores into figures, ``pictures``, ``timelines`` and ``report`` show them.
"""
