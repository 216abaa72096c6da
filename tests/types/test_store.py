"""The store of unknowns: unification both ways, varying lengths, rules in any order, reasons, linear cost."""

import itertools

import pytest

from netgraph.types.sizes import Affine, Varying
from netgraph.types.store import KindNode, Store, find, primary


def derived(store, base, *forms):
    """A size that is `forms`, in turn, of `base`."""
    for form in forms:
        size = store.size()
        store.form(size, base, form, "here")
        base = size
    store.solve()
    return base


def messages(store):
    return [str(error) for error in store.errors]


@pytest.mark.parametrize("flip", [False, True])
def test_a_known_size_reaches_an_unknown_one(flip):
    store = Store()
    a, b = store.size(3, "said so"), store.size()
    assert store.equate_sizes(*((b, a) if flip else (a, b)), "here")
    assert store.value(b) == 3 and store.why(b) == "said so"


def test_sizes_that_differ_are_told_with_both_origins():
    store = Store()
    assert not store.equate_sizes(store.size(3, "Input=3"), store.size(4, "0 is LinearLayer(4)"), "0/Output -> 1/Input", "the length")
    assert messages(store) == [
        "0/Output -> 1/Input: the length is 3 on one side and 4 on the other\n  3: Input=3\n  4: 0 is LinearLayer(4)"
    ]


@pytest.mark.parametrize("flip", [False, True])
def test_a_run_of_known_sizes_reaches_one_of_unknown_length(flip):
    store = Store()
    a, b = store.shape((2, None), "said so"), store.run()
    assert store.equate_runs(*((b, a) if flip else (a, b)), "here")
    assert store.sizes(b) == (2, None) and store.known(b) is None and store.show(b) == "(2, ?)"


def test_runs_of_other_rank_and_each_axis_that_differs():
    store = Store()
    assert not store.equate_runs(store.shape((2, 3), "a"), store.shape((2,), "b"), "x")
    assert not store.equate_runs(store.shape((2, 3, 4), "a"), store.shape((5, 3, 6), "b"), "y")
    assert messages(store) == [
        "x: 2 axes on one side and 1 axis on the other\n  (2, 3): a\n  (2,): b",
        "y: axis 0 is 2 on one side and 5 on the other\n  2: a\n  5: b",
        "y: axis 2 is 4 on one side and 6 on the other\n  4: a\n  6: b",
    ]


def test_kinds():
    store = Store()
    real, integer, boolean = (lambda: KindNode("real", "r")), (lambda: KindNode("integer", "i")), (lambda: KindNode("boolean", "b"))
    assert store.equate_kinds(integer(), real(), "x") and store.equate_kinds(boolean(), real(), "x")
    assert store.equate_kinds(boolean(), boolean(), "x")
    assert not store.equate_kinds(real(), integer(), "x")
    five, six = KindNode("integer", "i", store.size(5, "five")), KindNode("integer", "i", store.size(6, "six"))
    assert not store.equate_kinds(five, six, "y")
    assert messages(store) == [
        "x: real values on one side and integer values on the other\n  real: r\n  integer: i",
        "y: the number of classes is 5 on one side and 6 on the other\n  5: five\n  6: six",
    ]


def test_forms_compose():
    n = Affine(1, -2, 1)
    assert Affine(1, 1, 2).after(n) == Affine(1, -1, 2)
    assert Affine(1, 0, 3).after(Affine(1, 0, 2)) == Affine(1, 0, 6)
    assert Affine(2, 0, 1).after(Affine(1, 0, 2)) is None
    assert Affine(3, 1, 2).show("n") == "(3*n + 1) // 2"
    for length in range(1, 50):
        assert Affine(1, 1, 2).after(n)(length) == Affine(1, 1, 2)(n(length))
        assert Affine(1, -1, 3).after(Affine(1, 1, 2))(length) == Affine(1, -1, 3)(Affine(1, 1, 2)(length))


def test_a_derived_length_knows_its_variable():
    store = Store()
    n = store.size(Varying())
    rest = derived(store, n, Affine(1, -1, 1), Affine(1, 0, 2))
    assert primary(rest) == (find(n), (Affine(1, -1, 2),)) and store.show(rest) == "(Varying - 1) // 2"


def test_a_length_that_stays_as_it_is_is_no_new_variable():
    store = Store()
    n = store.size(Varying())
    same = derived(store, n, Affine(1, 0, 1))
    assert find(same) is find(n)


def test_equal_derived_lengths_make_their_variables_equal():
    store = Store()
    n, m = store.size(Varying()), store.size(Varying())
    assert store.equate_sizes(derived(store, n, Affine(1, -1, 1)), derived(store, m, Affine(1, -1, 1)), "here")
    assert find(n) is find(m)


def test_lengths_that_are_shifted_by_different_numbers():
    store = Store()
    n, m = store.size(Varying()), store.size(Varying())
    assert store.equate_sizes(derived(store, n, Affine(1, -1, 1)), derived(store, m, Affine(1, -3, 1)), "here")
    assert primary(m) == (find(n), (Affine(1, 2, 1),))
    assert not store.equate_sizes(n, m, "there")


@pytest.mark.parametrize("flip", [False, True])
def test_a_length_is_not_itself_less_one(flip):
    store = Store()
    n = store.size(Varying(), "given")
    rest = derived(store, n, Affine(1, -1, 1))
    assert not store.equate_sizes(*((rest, n) if flip else (n, rest)), "here")
    assert len(store.errors) == 1


def test_lengths_through_several_variables():
    """m = n - 1, k = m - 1, and then n - 2 = k: all from one variable."""
    store = Store()
    n, m, k = (store.size(Varying()) for _ in range(3))
    assert store.equate_sizes(m, derived(store, n, Affine(1, -1, 1)), "here")
    assert store.equate_sizes(k, derived(store, m, Affine(1, -1, 1)), "here")
    assert store.equate_sizes(k, derived(store, n, Affine(1, -2, 1)), "here")
    assert primary(k) == (find(n), (Affine(1, -2, 1),)) and not store.errors
    assert not store.equate_sizes(k, m, "there")


def test_a_fixed_size_is_no_length():
    store = Store()
    assert not store.equate_sizes(store.size(3, "three"), store.size(Varying(), "free"), "here")
    assert messages(store) == ["here: the size is 3 on one side and Varying on the other\n  3: three\n  Varying: free"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_rules_fire_in_any_order(order):
    store = Store()
    inputs, columns, total, out = store.run(), store.size(), store.size(), store.size()
    steps = [
        lambda: store.product(columns, inputs, "here"),
        lambda: store.equate_runs(inputs, store.shape((2, 3), "given"), "here"),
        lambda: store.form(out, total, Affine(1, -2, 1), "here"),
        lambda: store.equate_sizes(total, columns, "here"),
    ]
    for number in order:
        steps[number]()
    store.solve()
    assert (store.value(columns), store.value(out)) == (6, 4) and not store.errors
    assert store.why(out) == "6 - 2 = 4, of 6: given"


def test_a_product_gives_its_last_unknown():
    store = Store()
    run, total = store.shape((2, None, 5), "run"), store.size()
    store.product(total, run, "here")
    store.solve()
    assert store.value(total) is None
    store.equate_sizes(total, store.size(30, "weights"), "here")
    store.solve()
    assert store.sizes(run) == (2, 3, 5)
    other = store.shape((4, None), "run")
    store.product(store.size(30, "weights"), other, "there")
    store.product(store.size(30), store.shape((Varying(), 3), "run"), "anywhere")
    store.solve()
    assert messages(store) == [
        "there: 30 elements do not divide into (4, ?)\n  30: weights\n  (4, ?): run",
        "anywhere: cannot merge a varying axis of (Varying, 3) into one of fixed size\n  (Varying, 3): run\n"
        "  try: NetMapOperator(layer), to apply the layer to each element",
    ]


def test_a_shift_is_known_from_either_side():
    store = Store()
    n, rest = store.size(), store.size()
    store.form(rest, n, Affine(1, -1, 1), "here")
    store.solve()
    store.equate_sizes(rest, store.size(4, "wanted"), "here")
    store.solve()
    assert store.value(n) == 5 and store.why(n) == "n - 1 is 4: wanted"


def test_a_size_below_one():
    store = Store()
    store.form(store.size(), store.size(2, "given"), Affine(1, -3, 1), "0", "size 0 of outputs")
    store.solve()
    assert messages(store) == ["0: size 0 of outputs would be 2 - 3 = -1\n  2: given"]


@pytest.mark.parametrize("known", ["whole", "middle"])
def test_a_concatenation_is_known_from_either_side(known):
    store = Store()
    whole, middle, count = store.run(), store.run(), store.size()
    store.concatenation(whole, [count], middle, [], "here")
    if known == "whole":
        store.equate_runs(whole, store.shape((7, 2, 3), "given"), "here")
        store.solve()
        assert store.value(count) == 7 and store.sizes(middle) == (2, 3)
    else:
        store.equate_runs(middle, store.shape((2, 3), "given"), "here")
        store.solve()
        assert store.sizes(whole) == (None, 2, 3)


def test_a_concatenation_wants_enough_axes():
    store = Store()
    store.concatenation(store.shape((), "given"), [store.size()], store.run(), [], "here")
    store.solve()
    assert messages(store) == ["here: no axis where at least 1 axis is wanted\n  (): given"]


def test_joining_many_waiting_sizes_is_linear():
    """A rule that waits in a chain of joins is kept once, however long the chain."""
    store = Store()
    sizes = [store.size() for _ in range(2000)]
    fired = []
    for size in sizes:
        store.rule([size], lambda: bool(fired.append(1)))
    for a, b in itertools.pairwise(sizes):
        store.equate_sizes(a, b, "here")
    assert len(find(sizes[0]).watchers) == 2000
    store.solve()
    store.settle(sizes[0], 3, "said so", "here")
    store.solve()
    assert len(fired) == 4000 and {store.value(size) for size in sizes} == {3}
