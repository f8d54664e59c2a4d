"""Plugins that change the process in which all plugins are loaded, with what `zoo plugins` says of each."""

from __future__ import annotations

from plugin_code import GOOD, OFFER

CHANGES = {
    # name: (code before a good plugin, what it is told to have changed)
    "json-patched": ("import json\njson.dumps = lambda *a, **k: '{}'", "json.dumps"),
    "json-class-patched": ("import json\njson.JSONEncoder.encode = lambda *a: '{}'", ".JSONEncoder.encode"),
    "pluggy-patched": (
        "import pluggy\npluggy.PluginManager.register = lambda *a, **k: 1 / 0",
        ".PluginManager.register",
    ),
    "importlib-patched": ("import importlib\nimportlib.import_module = lambda name: None", "importlib.import_module"),
    "core-patched": (
        "import zoo_core.specs\nzoo_core.specs.ModelSpec.__init__ = lambda self, **k: None",
        "zoo_core.specs.ModelSpec.__init__",
    ),
    "lazy-name-replaced": ("import zoo_core\nzoo_core.open_zoo = None", "zoo_core.open_zoo"),
    "lazy-name-of-a-package-replaced": (
        "import zoo_core.training\nzoo_core.training.best_row = print",
        "zoo_core.training.best_row",
    ),
    "open-patched": ("import builtins\nbuiltins.open = lambda *a, **k: 1 / 0", "builtins.open"),
    "path-emptied": ("import sys\nsys.path.clear()", "sys.path"),
    "modules-emptied": (
        "import sys\nfor name in list(sys.modules):\n    if name != __name__: del sys.modules[name]",
        "loaded modules (",
    ),
    "module-swapped": (
        "import sys, types\nsys.modules['json'] = types.ModuleType('json')",
        "loaded modules (json)",
    ),
    "memory-limited": (
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))",
        "limits of the process",
    ),
    "stdout-closed": ("import os\nos.close(1)", "its standard streams or the line to the zoo"),
    "folder-changed": ("import os\nos.chdir('/')", "the working folder"),
    "environment-emptied": ("import os\nos.environ.clear()", "the environment ("),
    "locale-changed": ("import locale\nlocale.setlocale(locale.LC_ALL, 'C.UTF-8')", "the locale"),
    "warnings-are-errors": ("import warnings\nwarnings.simplefilter('error')", "warnings, which are errors now"),
    "signals-ignored": ("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)", "signal handlers"),
    "alarm-set": ("import signal\nsignal.setitimer(signal.ITIMER_REAL, 3600)", "the alarm clock"),
    "recursion-limited": ("import sys\nsys.setrecursionlimit(120)", "the recursion limit"),
    "traced": ("import sys\nsys.settrace(lambda *a: None)", "tracing"),
}
"""What is found by a look at the process before and after."""

HIDDEN = {
    # name: code before a good plugin
    "audit-hook": """
        import sys
        sys.addaudithook(lambda event, given: 1 / 0 if event == "exec" and "zoo_later" in str(given[0]) else 0)
        """,
    "finder": """
        import sys
        class Nothing:
            @staticmethod
            def find_spec(name, path=None, target=None):
                if name.startswith("zoo_") and not name.startswith("zoo_hidden"):
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        sys.meta_path.insert(0, Nothing)
        """,
}
"""What no look at the process finds: plugins after it fail, until they are looked at where it is not."""

LYING = """
import gc, json, os
from zoo_core.children.child import Line
LINE = next(each for each in gc.get_objects() if isinstance(each, Line))
LINE.send({message})
"""
MESSAGES = (
    {"begin": 7},
    {"begin": "x"},
    {"end": 99, "record": {}},
    {"end": 0, "record": {"status": "ok"}},
    {"end": None},
    {},
)
"""What says something in the zoo's own name, with its own key."""

HARMLESS = """
import os, signal, sys, warnings
os.environ["A_LIBRARY_WANTS"] = "1"
warnings.simplefilter("ignore")
sys.path.insert(0, os.path.dirname(__file__))
sys.setrecursionlimit(5000)
sys.excepthook = print
sys.stdout = sys.stderr
"""
"""What libraries do, and nobody suffers from."""


def offering(code: str, name: str) -> str:
    """A plugin that does this first, and then offers a model of that name."""
    return f"{code}\n{GOOD}{OFFER.replace('good-model', name)}"
