"""The peers of a config as the bus takes them."""

from __future__ import annotations

from actors.settings.node import NodeSettings
from bus.carrier import Peer


def peers_of(node: NodeSettings) -> list[Peer]:
    """The peers of the config as the bus takes them."""
    return [
        Peer(
            node=name,
            facts=peer.facts or "",
            commands=peer.commands or "",
            replay=peer.replay or "",
            key=peer.key or "",
        )
        for name, peer in node.peers.items()
    ]
