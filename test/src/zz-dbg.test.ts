import { it } from 'vitest'
import * as tf from '/work/main/src/index.ts'
it('x', () => {
  const f = (x: tf.Tensor, n: tf.Tensor) => tf.whileLoop((i) => i.less(n), (i, y) => [i.add(1), y.mul(x)], [0, x])[1] as tf.Tensor
  const graph = tf.function(f)
  const gs = [(x: tf.Tensor, n: tf.Tensor) => tf.grad(tf.grad((z) => f(z, n)))(x), tf.function((x: tf.Tensor, n: tf.Tensor) => tf.grad(tf.grad((z) => f(z, n)))(x)), (x: tf.Tensor, n: tf.Tensor) => tf.grad(tf.grad((z) => graph(z, n)))(x)]
  for (const g of gs) console.log([0,1,2,3,4].map((n) => g(tf.tensor(2), tf.tensor(n)).item()))
  gs[1]!(tf.tensor(2), tf.tensor(3))
  console.log(tf.debug.show(gs[1]!, 'trace'))
})
