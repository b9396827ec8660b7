/**
 * Graph mode: what is built inside `graph.asDefault(…)` runs when a session is asked for it.
 *
 * TensorFlow leaves the order of what one `run` computes open: a Variable fetched beside its update comes out before or
 * after it. Here everything needed runs in the order in which it was built, and fetched Variables are read last, so a run
 * has one answer, whatever the order of its fetches.
 */
import * as tf from '../../src/index.ts'
import { isMain } from '../is-main.ts'

export function graphMode(print: (line: string) => void = console.log): void {
  updateAndVariable(print)
  updateAndProduct(print)
  feeding(print)
  whatGoesWrong(print)
}

function updateAndVariable(print: (line: string) => void): void {
  const graph = new tf.v1.Graph()
  const { v, update, init } = graph.asDefault(() => {
    const variable = tf.variable(0, { name: 'v' })
    return { v: variable, update: variable.assignAdd(1), init: tf.v1.globalVariablesInitializer() }
  })
  const session = new tf.v1.Session(graph)
  session.run(init)
  print(`[update, v]: ${JSON.stringify(session.run([update, v]))}`)
  print(`[v, update]: ${JSON.stringify(session.run([v, update]))}`)
  print(`v: ${JSON.stringify(session.run(v))}`)

  const other = new tf.v1.Session(graph)
  other.run(init)
  print(`v in another session: ${JSON.stringify(other.run(v))}`)
}

/** TensorFlow gave (5, 15, 5, 3), (5, 6, 2, 3) and (5, 15, 2, 3) for this, run by run. */
function updateAndProduct(print: (line: string) => void): void {
  const graph = new tf.v1.Graph()
  const fetches = graph.asDefault(() => {
    const a = tf.variable(2, { name: 'a' })
    const b = tf.variable(3, { name: 'b' })
    const add = a.assignAdd(b)
    return [add, a.mul(b), a, b] as const
  })
  const session = new tf.v1.Session(graph)
  session.run(graph.initializer())
  print(`[add, product, a, b]: ${JSON.stringify(session.run(fetches))}`)
}

function feeding(print: (line: string) => void): void {
  const graph = new tf.v1.Graph()
  const { x, y, z, later } = graph.asDefault(() => {
    const fed = tf.v1.placeholder('float32', [null], { name: 'x' })
    const doubled = fed.mul(2)
    const total = tf.variable(0, { name: 'total' })
    const added = total.assignAdd(doubled.sum())
    const waits = tf.v1.controlDependencies([added], () => total.value().mul(10))
    return { x: fed, y: doubled, z: doubled.add(1), later: waits }
  })
  const session = new tf.v1.Session(graph)
  session.run(graph.initializer())
  print(`nested: ${JSON.stringify(session.run({ y, both: [y, z] }, new Map([[x, [1, 2]]])))}`)
  print(`by name: ${JSON.stringify(session.run(z, { x: [5] }))}`)
  print(`an intermediate fed: ${JSON.stringify(session.run(z, new Map([[y, [100]]])))}`)
  const fresh = new tf.v1.Session(graph)
  fresh.run(graph.initializer())
  print(`after its dependency: ${JSON.stringify(fresh.run(later, { x: [1, 2] }))}`)
  fresh.asDefault(() => print(`eval: ${JSON.stringify(y.eval({ x: [7] }))}`))
}

function whatGoesWrong(print: (line: string) => void): void {
  const attempt = (body: () => unknown): void => {
    try {
      body()
    } catch (error) {
      print(`${error instanceof Error ? `${error.name}: ${error.message.split('\n')[0]}` : String(error)}`)
    }
  }
  const graph = new tf.v1.Graph()
  const { x, v } = graph.asDefault(() => {
    const fed = tf.v1.placeholder('float32', [], { name: 'x' })
    return { x: fed, v: tf.variable(1, { name: 'v' }) }
  })
  const session = new tf.v1.Session(graph)
  attempt(() => session.run(v))
  attempt(() => session.run(x))
  attempt(() => session.run(tf.scalar(7)))
  attempt(() => x.eval())
  session.close()
  attempt(() => session.run(x, { x: 1 }))
}

if (isMain(import.meta.url)) graphMode()
