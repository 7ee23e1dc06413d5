"""The student: a spiking network that fits the chip by construction, distilled from the teacher."""
