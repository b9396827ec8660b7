"""Computes control.json: values and gradients of programs with control flow, by TensorFlow in float64.

    python test/golden-data/control.py > test/golden-data/control.json

Each case is a function of tensors and Variables with a scalar result, run inside tf.function. `gradient` is that of the
result with respect to all of them, `second` that of the sum of gradient * cos(1, 2, 3, ...) with the elements of all
gradients numbered through. test/src/control-goldens.test.ts has the same functions under the same names.
"""
import json
import sys
import numpy as np
import tensorflow as tf

F = tf.float64


def c(x):
    return tf.constant(x, F)


def times(n, body, *state):
    i = tf.constant(0)
    out = tf.while_loop(lambda i, *s: i < n, lambda i, *s: (i + 1, *body(i, *s)), (i, *state))
    return out[1:]


CASES = {}


def case(name, *inputs, variables=()):
    def register(f):
        CASES[name] = (f, inputs, set(variables))
        return f
    return register


@case('power', 2.0)
def power(x):
    return times(3, lambda i, y: (y * x,), x)[0]


@case('no-trip', [1.0, 2.0])
def no_trip(x):
    return tf.reduce_sum(times(0, lambda i, y: (y * x,), x)[0] ** 2)


@case('threshold', [0.5, 0.7], [1.5, 1.3])
def threshold(x, w):
    return tf.reduce_sum(tf.while_loop(lambda y: tf.reduce_sum(y) < 10, lambda y: (y * w,), (x,))[0] ** 2)


@case('threshold-at-once', [50.0, 0.7], [1.5, 1.3])
def threshold_at_once(x, w):
    return threshold(x, w)


@case('newton', [2.0, 3.0], 1.5)
def newton(a, start):
    y = tf.fill([2], start)
    return tf.reduce_sum(tf.while_loop(lambda y: tf.reduce_max(tf.abs(y * y - a)) > 1e-3, lambda y: ((y + a / y) / 2,), (y,))[0])


@case('collatz', 0.3, 0.9)
def collatz(x, w):
    def body(n, y):
        n = tf.cond(n % 2 == 0, lambda: n // 2, lambda: 3 * n + 1)
        return n, tf.sin(y * w) + 0.1 * y
    return tf.while_loop(lambda n, y: n > 1, body, (tf.constant(6), x))[1]


@case('nested', 0.4, 0.8)
def nested(x, w):
    return times(3, lambda i, y: (tf.sin(times(i, lambda j, z: (z * w + x,), y)[0]),), x)[0]


@case('nested-by-data', [0.3, 0.2], 1.4)
def nested_by_data(x, w):
    def outer(y):
        z = tf.while_loop(lambda z: tf.reduce_max(z) < 1, lambda z: (z * w,), (y,))[0]
        return (y + 0.5 * tf.tanh(z),)
    return tf.reduce_sum(tf.while_loop(lambda y: tf.reduce_sum(y) < 3, outer, (x,))[0] ** 2)


@case('branch-in-loop', 0.3, 0.7)
def branch_in_loop(x, w):
    return times(5, lambda i, y: (tf.cond(y > 0.5, lambda: tf.cos(y * w), lambda: y + w * y),), x)[0]


@case('loop-in-branch', [0.4, -0.2], 0.8)
def loop_in_branch(x, w):
    return tf.cond(tf.reduce_sum(x) > 0, lambda: tf.reduce_sum(times(4, lambda i, y: (tf.sin(y * w) + x,), x)[0]), lambda: tf.reduce_sum(x * x))


@case('loop-in-branch-not-taken', [0.4, -0.6], 0.8)
def loop_in_branch_not_taken(x, w):
    return loop_in_branch(x, w)


@case('scan', [0.2, 0.7, 1.1], 0.5)
def scan(x, start):
    out = tf.scan(lambda a, e: tf.sin(a * e) + e, x, initializer=start)
    return tf.reduce_sum(out * c([1, 2, 3]) * x)


@case('scan-reverse', [0.2, 0.7, 1.1])
def scan_reverse(x):
    out = tf.scan(lambda a, e: a * tf.exp(-e) + e, x, reverse=True)
    return tf.reduce_sum(out * c([1, 2, 3]))


@case('rnn', [[0.5, -0.2], [0.1, 0.3], [-0.4, 0.6], [0.2, 0.2]], [[0.3, -0.5], [0.8, 0.1]], [[0.6, 0.2], [-0.3, 0.4]], [0.1, -0.1])
def rnn(x, w, u, b):
    def step(h, e):
        return tf.tanh(tf.linalg.matvec(w, h, transpose_a=True) + tf.linalg.matvec(u, e, transpose_a=True) + b)
    out = tf.scan(step, x, initializer=tf.zeros([2], F))
    return tf.reduce_sum(out[-1] * c([1, -2])) + tf.reduce_sum(out * out)


@case('two-states', [0.5, -0.2, 0.7], 0.9, -0.4)
def two_states(x, f, g):
    def step(state, e):
        h, m = state
        m = tf.sigmoid(f * h + e) * m + tf.tanh(g * e)
        return tf.sigmoid(m - e) * tf.tanh(m), m
    h, m = tf.foldl(step, x, initializer=(c(0.1), c(0.2)))
    return h * m


@case('map', [[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]], [0.7, -0.8])
def map_(x, w):
    return tf.reduce_sum(tf.map_fn(lambda e: tf.sin(e * w) * tf.reduce_sum(e), x) ** 2)


@case('foldl', [0.4, 0.9, -0.3])
def foldl(x):
    return tf.foldl(lambda a, e: tf.sin(a) * e + a, x)


@case('foldr', [0.4, 0.9, -0.3])
def foldr(x):
    return tf.foldr(lambda a, e: tf.sin(a) * e + a, x)


@case('flag', 0.2, 1.1)
def flag(x, w):
    def body(i, go, y):
        y = y * w + 0.3
        return i + 1, y < 1.0, y
    return tf.while_loop(lambda i, go, y: tf.logical_and(go, i < 100), body, (tf.constant(0), tf.constant(True), x))[2] ** 2


@case('logistic', 0.31, 3.7)
def logistic(x, r):
    return times(12, lambda i, y: (r * y * (1 - y),), x)[0]


@case('power-iteration', [[2.0, 0.5, 0.1], [0.5, 1.5, 0.3], [0.1, 0.3, 1.0]])
def power_iteration(a):
    def step(i, v):
        y = tf.linalg.matvec(a, v)
        return (y / tf.sqrt(tf.reduce_sum(y * y)),)
    v = times(6, step, c([1, 1, 1]))[0]
    return tf.reduce_sum(v * tf.linalg.matvec(a, v))


@case('leapfrog', [0.5, -0.3], [0.2, 0.7], [1.3, 0.6])
def leapfrog(q, p, k):
    def step(i, q, p):
        p = p - 0.05 * k * q
        q = q + 0.1 * p
        return q, p - 0.05 * k * tf.sin(q)
    q, p = times(10, step, q, p)
    return tf.reduce_sum(p * p / 2 + k * q * q / 2)


@case('runge-kutta', [1.0, 0.5], 0.3)
def runge_kutta(y, mu):
    def f(y):
        a, b = y[0], y[1]
        return tf.stack([b, mu * (1 - a * a) * b - a])
    def step(i, y):
        k1 = f(y)
        k2 = f(y + 0.05 * k1)
        k3 = f(y + 0.05 * k2)
        k4 = f(y + 0.1 * k3)
        return (y + 0.1 / 6 * (k1 + 2 * k2 + 2 * k3 + k4),)
    return tf.reduce_sum(times(8, step, y)[0] ** 2)


@case('switch', 0.6, 1.2)
def switch(x, w):
    def step(i, y):
        return (tf.switch_case(i % 3, [lambda: tf.sin(y * w), lambda: y * y + w, lambda: tf.exp(-y)]),)
    return times(7, step, x)[0]


@case('swap', 0.4, 0.8, 1.3)
def swap(a, b, w):
    a, b = times(5, lambda i, a, b: (b * w, tf.tanh(a + b)), a, b)
    return a * b


@case('array', 0.3, 0.8)
def array(x, w):
    ta = tf.TensorArray(F, 6, element_shape=[]).write(0, x)
    def step(i, y, ta):
        y = tf.sin(y * w) + x
        return i + 1, y, ta.write(i + 1, y)
    _, _, ta = tf.while_loop(lambda i, y, ta: i < 5, step, (tf.constant(0), x, ta))
    return tf.reduce_sum(ta.stack() * c([1, -2, 3, -4, 5, -6]))


@case('fibonacci', 0.3, 0.8)
def fibonacci(x, w):
    ta = tf.TensorArray(F, 8, element_shape=[], clear_after_read=False).write(0, x).write(1, w)
    def step(i, ta):
        return i + 1, ta.write(i, tf.sin(ta.read(i - 1)) + w * ta.read(i - 2))
    _, ta = tf.while_loop(lambda i, ta: i < 8, step, (tf.constant(2), ta))
    return tf.reduce_sum(ta.stack() ** 2)


@case('grow', [0.3, 0.8], 1.1)
def grow(x, w):
    y = tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.concat([tf.sin(y * w), y[:1]], 0)),
                      (tf.constant(0), x), shape_invariants=(tf.TensorShape([]), tf.TensorShape([None])))[1]
    return tf.reduce_sum(y * y)


@case('grow-by-data', [0.5], 1.3)
def grow_by_data(x, w):
    y = tf.while_loop(lambda y: tf.reduce_sum(y) < 9, lambda y: (tf.concat([y * w, x], 0),),
                      (x,), shape_invariants=(tf.TensorShape([None]),))[0]
    return tf.reduce_sum(tf.sin(y))


@case('branches-of-sizes', [0.5, 0.7], 0.9)
def branches_of_sizes(x, w):
    y = tf.cond(w > 0.5, lambda: tf.concat([x, x * w, x * x], 0), lambda: x)
    return tf.reduce_sum(tf.sin(y) ** 2)


@case('maximum-iterations', 0.4, 1.2)
def maximum_iterations(x, w):
    return tf.while_loop(lambda y: y < 9, lambda y: (tf.sin(y * w),), (x,), maximum_iterations=4)[0]


@case('variable-read', [0.4, 0.5], [1.2, 0.7], variables=[1])
def variable_read(x, v):
    return tf.reduce_sum(times(4, lambda i, y: (tf.sin(y * v.read_value()),), x)[0])


@case('variable-in-branch', 0.4, 1.2, 0.7, variables=[1, 2])
def variable_in_branch(x, v, u):
    return times(4, lambda i, y: (tf.cond(y > 0.4, lambda: y * v.read_value(), lambda: tf.cos(y) * u.read_value()),), x)[0] ** 2


@case('variable-assigned', 0.4, 1.2, variables=[1])
def variable_assigned(x, v):
    def step(i, y):
        v.assign(v.read_value() * 0.5 + tf.stop_gradient(x))
        return (tf.sin(y) * v.read_value() + y,)
    return times(3, step, x)[0]


def compute(name):
    f, inputs, variables = CASES[name]
    sources = [tf.Variable(c(x)) if i in variables else c(x) for i, x in enumerate(inputs)]

    def run():
        for i, s in enumerate(sources):
            if i in variables:
                s.assign(c(inputs[i]))
        tensors = [s if i in variables else tf.identity(s) for i, s in enumerate(sources)]
        with tf.GradientTape(persistent=False) as outer:
            for s in tensors:
                outer.watch(s)
            with tf.GradientTape() as inner:
                for s in tensors:
                    inner.watch(s)
                y = f(*tensors)
            g = inner.gradient(y, tensors, unconnected_gradients='zero')
            total, at = c(0.0), 1
            for part in g:
                n = int(np.prod(part.shape))
                total += tf.reduce_sum(tf.reshape(part, [n]) * tf.cos(tf.range(at, at + n, dtype=F)))
                at += n
        h = outer.gradient(total, tensors, unconnected_gradients='zero')
        return y, g, h

    y, g, h = tf.function(run)()
    flat = lambda ts: [np.asarray(t).tolist() for t in ts]
    return {'id': name, 'inputs': list(inputs), 'variables': sorted(variables), 'value': float(y), 'gradient': flat(g), 'second': flat(h)}


if __name__ == '__main__':
    names = sys.argv[1:] or list(CASES)
    done = []
    for name in names:
        try:
            done.append(compute(name))
        except Exception as error:
            print(name, type(error).__name__, str(error)[:600], file=sys.stderr)
    lines = ',\n'.join(json.dumps(entry) for entry in done)
    print('{"computed": "TensorFlow %s, float64, by control.py", "cases": [\n%s\n]}' % (tf.__version__, lines))
