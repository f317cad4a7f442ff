"""The actors of a node: each owns its state and speaks to the others over the bus only."""
