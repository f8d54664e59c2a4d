"""`python -m zoo_core` is `zoo`: it takes no module from the current folder, which Python puts first on the path."""

import os
import sys

try:
    if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:
        del sys.path[0]
except OSError:  # the folder was removed, and nothing can come from it
    pass

from zoo_core.cli import main

main()
