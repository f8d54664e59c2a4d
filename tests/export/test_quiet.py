"""An export that fails says why in a few lines: the exporters' graphs, logs and warnings are shown with ZOO_DEBUG=1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from odd_plugin import ODD_PLUGIN
from warm import Result

Zoo = Callable[..., Result]

FORWARDS = {
    "branch on the data": "return self.fc(x.flatten(1)) if x.sum() > 0 else self.fc(-x.flatten(1))",
    "branch on each row": "return self.fc(x.flatten(1)) * (1.0 if bool((x > -9).all()) else 2.0)",
    "unsupported operator": "return self.fc(torch.nn.functional.adaptive_max_pool2d(x, 3).mean((2, 3), "
    "keepdim=True).expand(-1, -1, 4, 4).flatten(1))",
    "packed sequence": "return self.fc(x.flatten(1)) + torch.nn.utils.rnn.pack_padded_sequence("
    "x.flatten(1)[..., None], torch.full((len(x),), 16), batch_first=True).data.mean()",
    "custom function": "return Double.apply(self.fc(x.flatten(1)))",
}
CUSTOM = """
class Double:
    @staticmethod
    def apply(x):
        import torch

        class Doubled(torch.autograd.Function):
            @staticmethod
            def forward(context, x):
                return torch.from_numpy(x.detach().numpy() * 2)

        return Doubled.apply(x)
"""


@pytest.mark.parametrize("forward", FORWARDS.values(), ids=FORWARDS)
def test_a_failed_export_is_a_short_message(forward: str, fake_distribution: Callable[..., Path], run_zoo: Zoo) -> None:
    folder = fake_distribution("zoo-odd", ODD_PLUGIN.format(forward=forward))
    (folder / "__init__.py").write_text((folder / "__init__.py").read_text() + CUSTOM)
    done = run_zoo("export", "odd")
    assert done.code == 3, done.stderr
    told = [line for line in done.stderr.splitlines() if not line.endswith(" ...")]
    assert [line.partition(":")[0] for line in told] == ["Error", "Hint"], done.stderr
    assert len(done.stdout.splitlines()) < 20


def test_debugging_shows_what_the_exporters_say(fake_distribution: Callable[..., Path], run_zoo: Zoo) -> None:
    fake_distribution("zoo-odd", ODD_PLUGIN.format(forward=FORWARDS["unsupported operator"]))
    done = run_zoo("export", "odd", env={"ZOO_DEBUG": "1"})
    assert done.code == 3
    assert "Torch IR graph at exception" in done.stderr
    assert "Traceback" in done.stderr
