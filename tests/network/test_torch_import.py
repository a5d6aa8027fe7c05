"""Modules of torch read as graphs: names, parameters, inputs, hostile modules, and the module left as it was."""

from __future__ import annotations

import copy
import math
import re
import subprocess
import sys
from contextlib import suppress
from math import sqrt

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

from convmath import DomainError, UnsupportedError  # noqa: E402
from convmath.network import from_torch  # noqa: E402
from convmath.network.conventions import flops  # noqa: E402
from convmath.network.torch_import import builder  # noqa: E402
from convmath.network.torch_import.builder import Builder  # noqa: E402
from convmath.network.torch_import.exporting import read_exported  # noqa: E402
from convmath.network.torch_import.registry import HANDLERS  # noqa: E402
from convmath.network.views.cells import shown  # noqa: E402

from .applied import Apply  # noqa: E402
from .computing import Function  # noqa: E402


def test_sizes_that_differ_from_torchs_are_reported_as_unknown(monkeypatch):
    def wrong(builder, x, *args, **options):
        return HANDLERS["max_pool2d"](builder, x, 2, 1)

    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AvgPool2d(2), nn.ReLU())
    monkeypatch.setitem(HANDLERS, "avg_pool2d", wrong)
    assert from_torch(module, (3, 12, 10)).analyze().missing == ()
    report = from_torch(module, (3, 12, 10), verify=True).analyze()
    assert report.missing == ("1",)
    assert "the formulas give [(1, 4, 9, 7)], torch gives [(1, 4, 5, 4)]" in report["1"].reason
    assert report["2"].sizes == (1, 4, 5, 4)


def test_a_forward_that_asks_where_memory_lies_is_exported_with_the_same_names():
    class Model(nn.Module):
        def __init__(self, asks):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular")
            self.act, self.asks = nn.ReLU(), asks

        def forward(self, x):
            return self.act(self.conv(x)) + 1 if not self.asks or x.stride(-1) == 1 else x

    by_fx, by_export = (from_torch(Model(asks), (3, 8, 8), verify=True).analyze() for asks in (False, True))
    assert [row.name for row in by_fx] == [row.name for row in by_export] == ["x", "conv.pad", "conv", "act", "add"]
    assert [row.receptive_field for row in by_fx] == [row.receptive_field for row in by_export]
    assert by_export.params == by_fx.params


def test_a_layer_that_cannot_be_followed_is_unknown_with_its_sizes_and_parameters():
    layer = nn.EmbeddingBag(9, 5)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.bags, self.head = layer, nn.Linear(5, 2)

        def forward(self, x):
            return self.head(self.bags(x))

    report = from_torch(Model(), (7,), dtype=torch.int64).analyze()
    assert "bags" in report.missing
    assert report["bags"].sizes == (1, 5)
    assert report["bags"].params == sum(parameter.numel() for parameter in layer.parameters())
    assert report["head"].sizes == (1, 2)


@pytest.mark.parametrize("find", ["topk", "median", "cummax", "max"])
def test_places_are_named_by_the_module_that_asks_for_them_once(find):
    class Block(nn.Module):
        def forward(self, x):
            values, places = getattr(torch, find)(x, *[2] * (find == "topk"), dim=-1)
            return values + places

    places = "cummax_places" if find == "cummax" else f"arg{find}"
    graph = from_torch(nn.Sequential(Block()), (4, 8))
    assert [node.name for node in graph if "arg" in node.name or "places" in node.name] == [f"0.{places}"]


def test_a_function_that_is_not_torchs_is_unknown_by_its_name():
    report = from_torch(Apply(lambda x: wrapped(x)), (3, 12, 10)).analyze()
    assert report.output.sizes == (1, 8, 12, 10)
    assert report.output.reason == "wrapped is no function of torch"


def wrapped(x):
    return x + 1


torch.fx.wrap("wrapped")


# Parameters


class Twice(nn.Module):
    """A convolution that runs twice, and one whose weight it shares."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 3, padding=1)
        self.second = nn.Conv2d(3, 3, 3, padding=1)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(self.first(self.first(x)))


def test_shared_parameters_are_counted_at_their_first_use():
    module = Twice()
    report = from_torch(module, (3, 8, 8)).analyze()
    assert [row.params for row in report] == [0, 84, 0, 3]
    assert [row.name for row in report] == ["x", "first", "first_1", "second"]
    assert report.params == sum(parameter.numel() for parameter in module.parameters())
    alone = copy.deepcopy(module)
    alone.second.weight = nn.Parameter(alone.first.weight.detach().clone())
    assert from_torch(alone, (3, 8, 8)).analyze().params == report.params + 81


def test_parameters_and_buffers_are_inputs_without_spatial_axes():
    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.place = nn.Parameter(torch.zeros(1, 3, 8, 8))
            self.register_buffer("scale", torch.ones(3, 1, 1))

        def forward(self, x):
            return (x + self.place) * self.scale

    report = from_torch(Shifted(), (3, 8, 8)).analyze()
    params = [(row.name, row.params) for row in report]
    assert params == [("x", 0), ("place", 192), ("add", 0), ("scale", 0), ("mul", 0)]
    assert report.output.receptive_field.size == (1, 1)
    assert set(report.output.fields) == {"x"}


def test_batch_norm_has_two_parameters_a_channel_and_reads_its_own_place():
    report = from_torch(nn.BatchNorm2d(5).train(), (5, 4, 4)).analyze()
    assert (report.params, report.output.receptive_field.size) == (10, (1, 1))
    batch = nn.BatchNorm2d(5, track_running_stats=False)
    assert from_torch(batch, (5, 4, 4)).analyze().output.receptive_field.size == (4, 4)


# Writing in place


def test_what_is_written_in_place_is_seen_by_every_name_of_the_tensor():
    def aliased(x):
        y = x
        y += F.conv2d(x, torch.ones(8, 8, 5, 5), padding=2)
        return x

    def apart(x):
        y = x + F.conv2d(x, torch.ones(8, 8, 5, 5), padding=2)
        return x if y is not x else y

    fields = []
    for function in (aliased, apart):
        report = from_torch(Apply(function), (3, 16, 16)).analyze()
        fields.append(report[report.graph.outputs[0]].receptive_field.size)
    assert fields == [(7, 7), (3, 3)]


def test_a_matrix_product_with_an_assignment_is_a_new_tensor_as_in_torch():
    def assigned(x):
        y = x
        y @= torch.ones(x.shape[-1], 5)
        return x, y

    def in_place(x):
        y = x
        y *= torch.ones(1)
        return x, y

    graphs = [from_torch(Apply(function), (3, 16, 16)) for function in (assigned, in_place)]
    assert [len(graph.outputs) for graph in graphs] == [2, 1]


def test_what_is_written_by_way_of_a_view_is_unknown():
    def written(x):
        x = x.clone()
        x[:, 0] = 1
        return x

    def viewed(x):
        x = x.clone()
        x[:, :2].add_(1)
        return x

    for function in (written, viewed):
        report = from_torch(Apply(function), (3, 8, 8)).analyze()
        assert report[report.graph.outputs[0]].reason or report[report.graph.outputs[0]].field_unknown


# Inputs


class Two(nn.Module):
    def forward(self, image, mask=None, scale=1, *, flag=False):
        out = image if mask is None else image * mask
        return (out.sum(1) if flag else out) * scale


@pytest.mark.parametrize("size", [[(3, 8, 8), (1, 8, 8)], {"mask": (1, 8, 8), "image": (3, 8, 8)}])
def test_several_inputs_are_given_by_place_or_by_name(size):
    report = from_torch(Two(), size, batch_size=2).analyze()
    assert set(report.graph.inputs) == {"image", "mask"}
    assert report.output.sizes == (2, 3, 8, 8)


def test_other_arguments_are_passed_as_they_are():
    assert from_torch(Two(), (3, 8, 8), arguments={"flag": True, "scale": 2}).analyze().output.sizes == (1, 8, 8)


class Built(nn.Module):
    forward = max


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"flg": True}, "arguments='flg': no parameter of the forward has this name; did you mean flag?"),
        ({3: True}, "arguments=3: no parameter of the forward has this name"),
        ([1], "needs a mapping of the names of parameters to their values"),
        ({"image": 3}, "arguments='image': has sizes, too: name the inputs whose sizes are given"),
    ],
)
def test_arguments_that_a_forward_does_not_take_are_refused_in_a_sentence(arguments, sentence):
    with pytest.raises(DomainError, match=re.escape(sentence)):
        from_torch(Two(), (3, 8, 8), arguments=arguments)


def test_a_forward_that_says_nothing_of_its_parameters_is_refused_in_a_sentence():
    with pytest.raises(UnsupportedError, match="the forward of Built says nothing of its parameters"):
        from_torch(Built(), (3, 8, 8))


def test_types_of_inputs_reach_torch():
    embedding = nn.Embedding(10, 4)
    assert from_torch(embedding, (7,), dtype="int64").analyze().output.sizes == (1, 7, 4)
    with pytest.raises(
        DomainError, match=r"int64; of an input, by dtype='int64' in Python, or --dtype int64 on the comm"
    ):
        from_torch(embedding, (7,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.bfloat16, torch.int64])
@pytest.mark.parametrize("layer", [nn.Conv2d(3, 4, 1), nn.ConvTranspose2d(3, 4, 1, bias=False), nn.Linear(8, 4)])
def test_an_input_of_another_type_than_the_weights_is_refused_as_by_torch(layer, dtype):
    with pytest.raises(RuntimeError):
        layer(torch.ones(1, 3, 8, 8, dtype=dtype))
    with pytest.raises(
        DomainError, match=f"dtype={dtype}: its factors, or weights, are of torch.float32: needs both of"
    ):
        from_torch(layer, (3, 8, 8), dtype=dtype)
    assert (
        from_torch(Function(lambda x, layer: layer(x.float()), layer), (3, 8, 8), dtype=dtype).analyze().status
        == "complete"
    )


def test_automatic_casts_take_another_type_than_that_of_the_weights():
    class Cast(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(8, 4)

        def forward(self, x):
            with torch.autocast("cpu"):
                return self.layer(x)

    Cast()(torch.ones(1, 8, dtype=torch.float16))
    assert from_torch(Cast(), (8,), dtype=torch.float16).analyze().status == "complete"


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        ({"module": lambda x: x}, "module"),
        ({"module": nn.LazyConv2d(3, 3)}, "module"),
        ({"input_size": (3, 0, 8)}, "input_size"),
        ({"input_size": (3, -1, 8)}, "input_size"),
        ({"input_size": (3, 8.0, 8)}, "input_size"),
        ({"input_size": [(3, 8, 8)] * 5}, "input_size"),
        ({"input_size": {"imag": (3, 8, 8)}}, "input_size"),
        ({"batch_size": 0}, "batch_size"),
        ({"dtype": "floaty"}, "dtype"),
        ({"module": nn.Conv2d(4, 4, 3)}, "node"),
        ({"module": nn.Conv2d(3, 4, 9)}, "node"),
        ({"module": Apply(lambda x: x.view(7, -1))}, "node"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_it(arguments, parameter):
    with pytest.raises(DomainError) as caught:
        from_torch(**{"module": Two(), "input_size": (3, 8, 8), **arguments})
    assert caught.value.parameter == parameter


# The module comes back as it was


class Busy(nn.Module):
    """A module whose forward changes it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.register_buffer("turns", torch.zeros(()))
        self.history, self.named, self.last, self.calls = [], {}, None, 0

    def forward(self, x):
        self.turns += 1
        self.calls += 1
        self.history.append(x)
        self.named["x"] = x
        self.last = x = self.bn(self.conv(x))
        return x


def picture(module):
    """What a module is: the identity of everything that it holds, and the values of its tensors."""
    found = []
    for path, part in module.named_modules():
        for key, value in vars(part).items():
            inside = list(value.items()) if isinstance(value, dict) else value if isinstance(value, list) else []
            ids = [tuple(map(id, item)) if isinstance(item, tuple) else id(item) for item in inside]
            found.append((path, key, id(value), ids))
    tensors = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    return found, tensors, [parameter.requires_grad for parameter in module.parameters()]


def same(first, second):
    equal = all(torch.equal(first[1][name], second[1][name]) for name in first[1])
    return first[0] == second[0] and equal and first[2] == second[2]


@pytest.mark.parametrize("stride", [False, True], ids=["by torch.fx", "by torch.export"])
def test_the_module_comes_back_as_it_was(stride):
    class Model(Busy):
        def forward(self, x):
            return super().forward(x) if not stride or x.stride(1) else x

    module, calls = Model().train(), []
    module.conv.register_forward_hook(lambda *_: calls.append("after"))
    module.conv.register_forward_pre_hook(lambda *_: calls.append("before"))
    before = picture(module)
    from_torch(module, (3, 8, 8))
    assert same(before, picture(module))
    assert module.training
    assert calls == [] or stride
    module(torch.rand(1, 3, 8, 8))  # which does change it
    assert not same(before, picture(module))
    assert calls[-2:] == ["before", "after"]


def test_a_module_comes_back_as_it_was_from_a_forward_that_fails():
    class Model(Busy):
        def forward(self, x):
            super().forward(x)
            raise RuntimeError("on purpose")

    module = Model()
    before = picture(module)
    with pytest.raises(UnsupportedError, match=r"test_torch_import\.py:\d+, .*: RuntimeError: on purpose$"):
        from_torch(module, (3, 8, 8))
    assert same(before, picture(module))


def test_no_weight_is_read():
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 36, 5)).to("meta")
    assert from_torch(module, (3, 8, 8)).analyze().output.sizes == (1, 5)


# Hostile modules


def test_code_that_asks_for_a_tensor_is_told_that_it_has_one():
    class Model(nn.Module):
        def forward(self, x):
            tensors = isinstance(x, torch.Tensor), isinstance(x, list | torch.Tensor), torch.is_tensor(x)
            return x.relu() if all(tensors) and not isinstance(x, list | nn.Parameter) else x

    assert from_torch(Model(), (3, 8, 8)).analyze().output.op == "relu"
    assert "isinstance" not in globals()
    assert not torch.is_tensor(3)


def test_functions_of_math_take_tensors_in_the_files_of_the_network_and_of_its_parts():
    class Part(nn.Module):
        def forward(self, x):
            return math.exp(x)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = Part()

        def forward(self, x):
            return x * self.part(sqrt(x.mean()))

    before = sqrt, math.exp
    report = from_torch(Model(), (3, 8, 8)).analyze()
    assert [row.op for row in report] == ["input", "mean", "sqrt", "exp", "mul"]
    assert report.missing == ()
    assert (sqrt, math.exp) == before


class Squared(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x


def test_a_function_with_a_backward_of_its_own_is_followed_into_its_forward():
    assert from_torch(Apply(Squared.apply), (3, 8, 8)).analyze().output.op == "mul"


def test_control_flow_on_sizes_is_followed():
    report = from_torch(Apply(lambda x: x.relu() if x.shape[-1] > 4 and len(x) == 1 else x.sum()), (3, 8, 8)).analyze()
    assert report.output.op == "relu"


def test_control_flow_on_elements_is_refused_in_a_sentence():
    with pytest.raises(UnsupportedError, match="the flow of control depends on the elements of a tensor"):
        from_torch(Apply(lambda x: x if x.sum() > 0 else -x), (3, 8, 8))


def test_absurd_sizes_are_no_trouble():
    report = from_torch(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.MaxPool2d(2)), (3, 2**62, 2**62)).analyze()
    assert report.output.sizes == (1, 8, 2**61, 2**61)
    assert report.macs == 8 * 3 * 9 * 2**124
    with torch.device("meta"):
        wide = nn.Linear(2**40, 2**20)
    assert from_torch(wide, (2**40,)).analyze().params == 2**60 + 2**20


def test_an_absurd_size_at_an_unknown_operation_leaves_the_sizes_unknown():
    report = from_torch(Apply(lambda x: torch.cdist(x, x)), (3, 2**62, 2**62)).analyze()
    assert report.output.sizes is None
    assert report.status == "partial"


def test_an_empty_part_is_unknown_and_has_torchs_sizes():
    report = from_torch(Apply(lambda x: x[:, :0].relu()), (3, 8, 8)).analyze()
    assert report["getitem"].sizes == (1, 0, 8, 8)
    assert "needs" in report["getitem"].reason


class Endless(nn.Module):
    def __init__(self, caught):
        super().__init__()
        self.conv, self.caught = nn.Conv2d(3, 3, 1), caught

    def forward(self, x):
        with suppress(*self.caught):
            while True:
                x = self.conv(x)
        return x


@pytest.mark.parametrize("caught", [(), (Exception,)], ids=["not caught", "caught"])
def test_a_forward_that_never_ends_is_refused_at_a_number_of_steps(monkeypatch, caught):
    monkeypatch.setattr(builder, "MOST_STEPS", 50)
    with pytest.raises(UnsupportedError, match=r"^the forward of Endless .* more than 50 steps: .* one by one$"):
        from_torch(Endless(caught), (3, 8, 8))
    assert len(from_torch(nn.Sequential(*[nn.ReLU()] * 49), (3, 8, 8))) == 50


@pytest.mark.parametrize("by", ["export", "export, as a module"])
def test_what_was_exported_is_read_as_the_module(by):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(True), nn.AvgPool2d(2), nn.Flatten()).eval()
    program = torch.export.export(module, (torch.zeros(1, 3, 8, 8),))
    report = from_torch(program if by == "export" else program.module(), (3, 8, 8)).analyze()
    wanted = from_torch(module, (3, 8, 8)).analyze()
    assert [(row.operator, row.sizes, row.params) for row in report] == [
        (row.operator, row.sizes, row.params) for row in wanted
    ]
    assert [row.name for row in report] == ["input", "conv2d", "batch_norm", "relu", "avg_pool2d", "flatten"]
    told = {tool: report.total(flops(tool)) for tool in ("fvcore", "flop_counter", "torchinfo", "thop", "ptflops")}
    assert [told[tool] for tool in ("fvcore", "flop_counter")] == [
        wanted.total(flops(tool)) for tool in ("fvcore", "flop_counter")
    ]
    assert {total.status for total in told.values()} == {"complete", "unknown"}  # which modules are called is not known


@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's, of its own pytrees
@pytest.mark.parametrize("trains", [False, True])
def test_a_decomposed_program_is_read_as_the_module(trains):
    layers = (
        *(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.InstanceNorm2d(4, affine=True)),
        *(nn.ConvTranspose2d(4, 4, 3, 2, 1, 1, groups=2), nn.GroupNorm(2, 4), nn.AdaptiveAvgPool2d(3)),
        *(nn.MaxPool2d(2, 1), nn.Flatten(), nn.Linear(16, 5), nn.LayerNorm(5), nn.Softmax(1)),
    )
    module = nn.Sequential(*layers).train(trains)
    program = torch.export.export(module, (torch.zeros(2, 3, 8, 8),)).run_decompositions()
    assert "aten.convolution.default" in {str(node.target) for node in program.graph.nodes}
    wanted, report = (from_torch(one, (3, 8, 8), batch_size=2, verify=True).analyze() for one in (module, program))
    assert (report.missing, report.output.sizes) == ((), wanted.output.sizes)
    assert report.output.receptive_field == wanted.output.receptive_field
    assert (report.params, report.macs) == (wanted.params, wanted.macs)
    for tool in ("exact", "fvcore", "flop_counter"):
        assert report.total(flops(tool)) == wanted.total(flops(tool))


def test_a_batch_norm_with_its_statistics_keeps_the_batch():
    function = torch.ops.aten._native_batch_norm_legit_no_training.default
    statistics = None, None, torch.zeros(3), torch.ones(3), 0.1, 1e-5
    row = from_torch(Function(lambda x: function(x, *statistics)[0]), (3, 4), batch_size=2).analyze().output
    assert (row.operator.kind, row.sizes) == ("batch_norm", tuple(function(torch.zeros(2, 3, 4), *statistics)[0].shape))
    statistics = None, None, torch.zeros(3), torch.ones(3), True, 0.1, 1e-5
    trained = Function(lambda x: torch.native_batch_norm(x, *statistics)[1])
    assert from_torch(trained, (3, 4), batch_size=2).analyze().output.sizes == tuple(trained(torch.rand(2, 3, 4)).shape)


def test_an_operator_of_torchs_dispatcher_has_its_own_name_and_one_of_another_library_is_none_of_torchs():
    ops = torch.ops
    one = from_torch(Apply(lambda x: ops.aten.unfold.default(ops.aten.relu.default(x), 3, 2, 2)), (3, 8, 8)).analyze()
    assert [row.op for row in one][-2:] == ["relu", "windows"]
    other = from_torch(Apply(lambda x: ops.prims.exp.default(x)), (3, 8, 8)).analyze()
    assert (other.output.op, other.output.macs, other.missing) == ("prims::exp", None, ("prims::exp",))


def test_a_cycle_of_modules_is_refused_in_a_sentence():
    module = Apply(torch.relu)
    module.conv.parent = module
    with pytest.raises(UnsupportedError, match="nested deeper than Python's stack allows"):
        from_torch(module, (3, 8, 8))


def test_modules_nested_beyond_the_stack_are_refused_in_a_sentence():
    module = nn.Sequential(nn.ReLU())
    for _ in range(2000):
        module = nn.Sequential(module)
    with pytest.raises(UnsupportedError, match="nested deeper than Python's stack allows"):
        from_torch(module, (3, 8, 8))


# Without torch


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_without_torch_the_error_says_what_to_install():
    code = "import sys; sys.modules['torch'] = None; from convmath.network import from_torch"
    last = run(code).stderr.strip().split("\n")[-1]
    assert last.endswith("UnsupportedError: from_torch needs torch: pip install 'convmath[torch]'")


@pytest.mark.parametrize("size", [8, 8.0, "8", {8}])
def test_input_sizes_that_are_no_sizes_are_refused(size):
    with pytest.raises(DomainError, match=r"input_size=.*: needs"):
        from_torch(nn.Conv2d(3, 4, 3), size)


def test_an_error_at_the_default_sizes_says_that_they_are_the_default():
    said = (
        r"channels=3: conv2d needs 1; the sizes \(3, 224, 224\) are the default: give those .* input_size, or --input"
    )
    with pytest.raises(DomainError, match=said):
        from_torch(nn.Conv2d(1, 4, 3))
    with pytest.raises(DomainError, match=r"conv2d needs 1$"):
        from_torch(nn.Conv2d(1, 4, 3), (3, 224, 224))
    with pytest.raises(UnsupportedError, match=r"could not be followed: .*are the default"):
        from_torch(Apply(lambda x: x.nothing))
    with pytest.raises(
        DomainError, match=r"dtype='odd': needs a dtype of torch, or the name of one such as 'float32'$"
    ):
        from_torch(nn.Conv2d(3, 4, 3), dtype="odd")


def test_sizes_that_are_taken_for_an_image_without_a_batch_are_said_to_be():
    with pytest.raises(
        DomainError, match=r"\(1, 3, 8\), the batch first, were taken for C, H, W .* needs C, H, W, 3 sizes"
    ):
        from_torch(nn.Conv2d(3, 4, 3), (3, 8))
    with pytest.raises(DomainError, match=r"channels=4: conv2d needs 3$"):
        from_torch(nn.Conv2d(3, 4, 3), (4, 8, 8))


def test_a_layer_norm_of_other_sizes_is_refused_as_torch_does():
    layer = nn.LayerNorm([1, 16, 16])
    said = r"normalized_shape=\(1, 16, 16\): the sizes \(1, 1, 8, 16\) do not end in it"
    with pytest.raises(DomainError, match=said):
        from_torch(layer, (1, 8, 16))
    with pytest.raises(DomainError, match="say by at=, or --read-at"):
        from_torch(layer, (1, "n", "n"))
    assert from_torch(layer, (1, "n", "n"), at=16).reading["layer_norm"].operator.dims == (1, 2, 3)


def test_a_class_is_to_be_called_first():
    with pytest.raises(DomainError, match="module='Conv2d': is a class; call it"):
        from_torch(nn.Conv2d)


ALONE = """
import logging, sys
import convmath.network
print({"torch", "onnx", "numpy", "sympy"} & set(sys.modules))
from convmath.network import from_torch
print("torch" in sys.modules)
import torch
from torch import nn

class Mismatched(nn.Module):
    def forward(self, x):
        return torch.cat([x, x[:, :, 1:]], 1)

class Branching(nn.Module):
    def forward(self, x):
        return x + 1 if x.sum() > 0 else x

for module in (Mismatched(), Branching()):
    try:
        from_torch(module, (1, 8, 8))
    except Exception as error:
        print(type(error).__name__)
logging.getLogger("torch._subclasses.fake_tensor").error("heard again")
"""


@pytest.fixture(scope="module")
def ran():
    """A process in which nothing else was loaded."""
    return run(ALONE)


def test_the_room_is_loaded_without_torch_and_the_importer_with_it(ran):
    assert ran.stdout.split()[:2] == ["set()", "True"], ran.stderr


def test_nothing_of_torchs_log_is_heard_while_a_module_is_read(ran):
    assert ran.stdout.split()[2:] == ["DomainError", "UnsupportedError"]
    lines = ran.stderr.strip().splitlines()
    assert len(lines) == 1, ran.stderr
    assert "heard again" in lines[0]


# Wrapped modules, forwards of any number of inputs, and what is never used


class Several(nn.Module):
    """Takes any number of images after the first, and perhaps a factor."""

    def __init__(self):
        super().__init__()
        self.first, self.others = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 1)

    def forward(self, x, *others, factor=1):
        return self.first(x) + sum(self.others(other) for other in others) * factor


@pytest.mark.parametrize(
    "given",
    [
        [(3, 8, 8)] * 3,
        {"x": (3, 8, 8), "others.0": (3, 8, 8), "others.1": (3, 8, 8)},
        {"others.1": (3, 8, 8), "x": (3, 8, 8), "others.0": (3, 8, 8)},
    ],
)
def test_a_forward_takes_any_number_of_inputs(given):
    report = from_torch(Several(), given, arguments={"factor": 2}).analyze()
    assert set(report.graph.inputs) == {"x", "others.0", "others.1"}
    assert [report[name].inputs for name in ("first", "others", "others_1")] == [((1, 3, 8, 8),)] * 3
    assert report.output.sizes == (1, 4, 8, 8)


def test_an_exported_forward_takes_any_number_of_inputs():
    builder = Builder(torch.device("cpu"))
    names = ("x", "others.0", "others.1")
    inputs = {name: builder.input(name, (1, 3, 8, 8), torch.float32) for name in names}
    graph = builder.graph(read_exported(builder, Several(), inputs, {"factor": 2}))
    assert graph.inputs == names
    assert graph.analyze().output.sizes == (1, 4, 8, 8)


def test_only_inputs_that_a_forward_takes_have_a_name():
    with pytest.raises(DomainError, match=r"others\.0"):
        from_torch(Several(), {"x": (3, 8, 8), "other.0": (3, 8, 8)})
    with pytest.raises(DomainError, match="gives 2 inputs"):
        from_torch(nn.Conv2d(3, 4, 3), [(3, 8, 8)] * 2)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("wrap", [nn.DataParallel, torch.compile, lambda layer: nn.DataParallel(torch.compile(layer))])
def test_a_wrapped_module_is_read_as_the_one_within(wrap):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    names = [row.name for row in from_torch(wrap(module), (3, 8, 8)).analyze()]
    assert names == [row.name for row in from_torch(module, (3, 8, 8)).analyze()]


def test_a_part_on_several_devices_keeps_its_path():
    report = from_torch(nn.Sequential(nn.DataParallel(nn.Conv2d(3, 4, 3))), (3, 8, 8)).analyze()
    assert report.output.name == "0.module"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_script_is_refused_in_a_sentence_and_as_a_part_unknown():
    script = torch.jit.script(nn.Conv2d(3, 4, 3))
    with pytest.raises(UnsupportedError, match="Conv2d is compiled by torch"):
        from_torch(script, (3, 8, 8))
    report = from_torch(nn.Sequential(script, nn.ReLU()), (3, 8, 8)).analyze()
    assert "torch.jit" in report["0"].reason
    assert (report["0"].sizes, report["0"].params) == ((1, 4, 6, 6), 112)


def test_observers_and_false_quantisation_compute_nothing_that_is_counted():
    layer = torch.ao.nn.qat.Conv2d(3, 4, 3, qconfig=torch.ao.quantization.get_default_qat_qconfig())
    report = from_torch(layer, (3, 8, 8)).analyze()
    assert report.missing == ()
    assert (report.params, report.macs) == (112, 4 * 6 * 6 * 27)


class Idle(nn.Module):
    def __init__(self, *, both=False):
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 4, 3), nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 6))
        self.part = nn.ModuleList([nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)])
        self.scale, self.both = nn.Parameter(torch.ones(7)), both

    def forward(self, x):
        x = self.part[1](self.stem(x))
        return self.part[0](x) if self.both else x


def test_what_is_never_used_is_named_with_its_parameters():
    report = from_torch(Idle(), (3, 8, 8)).analyze()
    assert report.graph.unused == {"scale": 7, "head": 61, "part.0": 20}
    assert report.params + sum(report.graph.unused.values()) == sum(one.numel() for one in Idle().parameters())
    (idle,) = (sentences for heading, sentences in shown(report).notes if heading == "Never used")
    assert "head: 61 parameters, in no total" in idle


def test_what_is_computed_of_weights_alone_and_not_read_is_never_used():
    module = Idle()
    module.forward = lambda x: (module.scale * 2, x)[1] + module.head[0].bias[:1]
    report = from_torch(module, (3, 8, 8)).analyze()
    assert (report.graph.unused["scale"], report.params) == (7, 5)
    module.forward = lambda x: (nn.functional.linear(torch.ones(2, 7), module.scale * torch.ones(3, 1)), x)[1]
    assert from_torch(module, (3, 8, 8)).unused["scale"] == 7


def test_what_is_used_is_not_named():
    assert from_torch(Idle(both=True), (3, "n", "n")).unused == {"scale": 7, "head": 61}
    assert "part.0" not in from_torch(Idle(both=True), (3, 8, 8)).unused
    assert from_torch(nn.Conv2d(3, 4, 3), (3, 8, 8)).unused == {}
    assert not any(heading == "Never used" for heading, _ in shown(from_torch(nn.ReLU(), (3, 8, 8)).analyze()).notes)


LOOKED_AT = {
    "detached": lambda layer, _: [weight.detach().norm() for weight in layer.parameters()],
    "data of one": lambda layer, _: next(iter(layer.parameters())).data.abs().max(),
    "run dry": lambda layer, x: call(layer, torch.zeros(x.shape)),
    "not": lambda layer, _: None,
}


def call(layer, x):
    return layer(x, x, x, need_weights=False)[0] if isinstance(layer, nn.MultiheadAttention) else layer(x)


@pytest.mark.parametrize("layer", [nn.Conv2d(3, 4, 3), nn.Linear(8, 8), nn.MultiheadAttention(8, 2)])
@pytest.mark.parametrize("look", LOOKED_AT)
def test_weights_that_a_forward_looks_at_before_it_uses_them_are_counted_where_they_are_used(layer, look):
    module = Function(lambda x, layer: (LOOKED_AT[look](layer, x), call(layer, x))[1], layer)
    report = from_torch(module, (8,) if isinstance(layer, nn.MultiheadAttention) else (3, 8, 8)).analyze()
    assert (report.total("params").value, report.graph.unused) == (sum(one.numel() for one in layer.parameters()), {})
    assert sum(row.params for row in report if row.name.startswith("parts.0")) == report.params


class Masked(nn.Conv2d):
    """A convolution that hides taps of its weights before each call, by what it computes of its buffer or its input."""

    def __init__(self, given: bool):
        super().__init__(4, 4, 3)
        self.given = given
        self.register_buffer("mask", torch.ones(4, 4, 3, 3))

    def forward(self, x):
        self.weight.data *= x.mean() if self.given else self.mask
        return super().forward(x)


@pytest.mark.parametrize("given", [False, True])
def test_of_weights_that_are_written_into_it_is_said_whether_they_depend_on_the_input(given):
    report = from_torch(nn.Sequential(Masked(given), Masked(given)), (4, 9, 9)).analyze()
    assert (report.status, report.params, report.graph.unused) == ("partial", 2 * (4 * 4 * 9 + 4), {})
    assert [row.reason for row in (report["0"], report["1"])] == ["its weights depend on the input" * given] * 2
    assert "written in place by another name" in report["0.written_in_place"].reason
