"""The student in closed form: fitted to normal sound in seconds, without gradients and without a teacher.

Files in the order of the data: `plan` (settings), `level_moments` (statistics of training levels), `whitening_filters`
(errors as linear filters), `encoder_fit` (size of events), `error_filters` (filters per event), `integer_weights` and
`filter_synapses` (whole weights on the chip), `scale_predictor` (thresholds that follow the loudness), `first_layer`
(membranes on held-out sound), `comparator_thresholds`, `drift_integrators`, `closed_form` (all of them in one circuit);
`tap_wire_costs` and `wire_aware` rebuild it with short wires.
"""
