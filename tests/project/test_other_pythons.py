"""The Pythons of the classifiers that the tests do not run on: syntax, and what their library no longer has."""

from __future__ import annotations

import ast
import sys
import tomllib

from archives import PACKAGES, ROOT, run_tool

PROJECT = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())
# Modules that Python 3.12 and 3.13 took out of the library of 3.11.
GONE = {
    *("asynchat", "asyncore", "distutils", "imp", "smtpd"),
    *("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis", "nntplib"),
    *("ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"),
}


def test_the_oldest_python_is_the_same_everywhere() -> None:
    listed = [text.rpartition(" ")[2] for text in PROJECT["project"]["classifiers"] if ":: 3." in text]
    oldest = listed[0]
    assert PROJECT["project"]["requires-python"] == f">={oldest}"
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"


def test_syntax_and_library_of_the_oldest_python_are_enough() -> None:
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    run = "import sys, vermin; sys.exit(vermin.main())"
    command = (sys.executable, "-c", run, f"-t={oldest}-", "--no-tips", "--violations", *PACKAGES)
    done = run_tool(*command, cwd=ROOT)
    assert done.code == 0, done.stdout + done.stderr


def test_nothing_is_imported_that_a_newer_python_lacks() -> None:
    found = []
    for path in (path for package in PACKAGES for path in ROOT.joinpath(package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            found += [f"{path.name}: {name}" for name in names if name.partition(".")[0] in GONE]
    assert not found
