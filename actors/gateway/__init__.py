"""Gateway: the node over HTTP, for people and programs that do not speak the bus.

It knows nothing by itself: every answer is what an actor says when asked, kept for a moment, and every action is a
command to the actor that carries it out. `routes.py` is the one table of what there is; the OpenAPI document, the
checks of what comes in, and the serving are made from it. Bytes go in and out in a thread of its own (`serving.py`),
which asks the actor's thread and never blocks it.
"""
