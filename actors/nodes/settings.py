"""Settings of the actor `nodes`. Types only; pure."""

from msgspec import Struct

from actors.settings import Seconds


class NodesSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often peers are looked at, and how often they are told how this node is."""

    look_every: Seconds = Seconds(0.5)
    """Seconds between two looks at who is heard; that much later than the third missed heartbeat a node is gone.
    A node that knows of no peer looks every status_every."""

    status_every: Seconds = Seconds(2)
    """Seconds between two tellings of this node's status to its peers. Without peers nothing is told."""

    answer_within: Seconds = Seconds(2)
    """Seconds that the actors of this node have to say how they are; who says nothing is named as missing."""

    def __post_init__(self) -> None:
        """Refuse what would look or tell without a pause.

        Raises: ValueError.
        """
        for name in ("look_every", "status_every", "answer_within"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: has to be more than 0s")
