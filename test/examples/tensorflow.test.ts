// What the programs that TensorFlow's users know print, line by line. Where TensorFlow decides (the first five steps of the
// weight, snapshots beside Variables, [5, 15, 5, 3] among its three answers) these are its values.
import { expect, test, vi } from 'vitest'
import { readAVariable } from '../../examples/tensorflow/01-read-a-variable.ts'
import { updateAVariablePassedIn } from '../../examples/tensorflow/02-update-a-variable-passed-in.ts'
import { trainingStepWithATape } from '../../examples/tensorflow/03-training-step-with-a-tape.ts'
import { graphMode } from '../../examples/tensorflow/04-graph-mode.ts'
import { assignmentAndRebinding } from '../../examples/tensorflow/05-assignment-and-rebinding.ts'
import { kindsOfVariables } from '../../examples/tensorflow/06-kinds-of-variables.ts'
import { devicePlacement } from '../../examples/tensorflow/07-device-placement.ts'
import { ownScheduleAndOptimizer } from '../../examples/tensorflow/08-own-schedule-and-optimizer.ts'
import { batchNorm } from '../../examples/tensorflow/09-batch-norm.ts'

function linesOf(example: (print: (line: string) => void) => void): string[] {
  const lines: string[] = []
  const warn = vi.spyOn(console, 'warn')
  try {
    example((line) => lines.push(line))
    // None of them is told off by the library.
    return [...lines, ...warn.mock.calls.map(String)]
  } finally {
    warn.mockRestore()
  }
}

test('01-read-a-variable', () => {
  expect(linesOf(readAVariable)).toEqual([
    'Variable(name=v, [1, 2, 3], shape=[3], float32)',
    'array: [11,12,13]',
    'data:  Float32Array of 3',
    'sum:   36',
    'TraceError: data(): f32[3] is symbolic while readInside is being traced: it has no elements yet',
    'after the failed trace: [11,12,13]',
    'inside: [11 12 13]',
    'inside: [0 0 0]',
  ])
})

test('02-update-a-variable-passed-in', () => {
  expect(linesOf(updateAVariablePassedIn)).toEqual([
    'first call:  returned 3, the variable is 3',
    'second call: returned 4, the variable is 4',
    'what the first call returned is still 3',
    'traces: 1',
    'another variable: 101, traces: 1',
  ])
})

test('03-training-step-with-a-tape', () => {
  expect(linesOf(trainingStepWithATape)).toEqual([
    'step 1: loss 4.00000, w = 1.60000',
    'step 2: loss 2.56000, w = 1.28000',
    'step 3: loss 1.63840, w = 1.02400',
    'step 4: loss 1.04858, w = 0.81920',
    'step 5: loss 0.67109, w = 0.65536',
    'traces: 1',
  ])
})

test('04-graph-mode', () => {
  expect(linesOf(graphMode)).toEqual([
    '[update, v]: [1,1]',
    '[v, update]: [2,2]',
    'v: 2',
    'v in another session: 0',
    '[add, product, a, b]: [5,15,5,3]',
    'nested: {"y":[2,4],"both":[[2,4],[3,5]]}',
    'by name: [11]',
    'an intermediate fed: [101]',
    'after its dependency: 60',
    'eval: [14]',
    "ValueError: session.run: the variable 'v' is not initialized in this session",
    "SignatureError: session.run: you must feed a value for the placeholder 'x' Tensor(shape=[], float32, in graph_3)",
    'TraceError: session.run: Tensor(7, shape=[], float32) is an eager tensor, which has its value already',
    'TraceError: eval: no default session is registered',
    'TraceError: session.run: the session of graph_3 is closed',
  ])
})

test('05-assignment-and-rebinding', () => {
  expect(linesOf(assignmentAndRebinding)).toEqual([
    'rebinding: the name is now 20, the variable is still 10',
    'assigning: the variable is 20',
    'gradient: 3',
    'from its own value: 7',
    'in place: 9',
    'accumulated: [4,6], w: [0.6,0.4]',
    'inside: 2',
    'outside: 3',
    'inside again: 4, traces: 1',
    'read: 40',
    'read after a change outside: 50, traces: 1',
  ])
})

test('06-kinds-of-variables', () => {
  expect(linesOf(kindsOfVariables)).toEqual([
    'scalar: float32[] trainable 5',
    'vector: int32[3] trainable [1,2,3]',
    'matrix: float32[2, 2] not trainable [[1,2],[3,4]]',
    'from_a_typed_array: float64[2] trainable [0.1,0.2]',
    'from_a_variable: float32[2] trainable [7,8]',
    'from_a_function: float32[2, 2] trainable [[3,3],[3,3]]',
    'open: float32[4] trainable [1,2,3,4]',
    'sum: 10',
    'sum: 10, traces: 1',
    "ShapeError: assign: the value's shape is not the variable's",
    'fixed: float32[2] trainable [1,2]',
    'gradients: 3, null',
  ])
})

test('07-device-placement', () => {
  expect(linesOf(devicePlacement)).toEqual([
    'devices: wasm:0',
    'placed is on wasm:0, the product on wasm:0: [2,4]',
    'CPU:0 is wasm:0',
    'cpu is wasm:0',
    'wasm:0 is wasm:0',
    '/device:CPU:0 is wasm:0',
    "device: there is no device \"cpu:1\" at 07-device-placement.ts:19:10 Fix: the devices are 'wasm:0', also called 'cpu' and 'cpu:0'.",
    "device: there is no device \"abacus\" at 07-device-placement.ts:19:10 Fix: the devices are 'wasm:0', also called 'cpu' and 'cpu:0'.",
  ])
})

test('08-own-schedule-and-optimizer', () => {
  expect(linesOf(ownScheduleAndOptimizer)).toEqual([
    'step 1: rate 0.2500, loss 18.0000, w = [3.7500, -1.7500]',
    'step 2: rate 0.5000, loss 15.1250, w = [3.2500, -1.2500]',
    'step 3: rate 0.7500, loss 10.1250, w = [2.5000, -0.5000]',
    'step 4: rate 1.0000, loss 4.5000, w = [1.5000, 0.5000]',
    'step 5: rate 0.8944, loss 0.5000, w = [0.6056, 1.3944]',
    'step 6: rate 0.8165, loss 0.3111, w = [-0.2109, 2.2109]',
    'step 7: rate 0.7559, loss 2.9327, w = [0.5450, 1.4550]',
    'step 8: rate 0.7071, loss 0.4140, w = [1.2521, 0.7479]',
    'steps: 8, traces: 1',
  ])
})

test('09-batch-norm', () => {
  expect(linesOf(batchNorm)).toEqual([
    'training 1: first row [-1.2238, -1.2247], mean [0.2000, 2.0000], variance [0.9667, 7.5667]',
    'training 2: first row [-1.2238, -1.2247], mean [0.3800, 3.8000], variance [0.9367, 13.4767]',
    'training 3: first row [-1.2238, -1.2247], mean [0.5420, 5.4200], variance [0.9097, 18.7957]',
    'inference:  first row [0.4799, 1.0564]',
    'the layer:  first row [0.4799, 1.0564], mean [0.5420, 5.4200]',
    'traces: 2, trainable: gamma,beta',
  ])
})
