"""What holds for every test: seeds fixed here and nowhere else, no network."""

import ipaddress
import random
import socket

import numpy
import pytest
import torch
from hypothesis import settings

SEED = 20250101

# The same examples on every run and machine, few enough for a table of hundreds of rows; no deadline, since machines are shared.
settings.register_profile("netgraph", derandomize=True, deadline=None, print_blob=True, max_examples=50, database=None)
settings.load_profile("netgraph")


@pytest.fixture(autouse=True)
def fixed_seeds():
    """Each test starts from the same global generators, so that none depends on which ran before it."""
    random.seed(SEED)
    numpy.random.seed(SEED)  # noqa: NPY002 - users' code may draw from it, so tests must not differ by it
    torch.manual_seed(SEED)


@pytest.fixture(autouse=True, scope="session")
def no_network():
    """A connection or a look-up beyond this machine fails, with the host in the message."""
    with pytest.MonkeyPatch.context() as patch:
        for method in ("connect", "connect_ex"):
            patch.setattr(socket.socket, method, _guarded(getattr(socket.socket, method), _host_of_connection))
        patch.setattr(socket, "getaddrinfo", _guarded(socket.getaddrinfo, _host_of_lookup))
        yield


def _guarded(function, host_of):
    def guarded(*args, **kw):
        host = host_of(*args, **kw)
        if not _is_local(host):
            raise RuntimeError(f"tests must not use the network: {host}")
        return function(*args, **kw)

    return guarded


def _host_of_connection(_, address):
    return address[0] if isinstance(address, tuple) else None  # any other address is a socket in the file system


def _host_of_lookup(host, *_, **__):
    return host.decode() if isinstance(host, bytes) else host


def _is_local(host):
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
