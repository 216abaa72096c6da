"""The step in JAX: one jitted function of forward, gradient and optax.adam, its buffers donated, the loss read each step."""

import functools

import jax
import jax.numpy as jnp
import optax
from jax import lax

__all__ = ["step_in_jax"]


def _spiral(arrays, pairs, far):
    w1, b1, w2, b2, w3, b3, w4, b4 = arrays
    h = pairs.reshape(-1, 2)
    h = jax.nn.relu(h @ w1.T + b1)
    h = jax.nn.relu(h @ w2.T + b2)
    h = (jnp.tanh(h @ w3.T + b3) @ w4.T + b4).reshape(-1, 2, 1)
    square = jnp.square(h[:, 0] - h[:, 1]).sum(-1)
    distance = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)
    return jnp.where(far, jax.nn.relu(0.5 - distance), distance).mean()


def _mlp(arrays, x, t):
    w1, b1, w2, b2 = arrays
    return optax.softmax_cross_entropy_with_integer_labels(jax.nn.relu(x @ w1.T + b1) @ w2.T + b2, t).mean()


def _lenet(arrays, x, t):
    w1, b1, w2, b2, w3, b3, w4, b4 = arrays

    def block(h, w, b):
        h = lax.conv_general_dilated(h, w, (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW")) + b[None, :, None, None]
        return lax.reduce_window(jax.nn.relu(h), -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    h = block(block(x, w1, b1), w2, b2).reshape(x.shape[0], -1)
    h = jax.nn.relu(h @ w3.T + b3) @ w4.T + b4
    return optax.softmax_cross_entropy_with_integer_labels(h, t).mean()


def _attention(arrays, x, t):
    g1, c1, wk, bk, wv, bv, wq, bq, wm, bm, g2, c2, w1, b1, w2, b2, w3, b3 = arrays

    def norm(x, scaling, biases):
        centred = x - x.mean(-1, keepdims=True)
        return centred * lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 0.001) * scaling + biases

    h = norm(x, g1, c1)
    q, k, v = ((h @ w.T + b).reshape(*x.shape[:2], 4, 32) for w, b in ((wq, bq), (wk, bk), (wv, bv)))
    x = x + jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(x.shape) @ wm.T + bm
    x = x + jax.nn.gelu(norm(x, g2, c2) @ w1.T + b1, approximate=False) @ w2.T + b2
    return optax.softmax_cross_entropy_with_integer_labels(x @ w3.T + b3, t).mean()


def _lstm(arrays, x, t):
    wx, ws, bx, bs, w, b = arrays

    def step(carried, given):
        state, cell = carried
        i, f, m, o = jnp.split(given + state @ ws.T, 4, 1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(m)
        return (jax.nn.sigmoid(o) * jnp.tanh(cell), cell), None

    start = jnp.zeros((x.shape[0], ws.shape[1]))
    (state, _), _ = lax.scan(step, (start, start), (x @ wx.T + bx + bs).swapaxes(0, 1))
    return optax.softmax_cross_entropy_with_integer_labels(state @ w.T + b, t).mean()


def _gru(arrays, x, t):
    wx, ws, bx, bs, w, b = arrays

    def step(state, given):
        (ar, az, am), (br, bz, bm) = jnp.split(given, 3, 1), jnp.split(state @ ws.T + bs, 3, 1)
        gate = jax.nn.sigmoid(az + bz)
        return (1 - gate) * jnp.tanh(am + jax.nn.sigmoid(ar + br) * bm) + gate * state, None

    state, _ = lax.scan(step, jnp.zeros((x.shape[0], ws.shape[1])), (x @ wx.T + bx).swapaxes(0, 1))
    return optax.softmax_cross_entropy_with_integer_labels(state @ w.T + b, t).mean()


def step_in_jax(row, seconds):
    """A function of a batch of tensors that returns the loss."""
    loss_of = {"spiral": _spiral, "mlp": _mlp, "lenet": _lenet, "attention": _attention, "lstm": _lstm, "gru": _gru, "fold": _gru}[row.name]
    arrays = [jnp.asarray(a.numpy()) for a in row.arrays()]
    adam = optax.adam(0.001)
    state = adam.init(arrays)

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def update(arrays, state, x, t):
        loss, grads = jax.value_and_grad(loss_of)(arrays, x, t)
        changes, state = adam.update(grads, state, arrays)
        return optax.apply_updates(arrays, changes), state, loss

    ready = {}

    def step(batch):
        nonlocal arrays, state
        x, t = ready.get(id(batch)) or ready.setdefault(id(batch), tuple(jnp.asarray(b.numpy()) for b in batch))
        arrays, state, loss = update(arrays, state, x, t)
        return float(loss)

    return step
