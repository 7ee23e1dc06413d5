"""Scores for folders of recordings: ``scan`` finds them, ``scores`` judges them, ``tables`` writes them down."""
