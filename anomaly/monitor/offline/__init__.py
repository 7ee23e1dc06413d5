"""Work on stored scores and clips: calibration, feedback, replay, comparison of versions."""
