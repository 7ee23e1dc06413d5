"""The teacher: a masked-frame autoencoder in torch, trained on normal sound, exported to ONNX."""
