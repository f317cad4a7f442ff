import os
import shutil
import signal

import pytest
from hypothesis import HealthCheck, settings

NOT_RUN = "NOT RUN (needs "

# On a busy machine everything may take long, which says nothing about what is tested.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def pytest_configure():
    """Whoever is started by `command &` ignores the keys of the terminal, and so would all that the tests start."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def pytest_runtest_setup(item):
    """`@pytest.mark.needs("systemd-analyze")`: skipped and named at the end; a failure when GYROSTAT_CI is set.

    root=True: also skipped and named when we are not root, and no failure, as the checks run as root or not.
    """
    programs = [program for marker in item.iter_markers("needs") for program in marker.args]
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("GYROSTAT_CI"):
        pytest.fail(f"{NOT_RUN}{', '.join(missing)})", pytrace=False)
    if missing:
        pytest.skip(f"{NOT_RUN}{', '.join(missing)})")
    if os.geteuid() and any(marker.kwargs.get("root") for marker in item.iter_markers("needs")):
        pytest.skip(f"{NOT_RUN}root)")


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if NOT_RUN in reason:
            terminalreporter.write_line(f"{reason.removeprefix('Skipped: ')}: {report.nodeid}", yellow=True)
