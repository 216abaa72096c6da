"""Training speed of netgraph beside hand-written loops, each contender in a process of its own: `python -m benchmarks`."""
