"""Taking nets apart and putting them together: every function gives a new net, arrays travel along."""
