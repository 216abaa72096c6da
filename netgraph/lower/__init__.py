"""From a typed net to a plan of flat steps (no torch), one generated forward function, and one nn.Module around it."""
