"""What training keeps of a forward pass for the gradients: the saved tensors of torch's autograd."""

from .tensors import Saved, SavedTensor, saved_tensors

__all__ = ["Saved", "SavedTensor", "saved_tensors"]
