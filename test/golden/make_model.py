"""Goldens of settings of the model, made by PyTorch in float64, for test/model/settings.test.ts.

    pip install torch==2.13.0
    python test/golden/make_model.py > test/golden/model.json
"""

import json

import torch

torch.manual_seed(999)


def gem_cases():
    """GeM as in its authors' code: x.clamp(min=eps).pow(p).mean().pow(1 / p), over an image's tokens."""
    cases = []
    for power in (1.0, 3.0, 2.5):
        tokens = torch.randn(2, 5, 3, dtype=torch.float64).requires_grad_()
        direction = torch.randn(2, 3, dtype=torch.float64)
        pooled = tokens.clamp(min=1e-6).pow(power).mean(1).pow(1 / power)
        (pooled * direction).sum().backward()
        case = {"tokens": tokens.tolist(), "direction": direction.tolist(), "gradient": tokens.grad.tolist()}
        cases.append({"power": power, "pooled": pooled.tolist(), **case})
    return cases


print(json.dumps({"gem": gem_cases()}))
