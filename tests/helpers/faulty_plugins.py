"""Plugins that fail, as text, with what `zoo plugins` says of each."""

from __future__ import annotations

from plugin_code import GOOD, OFFER

from zoo_core.installation import update_command

FAMILY = """
from zoo_core import ModelFamily, hookimpl
@hookimpl
def zoo_families():
    yield ModelFamily(prefix='fam', {})
"""
FAULTS = {
    # name: (code of the package zoo_bad, status, a part of the problem)
    "raises": ("1 / 0", "broken", "when it is imported: ZeroDivisionError: division by zero (zoo_bad/__init__.py:1)"),
    "sys-exit": ("import sys\nsys.exit(3)", "broken", "it calls sys.exit(3) (zoo_bad/__init__.py:2)"),
    "keyboard-interrupt": ("raise KeyboardInterrupt", "broken", "it raises KeyboardInterrupt"),
    "os-exit": (
        "import os\nos._exit(0)",
        "broken",
        "its process ends with exit code 0 while it is being loaded",
    ),
    "segfault": (
        "import ctypes\nctypes.string_at(0)",
        "broken",
        "its process was killed by SIGSEGV while it is being loaded (zoo_bad/__init__.py:2)",
    ),
    "killed": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        "broken",
        "its process was killed by SIGKILL (which a system does when it runs out of memory) while it is being loaded",
    ),
    "endless-import": (
        "while True:\n    pass",
        "broken",
        "it is not loaded after 5 s (ZOO_PLUGIN_TIMEOUT) (zoo_bad/__init__.py:",
    ),
    "no-module-at-all": (
        "import sys\nsys.modules['zoo_bad.part'] = None\n1 / 0",
        "broken",
        "ZeroDivisionError: division by zero (zoo_bad/__init__.py:3)",
    ),
    "closes-every-file": ("import os\nos.closerange(0, 64)", "broken", "its process ends with exit code"),
    "syntax-error": ("def broken(:\n", "broken", "(zoo_bad/__init__.py:1)"),
    "evil-message": (
        "class Evil(Exception):\n    def __str__(self): raise ValueError\nraise Evil",
        "broken",
        "Evil: (its message cannot be shown)",
    ),
    "long-message": ("raise ValueError('x' * 5000)", "broken", "xxx... (zoo_bad/__init__.py:1)"),
    "missing-dependency": (
        "import no_such_library",
        "unavailable",
        "it needs the package 'no_such_library', which is not installed (zoo_bad/__init__.py:1)",
    ),
    "missing-name-in-library": (
        "from click import no_such_thing",
        "unavailable",
        "ImportError: cannot import name 'no_such_thing' from 'click'",
    ),
    "own-module-missing": (
        "import zoo_bad.no_such_part",
        "broken",
        "ModuleNotFoundError: No module named 'zoo_bad.no_such_part' (zoo_bad/__init__.py:1)",
    ),
    "reads-stdin": ("input('who are you? ')", "broken", "EOFError"),
    "no-hook": ("x = 1", "broken", "it implements no hook, for example zoo_models or zoo_datasets"),
    "not-decorated": ("def zoo_models():\n    return []", "broken", "zoo_models is not decorated with @hookimpl"),
    "misspelt-hook": (
        "from zoo_core import hookimpl\n@hookimpl\ndef zoo_modles():\n    return []",
        "broken",
        "unknown hook 'zoo_modles' at zoo_bad/__init__.py:2. Did you mean 'zoo_models'",
    ),
    "wrong-hook-arguments": (
        "from zoo_core import hookimpl\n@hookimpl\ndef zoo_models(register):\n    return []",
        "broken",
        "zoo_models(register) at zoo_bad/__init__.py:2: it takes no arguments",
    ),
    "returns-none": (
        "from zoo_core import hookimpl\n@hookimpl\ndef zoo_models():\n    []",
        "broken",
        "zoo_models at zoo_bad/__init__.py:2 returns nothing, not an iterable of ModelSpec",
    ),
    "returns-number": (
        "from zoo_core import hookimpl\n@hookimpl\ndef zoo_datasets():\n    return 3",
        "broken",
        "zoo_datasets at zoo_bad/__init__.py:2 returns a int, not an iterable of DatasetSpec",
    ),
    "returns-one-spec": (
        GOOD + "@hookimpl\ndef zoo_models():\n    return spec('alone')",
        "broken",
        "returns a ModelSpec, not an iterable of ModelSpec",
    ),
    "returns-text": (
        "from zoo_core import hookimpl\n@hookimpl\ndef zoo_models():\n    return 'lenet'",
        "broken",
        "returns a str, not an iterable of ModelSpec",
    ),
    "offers-dictionary": (
        "from zoo_core import hookimpl\n@hookimpl\ndef zoo_models():\n    yield {'name': 'x'}",
        "broken",
        "zoo_models at zoo_bad/__init__.py:2 offers a dict, not a ModelSpec",
    ),
    "offers-wrong-kind": (
        GOOD + "@hookimpl\ndef zoo_datasets():\n    yield spec('x')",
        "broken",
        "offers a ModelSpec, not a DatasetSpec",
    ),
    "offers-class": (
        "from zoo_core import ModelSpec, hookimpl\n@hookimpl\ndef zoo_models():\n    yield ModelSpec",
        "broken",
        "offers the class ModelSpec, not a ModelSpec",
    ),
    "half-failing-generator": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('first')\n    raise OSError('the rest is gone')",
        "broken",
        "in zoo_models: OSError: the rest is gone (zoo_bad/__init__.py:",
    ),
    "endless-generator": (
        GOOD + "@hookimpl\ndef zoo_models():\n    while True:\n        yield spec('again')",
        "broken",
        "offers 'again' twice",
    ),
    "hook-exits": (
        "import sys\nfrom zoo_core import hookimpl\n@hookimpl\ndef zoo_models():\n    sys.exit('bye')",
        "broken",
        "in zoo_models, it calls sys.exit('bye') (zoo_bad/__init__.py:5)",
    ),
    "bad-spec": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('Bad Name')",
        "broken",
        "in zoo_models: ModelSpec: 'Bad Name' is not a name",
    ),
    "positional-options": (
        GOOD.replace("*, num_classes", "num_classes") + OFFER,
        "broken",
        "parameter 'num_classes' of build must be keyword-only",
    ),
    "unusable-option": (
        GOOD.replace("num_classes: int = 10", "num_classes: int = 10, sizes: dict = {}") + OFFER,
        "broken",
        "option 'sizes' has no type that can be written as K=V: <class 'dict'> (int, float, bool, str, "
        "Literal[...], tuple[int, ...] and the like, each also with | None) (zoo_bad/__init__.py:4)",
    ),
    "unlistable": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('x', source=object())",
        "broken",
        "its offers cannot be listed: 'x': source is text, not <object",
    ),
    "core-too-old": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('x', requires_core='>=99.1')",
        "unavailable",
        "'x' needs zoo-core >=99.1, this is",
    ),
    "unreadable-requirement": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('x', requires_core='soon')",
        "broken",
        "cannot read requires_core='soon'",
    ),
    "opens-the-zoo": (
        "from zoo_core import open_zoo\nopen_zoo()",
        "broken",
        "a plugin cannot open the zoo while it is being loaded",
    ),
    "family-of-garbage": (
        FAMILY.format("names=lambda: ['a', 7], spec=print"),
        "broken",
        "family 'fam' lists 7, which is not a name",
    ),
    "family-of-twins": (
        FAMILY.format("names=lambda: ['a', 'a'], spec=print"),
        "broken",
        "family 'fam' lists a name twice",
    ),
    "family-without-end": (
        FAMILY.format("names=lambda: iter(int, 1), spec=print"),
        "broken",
        "it is not loaded after 5 s (ZOO_PLUGIN_TIMEOUT)",
    ),
    "family-of-no-names": (
        FAMILY.format("names=lambda: ['Two Words!'], spec=print"),
        "broken",
        "family 'fam': 'fam/Two Words!' is not a name",
    ),
    "family-half-listed": (
        FAMILY.format("names=lambda: (1 / (3 - n) and f'n{n}' for n in range(9)), spec=print"),
        "broken",
        "its offers cannot be listed: ZeroDivisionError: division by zero (zoo_bad/__init__.py:5)",
    ),
    "family-about-nothing": (
        FAMILY.format("names=lambda: ['a'], spec=print, about=lambda name: None"),
        "broken",
        "family 'fam', about('a') returns a NoneType, not a mapping",
    ),
    "family-about-colour": (
        FAMILY.format("names=lambda: ['a'], spec=print, about=lambda name: {'colour': 'red'}"),
        "broken",
        "family 'fam', about('a') has 'colour' (one of task, summary, source, license)",
    ),
    "family-about-numbers": (
        FAMILY.format("names=lambda: ['a'], spec=print, about=lambda name: {'license': 3}"),
        "broken",
        "family 'fam', about('a'): license is one line of text, not 3",
    ),
    "family-about-no-task": (
        FAMILY.format("names=lambda: ['a'], spec=print, about=lambda name: {'task': 'to detect'}"),
        "broken",
        "family 'fam', about('a'), task: 'to detect' is not a name",
    ),
    "family-for-newer-core": (
        FAMILY.format("names=lambda: ['a'], spec=print, requires_core='>=99'"),
        "unavailable",
        "'fam' needs zoo-core >=99, this is",
    ),
    "offered-twice": (
        GOOD + "@hookimpl\ndef zoo_models():\n    return [spec('x'), spec('x')]",
        "broken",
        "offers 'x' twice",
    ),
    "offered-by-two-hooks": (
        GOOD + "from zoo_core import ModelFamily\n@hookimpl\ndef zoo_models():\n    yield spec('fam/x')\n"
        "@hookimpl\ndef zoo_families():\n    yield ModelFamily(prefix='fam', names=lambda: ['x'], spec=print)",
        "broken",
        "the model 'fam/x' is offered twice",
    ),
    "failure-without-reason": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('x', expected_failures={'stays-finite': ' '})",
        "broken",
        "ModelSpec 'x': expected_failures gives no reason for 'stays-finite'",
    ),
    "newer-field": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('x', invented=1)",
        "broken",
        "got an unexpected keyword argument 'invented'",
    ),
    "command-of-two-words": (
        "import click\nfrom zoo_core import hookimpl\n@hookimpl\ndef zoo_commands():\n"
        "    yield click.Command('Bad Name', help='x')",
        "broken",
        "the command 'Bad Name' is not one word that can be typed (letters, digits, '-', '.', '_') (zoo_commands at",
    ),
    "misspelt-field": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('x', licence='MIT')",
        "broken",
        "got an unexpected keyword argument 'licence'",
    ),
    "newer-name": ("from zoo_core import Invented", "broken", "cannot import name 'Invented' from 'zoo_core'"),
    "library-says-how": (
        "raise ImportError(\"dear is not installed: pip install 'dear[all]'\", name='dear')",
        "unavailable",
        "dear is not installed: pip install 'dear[all]'",
    ),
    "renamed-to-nothing": (
        GOOD + "@hookimpl\ndef zoo_models():\n    yield spec('x', renamed=['old'])",
        "broken",
        "'x': renamed maps old option names to new ones, not ['old']",
    ),
    "size-in-words": (
        "from zoo_core import DatasetSpec, TensorSpec, hookimpl\n@hookimpl\ndef zoo_datasets():\n"
        "    yield DatasetSpec(name='x', load=lambda root, *, split, download: None, task='image-classification',\n"
        "        summary='x', inputs={'image': TensorSpec('N', 1)}, download_bytes='much')",
        "broken",
        "'x': download_bytes is a whole number, not 'much'",
    ),
}

HINTS = {
    "raises": "pip install -U zoo-raises, or tell its authors; ZOO_PLUGINS can leave it out",
    "os-exit": "to see it happen: python -X faulthandler -c 'import zoo_os_exit'",
    "segfault": "to see it happen: python -X faulthandler -c 'import zoo_segfault'",
    "endless-import": "if it only needs longer: ZOO_PLUGIN_TIMEOUT=15 zoo plugins",
    "missing-dependency": "pip install no_such_library",
    "missing-name-in-library": "another version of click may help: pip install -U click",
    "library-says-how": "pip install 'dear[all]'",
    "core-too-old": update_command(">=99.1"),
    "misspelt-field": f"Did you mean 'license'? Otherwise it may be made for a newer zoo-core: {update_command()}",
    "newer-field": f"it may be made for a newer zoo-core: {update_command()}",
    "newer-name": f"it may be made for a newer zoo-core: {update_command()}",
}
