"""Sounds to arrays: samples, spectra, mel bands, cepstra."""
