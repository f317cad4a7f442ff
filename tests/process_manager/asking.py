"""What the tests of the ProcessManager ask a house, and how they pick a fact."""

from pathlib import Path

from bus.messages import ListProcesses


def row(house, name="web"):
    """What the ProcessManager says of a workload now."""
    return next(one for one in house.ask(ListProcesses()).processes if one.name == name)


def of(name, **fields):
    """Whether a fact is about a workload and has these fields."""
    return lambda fact: fact.subject == name and all(getattr(fact, key) == value for key, value in fields.items())


def said(house, text="on\n", name="web"):
    """Wait until the log of a workload has a text."""
    path = Path(row(house, name).log_path)
    house.until(lambda: text in path.read_text())
