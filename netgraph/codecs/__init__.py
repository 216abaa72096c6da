"""Encoders and decoders: what turns raw objects into arrays at an input port, and arrays into objects at an output port."""
