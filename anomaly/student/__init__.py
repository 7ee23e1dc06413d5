"""The student: a spiking network that fits the chip by construction, distilled from the teacher.

Files in the order of the data: `neuron_limits` (of the chip), `closed_form` (the first student, fitted without
gradients), `phases` (gates for a machine's cycle), `distillation` (training on the teacher's output); all of them make
a `circuit`, whose size a `budget` limits.
"""
