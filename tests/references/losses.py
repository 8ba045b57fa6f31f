"""Makes tests/data/losses.json: PyTorch's losses and their gradients.

    venv/bin/python tests/references/losses.py

Computed in float64 from float32 inputs (with the Python environment of generate.py), so that what is written is the true value,
as far as float32 can tell; `targets` are classes, `probabilities` and `values` one number for each logit.
"""

import torch
from torch import nn
from torch.nn import functional

from generate import decimals, write

SAMPLES, CLASSES = 6, 10


def case(loss, at, *targets):
    """The value of `loss` and its gradient at `at`."""
    at = at.double().requires_grad_()
    value = loss(at, *targets)
    value.backward()
    return {"value": value.item(), "grad": decimals(at.grad)}


def main():
    generator = torch.Generator().manual_seed(7)
    logits = torch.randn(SAMPLES, CLASSES, generator=generator) * 3
    targets = torch.randint(CLASSES, (SAMPLES,), generator=generator)
    class_weights = torch.rand(CLASSES, generator=generator) * 2 + 0.1
    probabilities = torch.softmax(torch.randn(SAMPLES, CLASSES, generator=generator), dim=1)
    values = torch.randn(SAMPLES, CLASSES, generator=generator)
    log_probabilities = torch.log_softmax(logits, dim=1)
    weight = class_weights.double()
    result = {
        "made_with": f"tests/references/losses.py, PyTorch {torch.__version__}, CPU",
        "logits": decimals(logits),
        "log_probabilities": decimals(log_probabilities),
        "targets": targets.tolist(),
        "class_weights": decimals(class_weights),
        "probabilities": decimals(probabilities),
        "values": decimals(values),
        "cross_entropy": case(nn.CrossEntropyLoss(), logits, targets),
        "cross_entropy_weighted": case(nn.CrossEntropyLoss(weight=weight), logits, targets),
        "cross_entropy_smoothed": case(nn.CrossEntropyLoss(label_smoothing=0.1), logits, targets),
        "cross_entropy_weighted_smoothed": case(nn.CrossEntropyLoss(weight=weight, label_smoothing=0.1), logits, targets),
        "cross_entropy_soft": case(nn.CrossEntropyLoss(), logits, probabilities.double()),
        "nll": case(nn.NLLLoss(), log_probabilities, targets),
        "nll_weighted": case(nn.NLLLoss(weight=weight), log_probabilities, targets),
        "mse": case(nn.MSELoss(), logits, values.double()),
        "bce_with_logits": case(nn.BCEWithLogitsLoss(), logits, probabilities.double()),
        "log_softmax": case(lambda z: (functional.log_softmax(z, dim=1) * values).sum(), logits),
    }
    write("losses.json", result)


if __name__ == "__main__":
    main()
