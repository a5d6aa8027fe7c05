"""Published networks: sizes and costs against torch on meta tensors, fields against gradients, and printed numbers."""

from __future__ import annotations

import copy
from dataclasses import replace
from fractions import Fraction
from math import prod

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from convmath.network import Graph, NetworkReport, from_torch  # noqa: E402

from ..models.classics import VGG16, AlexNet, DigitNet, LeNet  # noqa: E402
from ..models.dense_prediction import TCN, Autoencoder, PatchGAN, UNet  # noqa: E402
from ..models.resnet import resnet  # noqa: E402

MODELS = {
    "lenet": (LeNet, (1, 32, 32)),
    "digits": (DigitNet, (3, 32, 32)),
    "alexnet": (AlexNet, (3, 227, 227)),
    "vgg16": (VGG16, (3, 224, 224)),
    **{f"resnet{layers}": (lambda layers=layers: resnet(layers), (3, 224, 224)) for layers in (18, 34, 50, 101, 152)},
    "unet": (UNet, (1, 572, 572)),
    "tcn": (TCN, (1, 100)),
    "patchgan": (PatchGAN, (6, 256, 256)),
    "autoencoder": (Autoencoder, (1, 28, 28)),
}

SMALL = {
    "lenet": (LeNet, (1, 32, 32)),
    "digits": (DigitNet, (3, 32, 32)),
    "alexnet": (lambda: AlexNet().features, (3, 67, 67)),
    "vgg16": (lambda: VGG16(width=2, hidden=4, size=32), (3, 32, 32)),
    "resnet18": (lambda: resnet(18, width=4, classes=3), (3, 64, 64)),
    "resnet50": (lambda: resnet(50, width=2, classes=3), (3, 64, 64)),
    "unet": (lambda: UNet(width=2, depth=2), (1, 44, 44)),
    "tcn": (lambda: TCN(width=3, levels=3), (1, 40)),
    "patchgan": (lambda: PatchGAN(width=2), (6, 96, 96)),
    "autoencoder": (lambda: Autoencoder(width=2), (1, 28, 28)),
}


def on_meta(name):
    build, size = MODELS[name]
    with torch.device("meta"):
        return build().eval(), size


@pytest.fixture(scope="module")
def analysed():
    """Each model with its report, made once."""
    found = {}

    def of(name):
        if name not in found:
            model, size = on_meta(name)
            found[name] = model, size, from_torch(model, size).analyze()
        return found[name]

    return of


def up_to(name, graph):
    """The nodes up to one."""
    nodes = list(graph)
    return Graph(nodes[: 1 + [node.name for node in nodes].index(name)])


def executed_sizes(model, size):
    """What torch says of every layer's results, in order, by the path of the layer, on meta tensors."""
    sizes: dict[str, list[tuple[int, ...]]] = {}
    hooks = [
        layer.register_forward_hook(
            lambda _, __, output, path=path: sizes.setdefault(path, []).append(tuple(output.shape))
        )
        for path, layer in model.named_modules()
        if not list(layer.children())
    ]
    model(torch.empty((1, *size), device="meta"))
    for hook in hooks:
        hook.remove()
    return sizes


def differing_sizes(report: NetworkReport, executed) -> list[str]:
    """The layers whose sizes are others in the report; a layer that runs again has a number after its name."""
    found = {row.name: row.sizes for row in report}
    named = {
        f"{path}_{turn}" if turn else path: sizes
        for path, turns in executed.items()
        for turn, sizes in enumerate(turns)
    }
    return [name for name, sizes in named.items() if found.get(name) != sizes]


@pytest.mark.parametrize("name", MODELS)
def test_every_layers_size_is_that_of_torch_on_meta_tensors(analysed, name):
    model, size, report = analysed(name)
    assert report.status == "complete"
    assert differing_sizes(report, executed_sizes(model, size)) == []


@pytest.mark.parametrize("name", ["lenet", "resnet18", "unet", "tcn", "patchgan", "autoencoder"])
def test_torch_agrees_with_the_size_of_every_node_functions_included(name):
    model, size = on_meta(name)
    assert from_torch(model, size, verify=True).analyze().missing == ()


def test_a_wrong_stride_is_found_by_the_comparison_of_sizes(analysed):
    model, size, report = analysed("vgg16")
    wrong = replace(report["features.28"].operator, stride=(2, 2))
    changed = up_to("features.28", Graph(report.graph).replaced({"features.28": wrong}))
    executed = executed_sizes(model, size)
    assert differing_sizes(up_to("features.28", report.graph).analyze(), executed)[0] == "features.29"
    assert differing_sizes(changed.analyze(), executed)[0] == "features.28"


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_those_that_torch_counts(analysed, name):
    model, _, report = analysed(name)
    assert report.params == sum(parameter.numel() for parameter in model.parameters())
    own = {
        path: sum(parameter.numel() for parameter in layer.parameters())
        for path, layer in model.named_modules()
        if not list(layer.children())
    }
    assert {path: report[path].params for path in own} == own


@pytest.mark.parametrize("name", MODELS)
def test_multiplications_are_those_that_torch_counts(analysed, name):
    model, size, report = analysed(name)
    with FlopCounterMode(display=False) as counter:
        model(torch.empty((1, *size), device="meta"))
    assert 2 * report.macs == counter.get_total_flops()
    counts = counter.get_flop_counts()
    layers = [path for path, layer in model.named_modules() if isinstance(layer, nn.modules.conv._ConvNd | nn.Linear)]
    by_torch = {path: sum(counts[f"{type(model).__name__}.{path}"].values()) for path in layers}
    assert {path: 2 * report[path].macs for path in layers} == by_torch


# Printed numbers

PARAMS = {
    "vgg16": 138_357_544,  # torchvision's documentation of VGG16_Weights, num_params
    "resnet18": 11_689_512,  # the same of ResNet18_Weights
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
}

FIELDS = {  # Araujo, Norris and Sim 2019, table in the section on modern networks: size, stride
    "alexnet": ("features.14", 195, 32),
    "vgg16": ("features.30", 212, 32),
    "resnet50": ("layer4.2.relu_2", 483, 32),
    "resnet101": ("layer4.2.relu_2", 1027, 32),
    "resnet152": ("layer4.2.relu_2", 1507, 32),
}

BILLIONS = {"resnet18": 1.8, "resnet34": 3.6, "resnet50": 3.8, "resnet101": 7.6, "resnet152": 11.3}  # He 2016, table 1


@pytest.mark.parametrize("name", PARAMS)
def test_the_number_of_parameters_is_the_published_one(analysed, name):
    assert analysed(name)[2].params == PARAMS[name]


@pytest.mark.parametrize("name", FIELDS)
def test_the_receptive_field_is_the_published_one(analysed, name):
    node, size, stride = FIELDS[name]
    # the published figure is that of a network whose first convolution pads nothing; padding moves a field only
    field = analysed(name)[2][node].receptive_field
    assert (field.size, field.stride) == ((size,) * 2, (Fraction(stride),) * 2)


def test_a_stride_on_the_3x3_convolutions_gives_a_smaller_field_than_the_published_one():
    with torch.device("meta"):
        late = resnet(50, late_stride=True)
    assert from_torch(late).analyze()["layer4.2.relu_2"].receptive_field.size == (427, 427)


@pytest.mark.parametrize("name", BILLIONS)
def test_the_multiply_accumulates_are_the_published_ones_to_the_digits_printed(analysed, name):
    assert abs(analysed(name)[2].macs / 1e9 - BILLIONS[name]) < 0.1


def test_alexnet_has_the_neurons_of_its_paper(analysed):
    report = analysed("alexnet")[2]
    layers = ("features.4", "features.8", "features.10", "features.12", "classifier.1", "classifier.4", "classifier.6")
    # Krizhevsky 2012, figure 2; the number printed for the first layer belongs to no padding of 224 pixels
    printed = (186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000)
    assert tuple(prod(report[layer].output_size) for layer in layers) == printed
    assert round(report.params, -6) == 61_000_000  # "60 million" in the abstract


def test_the_networks_of_digits_has_the_sizes_of_its_table(analysed):
    report = analysed("digits")[2]
    wanted = {
        "conv1": (6, 28, 28),
        "pool1": (6, 14, 14),
        "conv2": (16, 10, 10),
        "pool2": (16, 5, 5),
        "fc3": (120,),
        "fc4": (84,),
        "softmax": (10,),
    }
    assert {name: report[name].output_size for name in wanted} == wanted


def test_patchgan_sees_70_pixels(analysed):
    assert analysed("patchgan")[2]["head"].receptive_field.size == (70, 70)  # Isola 2017, appendix 6.1.2


def test_unet_gives_388_pixels_for_572(analysed):
    assert analysed("unet")[2].output.output_size == (2, 388, 388)  # Ronneberger 2015, figure 1


@pytest.mark.parametrize(("levels", "kernel_size"), [(1, 3), (4, 3), (6, 2), (8, 7)])
def test_a_temporal_network_looks_back_over_every_level_twice(levels, kernel_size):
    report = from_torch(TCN(width=2, levels=levels, kernel_size=kernel_size), (1, 5000)).analyze()
    field = report.output.receptive_field[0]
    assert field.size == 1 + 2 * (kernel_size - 1) * (2**levels - 1)
    assert field.interval(4000)[1] == 4001  # nothing of the future


# Receptive fields against gradients


def positive(model):
    """The model with positive weights, so that nothing cancels; a maximum reads as the mean of its window does."""
    model = copy.deepcopy(model).double().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            fan_in = max(1, parameter[0].numel()) if parameter.dim() > 1 else 1
            parameter.copy_((torch.rand(parameter.shape, generator=generator, dtype=torch.float64) + 0.5) / fan_in)
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.MaxPool2d):
                setattr(parent, name, nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding))
    return model


def supports(model, size, positions):
    """For layers and positions: per axis the elements of the input for which the gradient is not 0."""
    results = {}

    def keep(path):
        def hook(_, __, output):
            results.setdefault(path, output)

        return hook

    hooks = [
        layer.register_forward_hook(keep(path)) for path, layer in model.named_modules() if not list(layer.children())
    ]
    image = torch.rand((1, *size), generator=torch.Generator().manual_seed(1), dtype=torch.float64).requires_grad_()
    model(image)
    for hook in hooks:
        hook.remove()
    for path, result in results.items():
        for position in positions(tuple(result.shape[2:])):
            one = result[(0, 0, *position)]
            (gradient,) = torch.autograd.grad(one, image, retain_graph=True)
            found = gradient[0].abs().sum(0) != 0
            axes = range(found.dim())
            kept = [found.any(dim=[d for d in axes if d != axis]) if found.dim() > 1 else found for axis in axes]
            yield path, position, tuple(set(axis.nonzero().flatten().tolist()) for axis in kept)


def some_positions(spatial):
    """The first, the last and one inside."""
    return sorted({tuple(0 for _ in spatial), tuple(n - 1 for n in spatial), tuple(n // 2 for n in spatial)})


def elements(spans):
    return {element for start, stop in spans.parts for element in range(start, stop)}


@pytest.mark.parametrize("name", SMALL)
def test_every_layer_reads_what_its_gradient_says(name):
    build, size = SMALL[name]
    torch.manual_seed(0)
    model = build()
    report = from_torch(model, size).analyze()
    source = report.rows[0].name
    compared = 0
    for path, position, wanted in supports(positive(model), size, some_positions):
        found = tuple(map(elements, report.reads(path, *position)[source]))
        assert found == wanted, f"{path} at {position}"
        compared += 1
    assert compared > 10


def test_a_dilation_left_out_is_found_by_the_comparison_with_gradients():
    model, size = TCN(width=3, levels=3), (1, 40)
    report = from_torch(model, size).analyze()
    wrong = replace(report["blocks.1.conv2"].operator, dilation=1)
    changed = up_to("blocks.1.conv2", report.graph.replaced({"blocks.1.conv2": wrong})).analyze()
    differing = [
        path
        for path, position, wanted in supports(positive(model), size, some_positions)
        if path == "blocks.1.conv2" and tuple(map(elements, changed.reads(path, *position).get("x", ()))) != wanted
    ]
    assert differing
