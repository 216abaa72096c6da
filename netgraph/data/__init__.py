"""The forms that data comes in, as batches of named tensors: columns held in memory, or a stream of batches."""
