"""The examples in the docstrings of every module."""

import doctest
import importlib
import pkgutil

import numpy
import pytest
import torch

import netgraph

MODULES = ["netgraph", *(module.name for module in pkgutil.walk_packages(netgraph.__path__, "netgraph."))]
PUBLIC = {name: getattr(netgraph, name) for name in netgraph.__all__}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module(name):
    module = importlib.import_module(name)
    known = {**PUBLIC, "np": numpy, "torch": torch, **vars(module)}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False)
    reports: list[str] = []
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name, globs=known):
        runner.run(test, out=reports.append)
    assert reports == [], "\n".join(reports)
