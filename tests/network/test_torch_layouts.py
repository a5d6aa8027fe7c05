"""How tensors lie in memory while a network is read: what torch makes a view of, and what it refuses to."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

from convmath.errors import DomainError  # noqa: E402
from convmath.network import from_torch  # noqa: E402
from convmath.network.torch_import.builder import Builder  # noqa: E402
from convmath.network.torch_import.memory_layout import Checks  # noqa: E402
from convmath.network.torch_import.tracing import read_traced  # noqa: E402
from convmath.network.torch_import.values import NOT_KNOWN  # noqa: E402

from .applied import Apply  # noqa: E402
from .test_torch_import_operations import OPERATIONS, executed  # noqa: E402

SIZE = (3, 12, 10)

MOVED = {
    "permute": lambda x: x.permute(0, 2, 3, 1),
    "transpose": lambda x: x.transpose(1, 2),
    "in place": lambda x: x.clone().transpose_(1, 3),
    "mT": lambda x: x.mT,
    "movedim": lambda x: x.movedim(1, -1),
    "every second channel": lambda x: x[:, ::2],
    "columns": lambda x: x[..., 1:],
    "narrow": lambda x: x.narrow(3, 0, 4),
    "chunk": lambda x: x.chunk(2, 3)[1],
    "split": lambda x: x.split(3, 2)[0],
    "unbind": lambda x: x.unbind(2)[0],
    "windows": lambda x: x.unfold(3, 3, 1),
    "expand": lambda x: x[:, :1].expand(-1, 4, -1, -1),
    "expand_as": lambda x: x[:, :1].expand_as(x),
    "meshgrid": lambda x: torch.meshgrid(x[0, 0, 0], x[0, 0, 0], indexing="ij")[1],
    "einsum": lambda x: torch.einsum("nchw,oh->ncow", x, torch.ones(5, 12)),
    "element by element": lambda x: F.relu(x.transpose(1, 2) + 1),
    "a sum of both orders": lambda x: x.permute(0, 1, 3, 2)[..., :10] + x[:, :, :10],
    "channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "a convolution of channels last": lambda x: F.conv2d(
        x.to(memory_format=torch.channels_last), torch.ones(4, 8, 3, 3)
    ),
    "a copy of channels last": lambda x: x.to(memory_format=torch.channels_last).clone(),
    "pooled channels last": lambda x: F.max_pool2d(x.to(memory_format=torch.channels_last), 2),
}


@pytest.mark.parametrize("name", MOVED)
def test_a_view_that_torch_refuses_is_refused_and_what_it_says_to_do_in_its_place_is_taken(name):
    move = MOVED[name]
    refused = Apply(lambda x: move(x).view(-1))
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        executed(refused, (1, *SIZE))
    with pytest.raises(DomainError, match="needs reshape in place of view, or contiguous before it"):
        from_torch(refused, SIZE)
    for taken in (lambda x: move(x).reshape(-1), lambda x: move(x).contiguous().view(-1), lambda x: move(x).flatten()):
        report = from_torch(Apply(taken), SIZE).analyze()
        assert (report.missing, report.output.sizes) == ((), executed(Apply(taken), (1, *SIZE)))


def apart(x):
    return x.permute(0, 2, 3, 1).view(1, 12, 10, 2, 4)


TAKEN = {
    "a dimension in parts": apart,
    "as another": lambda x: x.permute(0, 2, 3, 1).view_as(torch.ones(12, 10, 8)),
    "together that lie together": lambda x: x.permute(0, 2, 3, 1).view(1, 120, 8),
    "rows of an image": lambda x: x[:, :, 2:5].view(1, 8, 30),
    "moved and back": lambda x: x.transpose(1, 2).add(1).transpose(1, 2).view(-1),
    "of one pixel": lambda x: F.adaptive_avg_pool2d(x, 1).permute(0, 2, 3, 1).view(-1),
    "mixed channels": lambda x: x.view(1, 4, 2, 12, 10).transpose(1, 2).contiguous().view(x.shape),
    "a product of what is moved": lambda x: (x @ x.transpose(2, 3)).view(-1),
    "a norm of what is moved": lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (8,)).view(-1, 8),
    "windows that are put in order": lambda x: (
        x.view(1, 8, 3, 4, 2, 5).permute(0, 2, 4, 3, 5, 1).contiguous().view(-1, 20, 8)
    ),
    "heads": lambda x: x.view(1, 2, 4, 120).transpose(2, 3).permute(0, 2, 1, 3).contiguous().view(1, 120, 8),
    "asked first": lambda x: x.view(-1) if x.permute(0, 1, 2, 3).is_contiguous() else x.mean(),
    "asked of another order": lambda x: x.mean() if x.transpose(1, 2).is_contiguous() else x.view(-1),
    "asked of channels last": lambda x: x.mean() if x.is_contiguous(memory_format=torch.channels_last) else x.view(-1),
    "strides": lambda x: x.reshape(-1)[: x.permute(0, 2, 3, 1).stride(1)] * x.stride()[2],
    "one element": lambda x: x.mean().expand(2, 3) + x.mean().view(1, 1),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_view_that_torch_takes_is_taken(name):
    module = Apply(TAKEN[name])
    for verify in (False, True):
        report = from_torch(module, SIZE, verify=verify).analyze()
        assert report.missing == ()
        assert report[report.graph.outputs[0]].sizes == executed(module, (1, *SIZE))


def test_layouts_that_are_not_followed_are_caught(monkeypatch):
    monkeypatch.setattr(Checks, "_matters", lambda *_: False)
    assert from_torch(Apply(lambda x: x.transpose(1, 2).view(-1)), SIZE).analyze().missing == ()


def values_of(module):
    """What reading a module returns, tensors with how they lie."""
    builder = Builder(torch.device("cpu"))
    builder.weights(module)
    with builder.recorder.on():
        return read_traced(builder, module, {"x": builder.input("x", (1, *SIZE), torch.float32)}, {})


def lying(tensor):
    """The strides of the dimensions that have any."""
    return tuple(stride for n, stride in zip(tensor.shape, tensor.stride(), strict=True) if n > 1)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {"view", "shuffled channels", "space to depth"}))
def test_a_result_lies_in_memory_as_torchs_does(name, order):
    module = Apply(OPERATIONS[name]).eval().to(memory_format=order)
    try:
        with torch.no_grad():
            result = module(torch.rand(1, *SIZE))
    except RuntimeError as error:
        if "view size is not compatible" in str(error):
            with pytest.raises(DomainError, match="needs reshape"):
                values_of(module)
        else:
            assert name == "max_pool3d"  # its kernel takes no such order of an image without a batch
            assert order is torch.channels_last
        return
    (value,) = values_of(module)
    if value.strides is None:
        assert result.is_contiguous()
    elif value.strides != NOT_KNOWN:
        found = [stride for n, stride in zip(result.shape, value.strides, strict=True) if n > 1]
        assert tuple(found) == lying(result)


def test_a_layout_that_goes_by_the_device_is_not_guessed():
    attend = lambda x: F.scaled_dot_product_attention(x, x, x)  # noqa: E731
    report = from_torch(Apply(lambda x: attend(x).view(1, -1)), SIZE).analyze()
    (missing,) = report.missing
    assert "is not known" in report.graph[missing].operator.reason
    assert report.output.sizes == (1, 960)
    for settled in (
        lambda x: attend(x).transpose(1, 2).contiguous().view(1, 12, 80),
        lambda x: attend(x).view(1, 8, 12, 5, 2),
    ):
        assert from_torch(Apply(settled), SIZE).analyze().missing == ()


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 3, 1, 2), (0, 1, 3, 2), (1, 0, 2, 3), (0, 2, 1, 3)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_lies_as_torchs_does(order, training):
    norm = torch.nn.BatchNorm2d((1, 8, 12, 10)[order[1]]).train(training)
    module = Apply(lambda x: norm(x.permute(order)[..., :2]))
    (value,), result = values_of(module), module(torch.rand(1, *SIZE))
    assert (value.strides or torch.empty(result.shape).stride()) == result.stride()


def test_whether_a_tensor_is_a_view_is_asked_of_the_network_itself():
    for function in (lambda x: x.reshape(-1), lambda x: x + 1):
        module = Apply(lambda x, function=function: x if function(x)._is_view() else x.mean())
        assert from_torch(module, SIZE).analyze().output.sizes == executed(module, (1, *SIZE))


def test_what_lies_where_it_was_allocated_is_asked_of_the_network_itself():
    """A layout that is not known stands in the way of torch.fx, and torch.export asks torch."""
    module = Apply(lambda x: x if F.scaled_dot_product_attention(x, x, x).is_contiguous() else -x)
    report = from_torch(module, SIZE).analyze()
    assert report[report.graph.outputs[0]].sizes == executed(module, (1, *SIZE))


def test_a_module_on_meta_is_read_as_on_a_cpu():
    with torch.device("meta"):
        module = Apply(lambda x: x.permute(0, 1, 3, 2).add(1).to(memory_format=torch.channels_last).view(-1))
    with pytest.raises(DomainError, match="needs reshape"):
        from_torch(module, SIZE)


class Positions(nn.Module):
    """All positions in one row, of a layer along them."""

    def __init__(self, layer, take):
        super().__init__()
        self.layer, self.take = layer, take

    def forward(self, x):
        result, _ = self.layer(x, x, x) if isinstance(self.layer, nn.MultiheadAttention) else self.layer(x)
        return getattr(result, self.take)(-1, 8)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_positions_that_were_computed_one_by_one_do_not_follow_each_other(kind):
    refused = Positions(kind(8, 8, batch_first=True), "view")
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        executed(refused, (2, 5, 8))
    with pytest.raises(DomainError, match="needs reshape"):
        from_torch(refused, (5, 8), batch_size=2)
    for taken in (Positions(refused.layer, "reshape"), Positions(kind(8, 8), "view")):
        report = from_torch(taken, (5, 8), batch_size=2).analyze()
        assert (report.missing, report.output.sizes) == ((), executed(taken, (2, 5, 8)))


def test_attention_that_goes_a_faster_way_in_evaluation_lies_otherwise_there():
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    (missing,) = from_torch(Positions(layer, "view"), (5, 8), batch_size=2).analyze().missing
    assert missing == "view"
    assert from_torch(Positions(layer, "reshape"), (5, 8), batch_size=2).analyze().missing == ()


class Written(nn.Module):
    """A tensor whose elements are fewer in memory, written in place."""

    def __init__(self, clone):
        super().__init__()
        self.clone = clone

    def forward(self, x):
        stretched = x[:, :1].expand(-1, 4, -1, -1)
        return (stretched.clone() if self.clone else stretched).add_(1)


def test_writing_into_elements_that_are_one_in_memory_is_refused():
    with pytest.raises(RuntimeError, match="single memory location"):
        executed(Written(False), (1, *SIZE))
    with pytest.raises(DomainError, match="clone it first"):
        from_torch(Written(False), SIZE)
    assert from_torch(Written(True), SIZE).analyze().output.sizes == executed(Written(True), (1, *SIZE))


# At other sizes


def forms(function, at=None):
    return from_torch(Apply(function), (3, "n", "n"), at=at and {"n": at}).closed_forms()


def test_a_view_of_what_is_moved_is_known_at_all_sizes():
    split = forms(lambda x: x.permute(0, 2, 3, 1).unflatten(3, (2, 4)).view(1, -1, 2, 4))
    assert str(split.output) == "view: (n*n, 2, 4) for n >= 1, proved"
    copied = forms(lambda x: x.permute(0, 2, 3, 1).reshape(1, -1, 2, 4))
    assert "read again" not in str(copied.output)


def test_a_view_of_what_torch_has_laid_out_is_known_by_sampling_only():
    pooled = forms(lambda x: F.max_pool2d(x.to(memory_format=torch.channels_last), 2).view(1, 8, -1), at=8)
    assert "checked by sampling" in str(pooled.output)


@pytest.mark.parametrize("at", [6, 20])
def test_a_slice_that_takes_everything_at_one_size_only_is_not_a_view_at_all(at):
    module = Apply(lambda x: x[:, :, :, :8].view(8, -1))
    taken = []
    for n in range(1, 24):
        try:
            executed(module, (1, 3, n, n))
        except RuntimeError:
            continue
        taken.append(n)
    assert taken == list(range(1, 9))
    if at in taken:
        valid = forms(module.function, at).valid
        assert valid.up_to(24)
        assert set(valid.up_to(24)) <= set(taken)
    else:
        with pytest.raises(DomainError, match="needs reshape"):
            forms(module.function, at)
