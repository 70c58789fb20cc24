"""Import before open_clip, timm or transformers, which import torchvision: its wheel for CUDA finds no operators of
its own beside PyTorch's wheel for the CPU, and fails on these two names. None is used here.
"""
import torch

for name in ("nms", "qnms"):
    if not hasattr(torch.ops.torchvision, name):
        torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
