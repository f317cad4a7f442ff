import os
import shutil

import pytest

NOT_RUN = "NOT RUN (needs "


def pytest_runtest_setup(item):
    """`@pytest.mark.needs("systemd-analyze")`: skipped and named at the end; a failure when GYROSTAT_CI is set."""
    programs = [program for marker in item.iter_markers("needs") for program in marker.args]
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("GYROSTAT_CI"):
        pytest.fail(f"{NOT_RUN}{', '.join(missing)})", pytrace=False)
    if missing:
        pytest.skip(f"{NOT_RUN}{', '.join(missing)})")


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if NOT_RUN in reason:
            terminalreporter.write_line(f"{reason.removeprefix('Skipped: ')}: {report.nodeid}", yellow=True)
