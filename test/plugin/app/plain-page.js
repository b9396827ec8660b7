// oxlint-disable -- JavaScript without types, as a page without a build step has it
// A page without a build step: control flow through a scope thunk, or none at all.
import * as tf from 'tracemill'

const result = document.querySelector('#result')
const best = tf.variable(100)
const withScope = new URL(import.meta.url).searchParams.has('scope')
const outcome = {}
if (withScope) await import('tracemill/autograph')

class Model {
  #rate = 2
  step = tf.function(
    (x) => {
      let steps = 0
      while (x.less(50)) {
        x = x.mul(this.#rate)
        steps++
      }
      if (x.less(best)) best.assign(x)
      return x.add(steps)
    },
    withScope ? { scope: (s) => eval(s) } : {},
  )
}

const unstaged = tf.function((x) => {
  if (x.sum().greater(0)) return x // line of the test
  return x.neg()
})

const model = new Model()
if (withScope) outcome.staged = [3, 60].map((x) => model.step(tf.scalar(x)).item())
outcome.best = best.value().item()
try {
  unstaged(tf.tensor([1, 2]))
} catch (error) {
  outcome.message = `${error.message}`
}
result.textContent = JSON.stringify(outcome)
result.dataset.state = 'done'
