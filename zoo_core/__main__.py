"""`python -m zoo_core` is `zoo`: it takes no module from the current folder, which Python puts first on the path."""

import os
import sys

if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()]:
    del sys.path[0]

from zoo_core.cli import main

main()
