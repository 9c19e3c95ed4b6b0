"""The networks, a kind a file: each a recurrence over a session's clicks with an explicit state.

Legend, here and wherever a shape stands beside a tensor:

    B  sessions (users) in the batch      L  layers
    T  clicks of a sequence               H  hidden size
    F  feature columns                    E  embedding size
    V  items                              N  clicks that are scored together
    D  size of what is compared with the items (E, for most)
"""
