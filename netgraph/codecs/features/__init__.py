"""Vectors of features, by an extractor that is given or that learns from the data."""
