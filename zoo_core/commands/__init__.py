"""What a command is made of, the zoo's own and a plugin's: options, completion, output, names, next steps, files.

Open `common.py` first. A plugin offers its commands through the hook `zoo_commands`, best by `lazy_command`: then
neither `zoo --help` nor another command loads more of the plugin than its name and one line of help.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.lazy import lazy_names

if TYPE_CHECKING:
    from zoo_core.distributions import direct_requirements
    from zoo_core.environment import machine_kind, package_versions, usable_processors
    from zoo_core.figures import check_picture, empty_figure, end_of, write_figure
    from zoo_core.files import clear_io_errors, write_atomic, written_whole
    from zoo_core.foreign_text import csv_cell, html_text, markdown_text, shell_word, terminal_line
    from zoo_core.installation import install_command
    from zoo_core.options import check_options
    from zoo_core.records import counted
    from zoo_core.registry import warn
    from zoo_core.shelf import Located, find_export, folder_name, is_export, locate, model_file, usual_folder
    from zoo_core.toml_files import read_toml

    from .common import (
        FilePath,
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
    from .deferred import LazyCommand, lazy_command
    from .isolation import isolation_options, provider_option
    from .loopback import FileContent, LoopbackServer, serve_on_loopback
    from .next_step import data_words, export_of, look_at, use_of, use_of_run, verify_of
    from .spreadsheet import csv_text
    from .tables import table, terminal_width

__all__ = [
    "FileContent",
    "FilePath",
    "LazyCommand",
    "Located",
    "LoopbackServer",
    "check_options",
    "check_picture",
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
    "csv_cell",
    "csv_text",
    "data_options",
    "data_words",
    "direct_requirements",
    "empty_figure",
    "end_of",
    "export_of",
    "find_export",
    "folder_name",
    "html_text",
    "install_command",
    "is_export",
    "isolation_options",
    "json_option",
    "lazy_command",
    "locate",
    "look_at",
    "machine_kind",
    "markdown_text",
    "model_file",
    "model_options",
    "note",
    "package_versions",
    "print_json",
    "provider_option",
    "read_toml",
    "say",
    "seed_option",
    "serve_on_loopback",
    "shell_word",
    "table",
    "terminal_line",
    "terminal_width",
    "trainer_options",
    "typed",
    "usable_processors",
    "use_of",
    "use_of_run",
    "usual_folder",
    "verify_of",
    "warn",
    "write_atomic",
    "write_figure",
    "written_whole",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "zoo_core.distributions": ("direct_requirements",),
        "zoo_core.environment": ("machine_kind", "package_versions", "usable_processors"),
        "zoo_core.figures": ("check_picture", "empty_figure", "end_of", "write_figure"),
        "zoo_core.files": ("clear_io_errors", "write_atomic", "written_whole"),
        "zoo_core.foreign_text": ("csv_cell", "html_text", "markdown_text", "shell_word", "terminal_line"),
        "zoo_core.installation": ("install_command",),
        "zoo_core.options": ("check_options",),
        "zoo_core.records": ("counted",),
        "zoo_core.registry": ("warn",),
        "zoo_core.toml_files": ("read_toml",),
        "zoo_core.shelf": (
            "Located",
            "find_export",
            "folder_name",
            "is_export",
            "locate",
            "model_file",
            "usual_folder",
        ),
        ".common": (
            "FilePath",
            "data_options",
            "json_option",
            "model_options",
            "note",
            "print_json",
            "provider_option",
            "say",
            "seed_option",
            "trainer_options",
            "typed",
        ),
        ".completion": (
            "complete_datasets",
            "complete_entries",
            "complete_exports",
            "complete_models",
            "complete_models_and_runs",
            "complete_plotted",
            "complete_runs",
            "complete_runs_and_exports",
            "complete_trainers",
        ),
        ".deferred": (
            "LazyCommand",
            "lazy_command",
        ),
        ".isolation": ("isolation_options", "provider_option"),
        ".loopback": ("FileContent", "LoopbackServer", "serve_on_loopback"),
        ".next_step": (
            "data_words",
            "export_of",
            "look_at",
            "use_of",
            "use_of_run",
            "verify_of",
        ),
        ".spreadsheet": ("csv_text",),
        ".tables": (
            "table",
            "terminal_width",
        ),
    },
)
