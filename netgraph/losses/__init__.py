"""Choosing losses and attaching them to a net, by ordinary composition."""
