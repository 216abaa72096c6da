"""Where tensors live: devices by name."""

import torch

from netgraph.errors import NetTypeError, NetValueError
from netgraph.types.symbols import Automatic


def device_of(name, *, default: str = "cpu") -> torch.device:
    """The device that a TargetDevice option names: "CPU", "CUDA" (or "GPU"), ("CUDA", 1), a torch device, or Automatic.

    Automatic is `default`; "best" as default means CUDA where there is one. Errors: NetValueError for a device that is not there.
    """
    if name is Automatic:
        return torch.device("cuda" if default == "best" and torch.cuda.is_available() else "cpu" if default == "best" else default)
    if isinstance(name, torch.device):
        wanted = name
    elif isinstance(name, (tuple, list)) and len(name) == 2 and isinstance(name[0], str) and isinstance(name[1], int):
        wanted = torch.device(_kind(name[0]), name[1])
    elif isinstance(name, str):
        kind, _, number = name.partition(":")
        wanted = torch.device(_kind(kind), int(number)) if number.isdigit() else torch.device(_kind(kind))
    else:
        raise NetTypeError(f'TargetDevice wants "CPU", "CUDA", ("CUDA", n) or Automatic, got {name!r}')
    if wanted.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count <= (wanted.index or 0):
            have = (
                "there is no CUDA device" if not count else f"there {'is' if count == 1 else 'are'} {count} CUDA device{'s' * (count > 1)}"
            )
            raise NetValueError(f"TargetDevice={name!r}: {have} on this machine", fix='TargetDevice="CPU"')
    return wanted


def _kind(name: str) -> str:
    kind = {"cpu": "cpu", "gpu": "cuda", "cuda": "cuda"}.get(name.lower())
    if kind is None:
        raise NetValueError(f'TargetDevice="{name}" is no device that nets run on: "CPU" or "CUDA"')
    return kind
