"""Measurements: what is known of a net beyond its loss, on any data."""
