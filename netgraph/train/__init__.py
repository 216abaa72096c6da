"""Training: options, preparation, method, plan, step, loop, observers, results; `net_train` only wires them."""
