// Golden text of control flow and its gradients after all passes: test/golden/control/<name>.txt. `UPDATE=1` rewrites.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

type Callback = (...args: tf.Tensor[]) => unknown

const loop = (n: tf.Tensor, x: tf.Tensor, body: (y: tf.Tensor) => tf.Tensor): tf.Tensor =>
  tf.whileLoop(
    (i: tf.Tensor) => i.less(n),
    (i: tf.Tensor, y: tf.Tensor) => [i.add(1), body(y)],
    [tf.scalar(0, 'int32'), x] as const,
  )[1]

const v = tf.variable([1, 2], { name: 'v' })

const programs: Readonly<Record<string, readonly [Callback, readonly tf.Tensor[]]>> = {
  'cond-gradient': [
    (x) =>
      tf.grad((y: tf.Tensor) =>
        tf.cond(
          y.sum().greater(0),
          () => y.square().sum(),
          () => y.exp().sum(),
        ),
      )(x!),
    [tf.tensor([1, 2])],
  ],
  'while-gradient': [
    (x, w, n) => tf.grads((y: tf.Tensor, u: tf.Tensor) => loop(n!, y, (z) => z.mul(u).sin()).sum())([x!, w!]),
    [tf.tensor([1, 2]), tf.tensor([3, 4]), tf.scalar(3, 'int32')],
  ],
  'scan-gradient': [
    (x) => tf.grad((y: tf.Tensor) => tf.scan((a: tf.Tensor, e: tf.Tensor) => a.mul(e), y).sum())(x!),
    [tf.tensor([1, 2, 3])],
  ],
  'commit-before-check': [
    (n) => {
      loop(n!, tf.scalar(0), (y) => {
        v.assign(v.value().add(1))
        tf.assert(y.less(5))
        return y.add(1)
      })
    },
    [tf.scalar(3, 'int32')],
  ],
  'list-in-loop': [
    (n) =>
      tf
        .whileLoop(
          (i: tf.Tensor) => i.less(n!),
          (i: tf.Tensor, a: tf.TensorArray) => [i.add(1), a.write(i, i.mul(i))],
          [tf.scalar(0, 'int32'), tf.tensorArray('int32', 4)] as const,
        )[1]
        .stack(),
    [tf.scalar(3, 'int32')],
  ],
}

it.each(Object.entries(programs))('%s', (name, [callback, args]) => {
  const f = tf.function(callback, { name: name.replaceAll('-', '_') })
  f(...args)
  const text = `${tf.debug
    .show(f, 'fused')
    .replaceAll(/ *\/\/ .*$/gm, '')
    .trim()}\n`
  const path = new URL(`../golden/control/${name}.txt`, import.meta.url)
  if (process.env['UPDATE'] === '1') writeFileSync(path, text)
  expect(existsSync(path), `${name}.txt is missing: run with UPDATE=1`).toBe(true)
  expect(text).toBe(readFileSync(path, 'utf8'))
})
