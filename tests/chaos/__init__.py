"""Workers and brokers broken on purpose under steady clicks, and a checker that believes none of them.

    checker/         what must hold of the topics afterwards; shares no code with the worker
    schedule         which fault when, from a seed
    ...              the rest starts, breaks and watches processes

`make chaos`, `make soak` and `python -m tests.chaos.recovery_time` run it.
"""
