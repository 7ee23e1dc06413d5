"""The teacher: a masked-frame autoencoder in torch, trained on normal sound, exported to ONNX.

Files in the order of the data: `augment` (variations of the recordings), `network` (the autoencoder and its errors),
`whitening`, `mean_innovation`, `phases` (statistics of normal sound), `fit` (training, on a `single_thread`), `export`
(to ONNX), `phase_classifier` (phases from the exported file).
"""
