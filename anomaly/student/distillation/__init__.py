"""Distillation: the student is trained on the error levels of its teacher."""
