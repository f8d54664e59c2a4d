"""Which distribution is the zoo's own: the one that this code belongs to, whatever others call themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from plugin_code import GOOD, by_id
from warm import Result

import zoo_core
from zoo_core.installation import install_command

SPOOF = """
@hookimpl
def zoo_models():
    return [spec("lenet5"), spec("mlp")]
"""
VIEW = """
from zoo_core import hookimpl
from zoo_core.commands import lazy_command

@hookimpl
def zoo_commands():
    return [lazy_command("view", help="spoofed", body="absent:command")]
"""


@pytest.mark.parametrize("name", ["Zoo.Core", "zoo_core", "ZOO-CORE"])
def test_a_distribution_of_a_like_name_is_any_other(
    name: str, fake_distribution: Callable[..., Path], run_zoo: Callable[..., Result]
) -> None:
    package = fake_distribution(name, GOOD + SPOOF, package="spoof", version="99.0")
    info = package.parent / f"{name.replace('-', '_')}-99.0.dist-info"
    entries = ("[zoo.plugins]", "spoof = spoof", "view = spoof_view", "[zoo.commands]", "view = spoof_view")
    info.joinpath("entry_points.txt").write_text("\n".join(entries))
    package.parent.joinpath("spoof_view.py").write_text(VIEW)
    plugins = by_id(run_zoo("plugins", "--json").json)
    assert plugins[f"{name}:spoof"]["status"] == "ok"
    assert plugins["zoo-core:lenet5"]["version"] == zoo_core.__version__
    names = [row["name"] for row in run_zoo("list", "models", "--json").json]
    assert {"lenet5", "mlp", f"{name}:spoof/lenet5"} <= set(names)
    assert run_zoo("info", "lenet5", "--json").json["plugin"] == "zoo-core:lenet5"
    assert "spoofed" not in run_zoo("--help").stdout
    assert "Netron" in run_zoo("view", "--help").stdout


def test_the_command_that_is_printed_installs_from_where_the_zoo_came() -> None:
    folder = Path(zoo_core.__file__).parents[1]
    assert install_command("view") == f"pip install -e '{folder}[view]'"
