// Every message a user can provoke with bad input, against test/golden/errors/messages.txt (`UPDATE=1` rewrites it).
// The golden holds the class, the op, the operands and the fix; the line is this file's, written `at line` there and
// checked against the line of the case. Nothing may be written when an error is thrown.
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import * as tf from '../../src/index.ts'

const golden = new URL('../golden/errors/messages.txt', import.meta.url)
const updating = process.env['UPDATE'] === '1'

/** What JavaScript code may pass whatever the types say. */
function wrong<T>(value: unknown): T {
  return value as T
}

const int = (values: number[] | number): tf.Tensor => tf.tensor(values, 'int32')
const matMul = tf.function(function trainStep(x: tf.Tensor, y: tf.Tensor) {
  return x.matMul(y)
})
const picking = tf.function(function pick(x: tf.Tensor, i: tf.Tensor) {
  return x.gather(i)
})
const read = tf.function(function model(x: tf.Tensor) {
  return x.array()
})
const operator = tf.function(function model(x: tf.Tensor) {
  return wrong<number>(x) + 1
})
const branch = tf.function(function model(x: tf.Tensor) {
  return wrong<number>(x) > 0 ? x : x.neg()
})
const sum = tf.function((x: tf.Tensor, y: tf.Tensor) => x.add(y), {
  name: 'sum',
  inputSignature: [tf.spec([null]), tf.spec([null])],
})
let leaked = tf.scalar(0)
const leaking = tf.function(function leak(x: tf.Tensor) {
  leaked = x.mul(2)
  return x
})
leaking(tf.ones([2]))
const variable = tf.variable([1, 2], { name: 'weights' })
const counter = tf.variable(3, { name: 'steps', dtype: 'int32' })

const cases: readonly (readonly [name: string, cause: () => unknown])[] = [
  // Mismatched shapes.
  ['add of shapes that do not broadcast', () => tf.add(tf.ones([2, 3]), tf.ones([4, 5]))],
  ['a method, with an array', () => tf.ones([2, 3]).mul([1, 2])],
  ['matMul', () => tf.matMul(tf.ones([2, 784]), tf.ones([512, 10]))],
  ['matMul of a vector', () => tf.matMul(tf.ones([3]), tf.ones([3, 5]))],
  ['matMul of batches', () => tf.matMul(tf.ones([2, 2, 3]), tf.ones([3, 3, 5]))],
  ['matMul while tracing', () => matMul(tf.ones([2, 3]), tf.ones([4, 5]))],
  ['where', () => tf.where(tf.tensor([true, false]), tf.ones([3]), tf.ones([2]))],
  ['broadcastTo', () => tf.broadcastTo(tf.ones([3]), [2, 2])],
  ['concat', () => tf.concat([tf.ones([2, 3]), tf.ones([2, 4])], 0)],
  ['stack', () => tf.stack([tf.ones([2]), tf.ones([3])])],
  ['tensors in an array', () => tf.tensor([tf.ones([2]), tf.ones([3])])],
  ['addN', () => tf.addN([tf.ones([2]), tf.ones([3])])],
  ['reshape', () => tf.ones([2, 3]).reshape([4])],
  ['tensor with a shape', () => tf.tensor([1, 2, 3], [2, 2])],
  ['transpose', () => tf.ones([2, 3]).transpose([0, 0])],
  ['squeeze', () => tf.squeeze(tf.ones([2, 1]), [0])],
  ['split', () => tf.split(tf.ones([5]), 2)],
  ['pad', () => tf.pad(tf.ones([2]), wrong([[1]]))],
  ['slice', () => tf.ones([3]).slice(2, 5)],
  ['softmaxCrossEntropy', () => tf.losses.softmaxCrossEntropy(tf.ones([2, 3]), tf.ones([2, 4]))],
  ['sparseSoftmaxCrossEntropy', () => tf.losses.sparseSoftmaxCrossEntropy(int([0, 1, 2]), tf.ones([2, 3]))],
  ['assign', () => variable.assign(3)],
  ['assignAdd', () => variable.assignAdd([1, 2, 3])],
  ['unknown sizes', () => sum(tf.ones([2]), tf.ones([3]))],
  ['an argument of another shape', () => sum(tf.ones([2]), tf.ones([3, 1]))],
  // Mixed dtypes.
  ['add of two dtypes', () => tf.add(int([1, 2]), tf.ones([2]))],
  ['matMul of two dtypes', () => tf.matMul(tf.ones([2, 2], 'int32'), tf.ones([2, 2]))],
  ['a fraction meets int32', () => int([1, 2]).add(1.5)],
  ['exp of int32', () => tf.exp(int([1]))],
  ['neg of bool', () => tf.neg(tf.tensor([true]))],
  ['logicalAnd of floats', () => tf.logicalAnd(tf.ones([2]), tf.ones([2]))],
  ['float indices', () => tf.gather(tf.ones([3]), tf.tensor([0, 1]))],
  ['assign of another dtype', () => variable.assign(int([1, 2]))],
  ['assign of a fraction', () => counter.assign(1.5)],
  ['a dtype that does not exist', () => tf.zeros([2], wrong('float16'))],
  ['cast to a dtype that does not exist', () => tf.ones([2]).cast(wrong('int64'))],
  // Data that is no tensor.
  ['ragged rows', () => tf.tensor([[1, 2], [3]])],
  [
    'ragged depth',
    () =>
      tf.tensor([
        [[1], [2]],
        [[3], [4, 5]],
      ]),
  ],
  ['a number among rows', () => tf.tensor(wrong([[1, 2], 3]))],
  ['a row among numbers', () => tf.tensor(wrong([1, [2, 3]]))],
  ['numbers and booleans', () => tf.tensor([1, true])],
  ['strings', () => tf.tensor(wrong(['a']))],
  ['undefined in an array', () => tf.tensor(wrong([1, undefined]))],
  ['null', () => tf.tensor(wrong(null))],
  ['bigint', () => tf.tensor(wrong([1n]))],
  ['an object as an operand', () => tf.add(wrong({}), 1)],
  ['a missing operand', () => tf.add(tf.ones([2]), wrong(undefined))],
  ['a variable without a value', () => tf.variable(wrong(undefined))],
  // Sizes and numbers out of range.
  ['a size of NaN', () => tf.zeros([Number.NaN])],
  ['an infinite size', () => tf.zeros([Infinity])],
  ['a negative size', () => tf.ones([-1])],
  ['a fractional size', () => tf.fill([1.5], 1)],
  ['too many elements', () => tf.zeros([2 ** 20, 2 ** 20])],
  ['range without end', () => tf.range(0, Infinity)],
  ['range with step 0', () => tf.range(0, 10, 0)],
  ['eye', () => tf.eye(-2)],
  ['int32 above its range', () => tf.tensor([1, 2 ** 31], 'int32')],
  ['int32 from NaN', () => tf.tensor([Number.NaN], 'int32')],
  ['uint8 above its range', () => tf.tensor([256], 'uint8')],
  ['bool from 2', () => tf.tensor([2], 'bool')],
  ['an axis that does not exist', () => tf.ones([2, 3]).sum(2)],
  ['an axis named twice', () => tf.ones([2, 3]).sum([0, -2])],
  ['oneHot', () => tf.oneHot([1], -1)],
  ['at', () => tf.ones([3]).at(5)],
  ['an index', () => tf.gather([1, 2, 3], [0, 7]).array()],
  ['an index in a traced function', () => picking(tf.ones([3]), int([1, -1]))],
  ['integer division by 0', () => tf.floorDiv(int([1, 2]), int([1, 0])).array()],
  ['integer remainder by 0', () => tf.mod(int([1, 2]), 0).array()],
  ['integer to a negative power', () => tf.pow(int([2]), int([-1])).array()],
  ['item of many elements', () => tf.ones([2]).item()],
  ['rows of a scalar', () => [...tf.scalar(1)]],
  // Tracing.
  ['array() while tracing', () => read(tf.ones([2]))],
  ['+ on a symbolic tensor', () => operator(tf.ones([2]))],
  ['a branch on a symbolic tensor', () => branch(tf.scalar(1))],
  ['+ on a tensor', () => wrong<number>(tf.ones([2])) + 1],
  ['+ on a scalar', () => wrong<number>(tf.scalar(2)) + 1],
  ['< on a tensor', () => wrong<number>(tf.ones([2])) < 1],
  ['+ on a variable', () => wrong<number>(variable) + 1],
  ['a tensor of an ended trace', () => leaked.add(1)],
  ['a tensor of an ended trace, read', () => leaked.item()],
  [
    'a tensor of another trace',
    () =>
      tf.function(function other(x: tf.Tensor) {
        return x.add(leaked)
      })(tf.ones([2])),
  ],
  ['a variable made of a symbolic tensor', () => tf.variable(leaked)],
  ['an async callback', () => tf.function(async () => tf.scalar(1))],
  [
    'a result that is no tensor',
    () =>
      tf.function(function model() {
        return { name: ['x'] }
      })(),
  ],
  [
    'a signature that is none',
    () => tf.function((x: tf.Tensor) => x, { inputSignature: wrong([[3, null]]) }),
  ],
  [
    'debug.show before a call',
    () =>
      tf.debug.show(
        tf.function(() => 1),
        'trace',
      ),
  ],
]

const texts = new Map<string, string>()
const expected = new Map(
  readFileSync(golden, { encoding: 'utf8', flag: 'a+' })
    .split(/^=== /m)
    .slice(1)
    .map((section) => {
      const end = section.indexOf('\n')
      return [section.slice(0, end), section.slice(end + 1).trim()] as const
    }),
)

function causeOf(body: () => unknown): Error {
  try {
    body()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

describe('messages', () => {
  test.each(cases)('%s', (name, cause) => {
    const error = causeOf(cause)
    expect(error).toBeInstanceOf(tf.TracemillError)
    expect(error).not.toBeInstanceOf(tf.InternalError)
    const text = `${error.name}: ${error.message}`
    const place = /\n  at (errors\.test\.ts:\d+):\d+/.exec(text)?.[1]
    expect(place, text).toBeDefined()
    expect(text).toMatch(/\n  Fix: .+\.(?:\n|$)/)
    const normal = text.replace(/errors\.test\.ts:\d+:\d+/g, 'line')
    texts.set(name, normal)
    expect(normal).toBe(updating ? normal : expected.get(name))
  })

  test('the line is that of the call', () => {
    const here = new Error('here').stack?.match(/errors\.test\.ts:(\d+)/)?.[1]
    const error = causeOf(() => tf.add(tf.ones([2]), tf.ones([3])))
    expect(error.message).toContain(`errors.test.ts:${Number(here) + 1}:`)
  })

  test('bad input writes nothing', () => {
    expect([variable.array(), counter.item()]).toEqual([[1, 2], 3])
  })

  test('an error leaves the library usable', () => {
    expect(matMul(tf.ones([2, 3]), tf.ones([3, 1])).array()).toEqual([[3], [3]])
    expect(picking(tf.tensor([5, 6, 7]), int([1, 2])).array()).toEqual([6, 7])
    expect(tf.isTracing()).toBe(false)
  })
})

afterAll(() => {
  if (!updating) return
  const head = 'Messages of bad input. Written by test/src/errors.test.ts with UPDATE=1.\n\n'
  writeFileSync(
    golden,
    head + cases.map(([name]) => `=== ${name}\n${texts.get(name) ?? 'nothing was thrown'}\n`).join('\n'),
  )
})
