"""Fresh weights made healthy: nothing is hidden from the check, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from zoo_core.errors import NotVerifiedError, ZooError
from zoo_core.export.plan.healthy import healthy_checkpoint
from zoo_core.export.reference.reference import TorchReference
from zoo_core.torch_modules import fresh_module, load_state
from zoo_core.verification.expect.bounds import LARGEST_FLOOR


def rows(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def fresh(build: Callable[[], nn.Module]) -> dict[str, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return build().state_dict()


def healthy(build: Callable[[], nn.Module], inputs: Tensor, **options: object) -> dict[str, Tensor]:
    return healthy_checkpoint(build, fresh(build), inputs={"x": inputs}, **options)  # type: ignore[arg-type]


def variation(build: Callable[[], nn.Module], checkpoint: dict[str, Tensor], inputs: Tensor) -> float:
    """How much the outputs differ between rows, relative to their size."""
    with torch.no_grad():
        found = fresh_module(build, checkpoint)(inputs)
    return float((found.max(dim=0).values - found.min(dim=0).values).max() / found.abs().max())


class Gated(nn.Module):
    """Every kind of parameter that begins at nothing: layer scale, gate, gamma, head, token; and a constant mask."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(8)
        self.layer_scale = nn.Parameter(torch.full((8, 1, 1), 1e-6))
        self.gate = nn.Parameter(torch.zeros(8))
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.branch = nn.Linear(8, 8)
        self.last = nn.BatchNorm1d(8)
        nn.init.zeros_(self.last.weight)
        self.head = nn.Linear(8, 3)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.frozen = nn.Parameter(torch.full((3,), 0.5), requires_grad=False)
        self.register_buffer("mask", torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x) + self.gate * self.branch(x * self.mask) + self.token[0, 0]
        x = x + self.layer_scale[:, 0, 0] * self.branch(x)
        return self.head(x + self.last(x)) * self.frozen


def test_parameters_that_hide_something_are_drawn_anew() -> None:
    found = healthy(Gated, rows(8, 8))
    for name in ("layer_scale", "gate", "last.weight"):
        size = found[name].abs()
        assert 0.5 <= size.min() < size.max() <= 1.5, name
    assert (found["layer_scale"] > 0).all()
    assert (found["last.weight"] > 0).all()
    assert found["head.weight"].std() > 0.1
    assert found["head.bias"].abs().max() <= 0.1
    assert found["head.bias"].unique().numel() == 3
    assert 0.5 <= found["norm.weight"].min() < found["norm.weight"].max() <= 1.5
    assert found["token"].unique().numel() == 8


def test_every_parameter_shows_in_the_outputs() -> None:
    inputs = rows(6, 8, seed=3)
    checkpoint = healthy(Gated, rows(8, 8))
    with torch.no_grad():
        before = fresh_module(Gated, checkpoint)(inputs)
        for name, tensor in checkpoint.items():
            if tensor.is_floating_point():
                after = fresh_module(Gated, {**checkpoint, name: tensor * 1.01})(inputs)
                assert (after - before).abs().max() > 1e-6 * before.abs().max(), name


def test_what_is_healthy_frozen_or_a_buffer_stays() -> None:
    before, after = fresh(Gated), healthy(Gated, rows(8, 8))
    for name in ("branch.weight", "branch.bias", "frozen", "mask"):
        assert torch.equal(before[name], after[name]), name


def test_two_calls_are_bit_equal_and_leave_the_generator_alone() -> None:
    torch.manual_seed(5)
    first = healthy(Gated, rows(8, 8))
    torch.manual_seed(6)
    state = torch.random.get_rng_state()
    second = healthy(Gated, rows(8, 8))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert list(first) == list(second)
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = healthy(Gated, rows(8, 8), seed=1)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_what_is_drawn_depends_on_the_name_and_not_on_the_order() -> None:
    class Other(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.b, self.a = nn.LayerNorm(4), nn.LayerNorm(4)

        def forward(self, x: Tensor) -> Tensor:
            return self.a(self.b(x))

    class One(Other):
        def __init__(self) -> None:
            nn.Module.__init__(self)
            self.a, self.b = nn.LayerNorm(4), nn.LayerNorm(4)

    assert torch.equal(healthy(One, rows(2, 4))["a.weight"], healthy(Other, rows(2, 4))["a.weight"])


def small_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 2),
    )


def test_batch_statistics_are_those_of_the_inputs() -> None:
    inputs = rows(8, 3, 9, 9)
    found = healthy(small_net, inputs)
    conv = nn.functional.conv2d(inputs, found["0.weight"])
    torch.testing.assert_close(found["1.running_mean"], conv.mean(dim=(0, 2, 3)))
    torch.testing.assert_close(found["1.running_var"], conv.transpose(0, 1).flatten(1).var(dim=1))
    assert found["1.num_batches_tracked"] == 1
    assert found["1.num_batches_tracked"].dtype is torch.int64


def test_rows_one_at_a_time_give_cumulative_averages() -> None:
    inputs = rows(4, 3, 9, 9)
    found = healthy(small_net, inputs, batched=False)
    conv = nn.functional.conv2d(inputs, found["0.weight"])
    torch.testing.assert_close(found["1.running_mean"], conv.mean(dim=(0, 2, 3)))
    torch.testing.assert_close(found["1.running_var"], conv.flatten(2).var(dim=2).mean(dim=0))
    assert found["1.num_batches_tracked"] == 4


def test_a_map_of_one_pixel_has_statistics_over_all_rows() -> None:
    """In training mode, PyTorch refuses a batch with a single value a channel."""

    def build() -> nn.Module:
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten())

    inputs = rows(6, 3, 5, 5)
    found = healthy(build, inputs, batched=False)
    values = nn.functional.conv2d(inputs.mean(dim=(2, 3), keepdim=True), found["1.weight"], found["1.bias"])[:, :, 0, 0]
    torch.testing.assert_close(found["2.running_mean"], values.mean(dim=0))
    assert variation(build, found, rows(6, 3, 5, 5, seed=2)) > 0.1


def test_instance_norms_with_statistics_are_measured_too() -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.InstanceNorm2d(3, affine=True, track_running_stats=True))

    inputs = rows(4, 3, 6, 6)
    for batched in (True, False):
        found = healthy(build, inputs, batched=batched)
        torch.testing.assert_close(found["0.running_mean"], inputs.mean(dim=(0, 2, 3)))


def test_channels_that_sleep_do_not_amplify_what_wakes_them() -> None:
    def build() -> nn.Module:
        net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.BatchNorm2d(4))
        nn.init.constant_(net[0].bias[:1], -50.0)  # never above zero on plausible inputs
        return net

    found = healthy(build, rows(4, 3, 6, 6))
    assert found["2.running_var"].min() > 1e-3 * found["2.running_var"].mean()


def test_norms_without_inputs_keep_the_statistics_of_a_new_one() -> None:
    class Aside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.main, self.aside = nn.BatchNorm1d(4), nn.BatchNorm1d(4)

        def forward(self, x: Tensor) -> Tensor:
            return self.main(x)

    found = healthy(Aside, rows(4, 4))
    assert torch.equal(found["aside.running_var"], torch.ones(4))
    assert not torch.equal(found["main.running_var"], torch.ones(4))


def test_fixed_filters_are_never_altered() -> None:
    class Box(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("kernel", torch.full((1, 1, 3, 3), 1 / 9))
            self.weight = nn.Parameter(torch.full((1, 1, 3, 3), 1 / 9), requires_grad=False)

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.conv2d(x, self.kernel + self.weight)

    assert all(torch.equal(healthy(Box, rows(2, 1, 5, 5))[name], tensor) for name, tensor in fresh(Box).items())
    assert healthy(nn.ReLU, rows(2, 3)) == {}


def test_tied_weights_stay_tied() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
            self.second.weight = self.first.weight
            nn.init.zeros_(self.first.weight)

        def forward(self, x: Tensor) -> Tensor:
            return self.second(self.first(x))

    found = healthy(Tied, rows(2, 4))
    assert found["first.weight"].data_ptr() == found["second.weight"].data_ptr()
    assert found["first.weight"].abs().max() > 0.1


def test_weights_with_a_parametrisation_keep_their_names() -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)), nn.BatchNorm1d(4))

    found = healthy(build, rows(4, 4))
    assert list(found) == list(fresh(build))
    assert variation(build, found, rows(4, 4, seed=1)) > 0.1


def test_a_net_that_explodes_with_its_gates_open_gets_weaker_ones() -> None:
    class Growing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gates = nn.ParameterList(torch.zeros(4) for _ in range(60))

        def forward(self, x: Tensor) -> Tensor:
            for gate in self.gates:
                x = x + gate.abs() * x
            return x

    found = healthy(Growing, rows(2, 4))
    with torch.no_grad():
        assert fresh_module(Growing, found)(rows(2, 4)).abs().max() < 1e6
    assert all(tensor.abs().min() > 0 for tensor in found.values())


def test_settle_comes_last_and_sees_a_module_in_eval_mode() -> None:
    def settle(module: nn.Module) -> None:
        assert not any(part.training for part in module.modules())
        assert module[1].running_var.max() != 1
        nn.init.uniform_(module[-1].bias, 2, 3)

    found = healthy(small_net, rows(4, 3, 9, 9), settle=settle)
    assert found["5.bias"].min() >= 2
    assert torch.equal(found["5.bias"], healthy(small_net, rows(4, 3, 9, 9), settle=settle)["5.bias"])


def test_inputs_that_do_not_fit_are_an_error_that_says_the_shapes() -> None:
    with pytest.raises(NotVerifiedError, match=r"the model fails on plausible inputs of the shape \(2, 5\)"):
        healthy(small_net, rows(2, 5))


@pytest.mark.parametrize("name", ["efficientnet_b0", "mnasnet0_5", "mobilenet_v3_small"])
def test_fresh_nets_of_torchvision_depend_on_their_input(name: str) -> None:
    def build() -> nn.Module:
        return torchvision.models.get_model(name, weights=None)

    found = healthy(build, rows(8, 3, 64, 64))
    module = build()
    load_state(module, found)
    inputs = rows(4, 3, 64, 64, seed=9)
    with torch.no_grad():
        outputs = module.eval()(inputs)
    assert 1e-2 < outputs.abs().max() < 1e2
    assert (outputs.max(dim=0).values - outputs.min(dim=0).values).max() > 0.1 * outputs.abs().max()


def test_weights_without_a_version_are_loaded_where_a_module_asks_for_one() -> None:
    """MNASNet refuses a state dictionary that does not say which layout it has, as one from a file of tensors."""
    module = torchvision.models.mnasnet0_5(weights=None)
    load_state(module, dict(module.state_dict()))
    with pytest.raises(ZooError, match="the weights do not fit the model"):
        load_state(module, {})


class Mixer(nn.Module):
    """Deep, with each norm behind an activation: rounding errors grow layer by layer. Source: ConvMixer."""

    def __init__(self, depth: int = 48, width: int = 24) -> None:
        super().__init__()
        self.stem = self.block(nn.Conv2d(3, width, 3, 2))
        spatial = (nn.Conv2d(width, width, 5, padding=2, groups=width) for _ in range(depth))
        self.spatial = nn.ModuleList(self.block(layer) for layer in spatial)
        self.mixing = nn.ModuleList(self.block(nn.Conv2d(width, width, 1)) for _ in range(depth))
        self.head = nn.Linear(width, 5)

    def block(self, layer: nn.Conv2d) -> nn.Sequential:
        return nn.Sequential(layer, nn.GELU(), nn.BatchNorm2d(layer.out_channels))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for spatial, mixing in zip(self.spatial, self.mixing, strict=True):
            x = mixing(x + spatial(x))
        return self.head(x.mean((2, 3)))


def distance_from_float64(checkpoint: dict[str, Tensor], inputs: Tensor) -> float:
    reference = TorchReference(Mixer, checkpoint, outputs=("y",))
    result = reference.run({"x": inputs.numpy()})
    return result.bounds()["y"].relative_floor


def test_a_net_that_amplifies_rounding_gets_biases_with_which_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, others = rows(8, 3, 20, 20), rows(4, 3, 20, 20, seed=9)
    found = healthy(Mixer, inputs)
    assert found["mixing.3.0.bias"].min() >= 0.5
    assert distance_from_float64(found, others) < 0.1 * LARGEST_FLOOR
    assert variation(Mixer, found, others) > 0.01
    monkeypatch.setattr("zoo_core.export.plan.healthy.MOST_AMPLIFIED", 1.0)
    before = healthy(Mixer, inputs)
    assert torch.equal(before["mixing.3.0.bias"], fresh(Mixer)["mixing.3.0.bias"])
    assert distance_from_float64(before, others) > LARGEST_FLOOR
