"""Evaluation: plain data to tensors and back, one example or a batch, padding and lengths, devices, gradients, states."""
