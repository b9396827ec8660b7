// Computes something with the compile cache on, and tells what it had to compile; `?off` leaves it off.
import * as tf from 'tracemill'

const place = location.search === '?off' ? undefined : tf.config.setCompileCache(true)
const f = tf.function((x: tf.Tensor): tf.Tensor => x.mul(x).add(1).sum())
const values = [f(tf.tensor([1, 2, 3])).item(), tf.tensor([1, 4]).sqrt().array()]
const { compiled, found, rejected, binaryenLoaded } = tf.config.compileStatistics()
// Entries are written asynchronously: the page is done when they are there.
const entries = async (): Promise<number> => (await (await caches.open(place ?? '')).keys()).length
if (place !== undefined)
  for (let waited = 0; (await entries()) < compiled + found && waited < 200; waited++)
    await new Promise((resolve) => setTimeout(resolve, 25))
const kept = place === undefined ? 0 : await entries()
const result = document.querySelector<HTMLElement>('#result')
if (result !== null) {
  result.textContent = JSON.stringify({ values, compiled, found, rejected, binaryenLoaded, kept })
  result.dataset['state'] = 'done'
}
