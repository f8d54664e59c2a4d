"""What a command is made of, the zoo's own and a plugin's: options, completion, output, names, next steps, files.

Open `common.py` first. A plugin offers its commands through the hook `zoo_commands`, best by `lazy_command`: then
neither `zoo --help` nor another command loads more of the plugin than its name and one line of help.
"""

from __future__ import annotations

from zoo_core.files import clear_io_errors, write_atomic, written_whole
from zoo_core.records import counted
from zoo_core.registry import warn
from zoo_core.shelf import Located, find_export, is_export, locate, model_file

from .common import (
    data_options,
    json_option,
    model_options,
    note,
    print_json,
    say,
    seed_option,
    trainer_options,
    typed,
)
from .completion import (
    complete_datasets,
    complete_entries,
    complete_exports,
    complete_models,
    complete_models_and_runs,
    complete_plotted,
    complete_runs,
    complete_runs_and_exports,
    complete_trainers,
)
from .lazy_command import LazyCommand, lazy_command
from .next_step import data_words, export_of, use_of
from .tables import table, terminal_width

__all__ = [
    "LazyCommand",
    "Located",
    "clear_io_errors",
    "complete_datasets",
    "complete_entries",
    "complete_exports",
    "complete_models",
    "complete_models_and_runs",
    "complete_plotted",
    "complete_runs",
    "complete_runs_and_exports",
    "complete_trainers",
    "counted",
    "data_options",
    "data_words",
    "export_of",
    "find_export",
    "is_export",
    "json_option",
    "lazy_command",
    "locate",
    "model_file",
    "model_options",
    "note",
    "print_json",
    "say",
    "seed_option",
    "table",
    "terminal_width",
    "trainer_options",
    "typed",
    "use_of",
    "warn",
    "write_atomic",
    "written_whole",
]
