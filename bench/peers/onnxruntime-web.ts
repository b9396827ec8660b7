// ONNX Runtime's WebAssembly build: SIMD, one thread. It runs models; those for these workloads are written here. There is
// no training, so a gradient is one more output, by its formula.
import * as ort from 'onnxruntime-web'
import { classes, elements, magnitude, matrices } from '../workloads/arrays.ts'
import { onnxModel, type OnnxGraph, type OnnxNode } from './onnx-model.ts'
import type { Prepare, Runner } from './runner.ts'

function node(op: string, inputs: string, output: string, attributes: Record<string, number> = {}): OnnxNode {
  return { op, inputs: inputs.split(' '), output, attributes }
}

async function run(
  graph: OnnxGraph,
  data: Readonly<Record<string, Float32Array>>,
  lossOf: (outputs: ort.InferenceSession.OnnxValueMapType) => number,
): Promise<Runner> {
  ort.env.wasm.numThreads = 1
  const session = await ort.InferenceSession.create(onnxModel(graph), { executionProviders: ['wasm'] })
  const feeds = Object.fromEntries(
    Object.entries(data).map(([name, values]) => [
      name,
      new ort.Tensor('float32', values, [...(graph.inputs[name] ?? [])]),
    ]),
  )
  let latest: ort.InferenceSession.OnnxValueMapType = {}
  return {
    step: async () => {
      latest = await session.run(feeds)
    },
    loss: () => lossOf(latest),
  }
}

function values(outputs: ort.InferenceSession.OnnxValueMapType, name: string): Float32Array {
  return (outputs[name] as ort.Tensor).data as Float32Array
}

export const prepare: Prepare = (workload) => {
  if (workload.startsWith('matmul-')) {
    const { size, a, b } = matrices(Number(workload.slice(7)))
    const shape = [size, size]
    const graph = {
      nodes: [node('MatMul', 'a b', 'c')],
      inputs: { a: shape, b: shape },
      outputs: { c: shape },
    }
    return run(graph, { a, b }, (outputs) => magnitude(values(outputs, 'c')))
  }
  if (workload === 'elementwise') {
    const { x, scale, shift } = elements()
    const graph = {
      nodes: [
        node('Mul', 'x scale', 'scaled'),
        node('Add', 'scaled shift', 'shifted'),
        node('Tanh', 'shifted', 'tanh'),
        node('Sigmoid', 'x', 'sigmoid'),
        node('Mul', 'tanh sigmoid', 'product'),
        node('Mul', 'x x', 'square'),
        node('Sub', 'product square', 'y'),
      ],
      inputs: { x: [x.length] },
      outputs: { y: [x.length] },
      constants: { scale, shift },
    }
    return run(graph, { x }, (outputs) => magnitude(values(outputs, 'y')))
  }
  if (workload === 'softmax-gradient') {
    const { batch, classes: count, logits, labels } = classes()
    const shape = [batch, count]
    const graph = {
      nodes: [
        node('LogSoftmax', 'x', 'logs', { axis: 1 }),
        node('Mul', 'logs labels', 'chosen'),
        node('ReduceSum', 'chosen', 'sum', { keepdims: 0 }),
        node('Mul', 'sum minus', 'loss'),
        node('Softmax', 'x', 'softmax', { axis: 1 }),
        node('Sub', 'softmax labels', 'difference'),
        node('Mul', 'difference share', 'gradient'),
      ],
      inputs: { x: shape, labels: shape },
      outputs: { loss: [], gradient: shape },
      constants: { minus: -1 / batch, share: 1 / batch },
    }
    return run(
      graph,
      { x: logits, labels },
      (outputs) => (values(outputs, 'loss')[0] ?? Number.NaN) + 1000 * magnitude(values(outputs, 'gradient')),
    )
  }
  throw new Error(`there is no model for ${workload}`)
}
