"""Print what happens on a node: python docs/examples/listen.py ./var process issue.raised

The first argument is the node's state directory; topics may follow, none means all. Needs only the package `bus`.
"""

import sys

from bus.subscriber import Subscriber

with Subscriber(sys.argv[1], topics=sys.argv[2:]) as events:
    for event in events:
        print(event.type, event.subject, event.data, flush=True)
