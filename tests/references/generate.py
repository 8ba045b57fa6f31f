"""Makes tests/data: the numbers of PyTorch that Selvedge is held to.

    python3 -m venv venv
    venv/bin/pip install -r tests/references/requirements.txt
    venv/bin/python tests/references/generate.py                       # small.json, state-dict.pth
    venv/bin/python tests/references/generate.py --fashion-mnist DIR   # also the quickstart's run and its initial weights

small.json (linear layers 20-16-12-10 with ReLU between them) needs no data set. quickstart.json (784-512-512-10) needs the
four files of Fashion-MNIST, gzipped, in DIR; with it comes init-784x512x512x10.safetensors. Everything is drawn from
fixed seeds and computed by one thread on the CPU: the same CPU and PyTorch give the same files, others may differ in the
last digits.

Each run is done twice from the same float32 weights and inputs: in float32, as Selvedge computes, and in float64. What has
`float64` in its name, or no `losses` in it, is from the float64 run: the true value, as far as float32 can tell. The
float32 losses show how far PyTorch itself is from it, which is what the tolerances in tests/tests/engines/pytorch.rs follow from;
the same distance for every other quantity is printed.
"""

import argparse
import gzip
import json
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "data"
STEPS = 200


class NeuralNetwork(nn.Module):
    """The quickstart's module, for any widths: `linear_relu_stack.<layer>.weight` and `.bias` are its parameters."""

    def __init__(self, widths):
        super().__init__()
        layers = []
        for inputs, outputs in zip(widths, widths[1:]):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.linear_relu_stack = nn.Sequential(*layers[:-1])

    def forward(self, x):
        return self.linear_relu_stack(x)


def train(widths, initial, batches, learning_rate, dtype):
    """STEPS steps of SGD, cycling over the batches: the trained model, its losses and the first step's gradients."""
    model = NeuralNetwork(widths)
    model.load_state_dict(initial)
    model.to(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    losses, first_gradients = [], {}
    for step in range(STEPS):
        inputs, targets = batches[step % len(batches)]
        loss = nn.functional.cross_entropy(model(inputs.to(dtype)), targets)
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            first_gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
        optimizer.step()
        losses.append(loss.item())
    return model, losses, first_gradients


def logits(widths, parameters, inputs, dtype):
    model = NeuralNetwork(widths)
    model.load_state_dict(parameters)
    with torch.no_grad():
        return model.to(dtype)(inputs.to(dtype))


def decimals(tensor):
    """The float32 nearest to each element, as the decimal number of nine digits that reads back as the same float32."""
    values = tensor.detach().float().numpy()
    written = np.vectorize(lambda x: float(f"{x:.9g}"), otypes=[np.float64])(values)
    assert np.array_equal(written.astype(np.float32), values)
    return written.tolist()


def named_decimals(tensors):
    return {name: decimals(tensor) for name, tensor in tensors.items()}


def report(what, single, double):
    """Prints how far PyTorch's float32 run is from its float64 run, relative to the tensor's largest element."""
    distance = max(((single[n].double() - double[n]).abs().max() / double[n].abs().max()).item() for n in double)
    print(f"  {what}: float32 within {distance:.1e} of float64")


def report_losses(single, double):
    distance = max(abs(a - b) / b for a, b in zip(single, double))
    print(f"  losses {double[0]:.4f} … {double[-1]:.4f}: float32 within {distance:.1e} of float64")


def norms(tensors):
    return {name: tensor.double().norm().item() for name, tensor in tensors.items()}


def rows(value, indent=""):
    """JSON with one line for each row of numbers."""
    inner = indent + " "
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(key)}: {rows(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and isinstance(value[0], list):
        return "[\n" + ",\n".join(inner + rows(item, inner) for item in value) + f"\n{indent}]"
    return json.dumps(value)


def write(name, content):
    path = OUTPUT / name
    path.write_text(rows(content) + "\n")
    print(f"  {name}: {path.stat().st_size} bytes")


def small():
    """Random inputs; the targets are a random linear map's classes, so that there is something to learn."""
    widths, batch_size, batch_count, learning_rate = [20, 16, 12, 10], 8, 25, 0.05
    torch.manual_seed(1)
    initial = NeuralNetwork(widths).state_dict()
    inputs = torch.randn(batch_count, batch_size, widths[0])
    targets = (inputs @ torch.randn(widths[0], widths[-1])).argmax(2)
    batches = list(zip(inputs, targets))
    single, losses, gradients = train(widths, initial, batches, learning_rate, torch.float32)
    double, losses_float64, gradients_float64 = train(widths, initial, batches, learning_rate, torch.float64)
    print("small")
    report_losses(losses, losses_float64)
    report("gradients", gradients, gradients_float64)
    report("final parameters", single.state_dict(), double.state_dict())
    write("small.json", {
        "made_with": f"tests/references/generate.py, PyTorch {torch.__version__}, CPU",
        "layers": widths,
        "learning_rate": learning_rate,
        "inputs": decimals(inputs),
        "targets": targets.tolist(),
        "initial_parameters": named_decimals(initial),
        "initial_logits_of_first_batch": decimals(logits(widths, initial, inputs[0], torch.float64)),
        "first_step_gradients": named_decimals(gradients_float64),
        "losses": losses,
        "losses_float64": losses_float64,
        "final_parameters": named_decimals(double.state_dict()),
    })


def state_dict():
    """What PyTorch saves, with each type that is read; the values are known: eighths from 0 on in each tensor."""
    module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    state = module.state_dict()
    types = {"0.weight": torch.float32, "0.bias": torch.float64, "2.weight": torch.float16, "2.bias": torch.bfloat16}
    for name, tensor in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        values = torch.arange(tensor.numel()).reshape(tensor.shape) / 8
        state[name] = values.to(types.get(name, torch.float32))
    torch.save(state, OUTPUT / "state-dict.pth")
    print(f"  state-dict.pth: {(OUTPUT / 'state-dict.pth').stat().st_size} bytes")


def idx(folder, name, header, shape):
    data = gzip.open(folder / name).read()
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=header).reshape(shape).copy())


def quickstart(folder):
    """The quickstart's model and optimizer on the training images in file order, 64 at a time."""
    widths, batch_size, learning_rate = [784, 512, 512, 10], 64, 1e-3
    # Pixels are divided in float32 for both runs: float64 starts from the same inputs.
    pixels = lambda name: idx(folder, name, 16, (-1, 784)).float() / 255
    labels = lambda name: idx(folder, name, 8, (-1,)).long()
    inputs, targets = pixels("train-images-idx3-ubyte.gz"), labels("train-labels-idx1-ubyte.gz")
    test_inputs, test_targets = pixels("t10k-images-idx3-ubyte.gz"), labels("t10k-labels-idx1-ubyte.gz")
    batches = list(zip(inputs.split(batch_size), targets.split(batch_size)))[:STEPS]
    torch.manual_seed(0)
    initial = NeuralNetwork(widths).state_dict()
    save_file(initial, OUTPUT / "init-784x512x512x10.safetensors")
    single, losses, gradients = train(widths, initial, batches, learning_rate, torch.float32)
    double, losses_float64, gradients_float64 = train(widths, initial, batches, learning_rate, torch.float64)
    print("quickstart")
    report_losses(losses, losses_float64)
    report("gradients", gradients, gradients_float64)
    report("final parameters", single.state_dict(), double.state_dict())
    final_logits = logits(widths, double.state_dict(), test_inputs, torch.float64)
    report("test logits", {"": logits(widths, single.state_dict(), test_inputs, torch.float32)}, {"": final_logits})
    write("quickstart.json", {
        "made_with": f"tests/references/generate.py, PyTorch {torch.__version__}, CPU",
        "layers": widths,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "order": "the training images in file order, without shuffling; pixel / 255",
        "initial_logits_of_first_5_test_images": decimals(logits(widths, initial, test_inputs[:5], torch.float64)),
        "first_step_gradient_norm_and_sum": {
            name: [grad.norm().item(), grad.sum().item()] for name, grad in gradients_float64.items()
        },
        "losses": losses,
        "losses_float64": losses_float64,
        "final_parameter_norms": norms(double.state_dict()),
        "logits_of_first_5_test_images": decimals(final_logits[:5]),
        "test_loss": nn.functional.cross_entropy(final_logits, test_targets).item(),
        "test_correct": (final_logits.argmax(1) == test_targets).sum().item(),
    })


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fashion-mnist", type=pathlib.Path, metavar="DIR", help="where the data set's gzipped files are")
    options = parser.parse_args()
    torch.set_num_threads(1)
    OUTPUT.mkdir(exist_ok=True)
    small()
    state_dict()
    if options.fashion_mnist:
        quickstart(options.fashion_mnist)
