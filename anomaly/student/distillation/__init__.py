"""Distillation: training of the student on the error levels of its teacher.

Files in the order of the data: `plan` (settings), `pseudo_anomalies` (disturbed normal sound), `teacher_gap` (whether
the teacher detects more), `training_windows` (events and the teacher's output), `neuron` and `circuit_model` (the
circuit in torch), `ranking_loss`, `gradient_training` (on an `accelerator`), `criterion` (validation without labels),
`distil` (all of it).
"""
