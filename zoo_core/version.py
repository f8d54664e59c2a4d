"""The version of this distribution; `pyproject.toml` reads it from here."""

__version__ = "0.1.0"
"""The version of this distribution, such as 0.1.0."""
