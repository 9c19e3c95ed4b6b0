"""The benchmark: what the worker does with a machine, beside what others would do with it.

Nothing here is imported by the worker. `python -m benchmarks` runs it; `benchmarks/README.md` says how to read it.
"""
