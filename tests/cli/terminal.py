"""A terminal of 80 by 24 for tests: tmux, on a socket of its own."""

import subprocess
import time


class Terminal:
    """Runs one command line in the directory."""

    def __init__(self, folder):
        self._tmux = ["tmux", "-S", str(folder / "tmux.sock"), "-f", "/dev/null"]
        self._folder = folder

    def run(self, line):
        keep = [*self._tmux, "new-session", "-d", "-x", "80", "-y", "24", "-c", str(self._folder)]
        subprocess.run([*keep, line], check=True, timeout=30)

    def keys(self, *keys):
        subprocess.run([*self._tmux, "send-keys", *keys], check=True, timeout=30)

    def screen(self):
        show = [*self._tmux, "capture-pane", "-p"]
        return subprocess.run(show, check=True, capture_output=True, text=True, timeout=30).stdout

    def wait(self, wanted):
        """The screen, once it has the text."""
        until_s = time.monotonic() + 60
        while wanted not in (shown := self.screen()):
            assert time.monotonic() < until_s, f"{wanted!r} never came:\n{shown}"
            time.sleep(0.05)
        return shown

    def close(self):
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True, timeout=30)
