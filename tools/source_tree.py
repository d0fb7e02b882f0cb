"""Which files belong to the project, and their text without what is not code."""

import re
import subprocess

_TOKENS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def files(root, suffixes=None):
    """Paths from the root, of every file that is committed or could be; build products are not."""
    done = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"],
                          check=True, capture_output=True, text=True)
    names = sorted(set(done.stdout.splitlines()))
    return [name for name in names
            if (suffixes is None or name.endswith(suffixes)) and (root / name).is_file()]


def _blank(match):
    """Keeps the line breaks, so that line numbers stay true."""
    text = match.group(0)
    breaks = "\n" * text.count("\n")
    return breaks or " " if text.startswith("/") else '""' + breaks


def code_only(text):
    """C++ text without comments and without the contents of literals."""
    return _TOKENS.sub(_blank, text)
