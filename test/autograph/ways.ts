/**
 * Programs for processes of their own: the corpus as a module that checks itself, written so that it can only be staged
 * in the way that is asked for, and what each way needs on the command line.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseText } from '../../tracer/autograph/source.ts'
import { corpus } from './corpus.ts'
import { Plain, plainResult } from './twins.ts'

/** How a function gets its scope. */
export type Way = 'scope' | 'inspector' | 'register'

export const ways: readonly Way[] = ['scope', 'inspector', 'register']

/** What follows `node` for each way; what has been rewritten in advance must do without making code from text. */
export const flagsOf: Readonly<Record<Way, readonly string[]>> = {
  scope: [],
  inspector: [],
  register: ['--disallow-code-generation-from-strings', '--import', 'tracemill/register'],
}

/** A function's text with a mention of a variable outside, so that it cannot be rebuilt just anywhere. */
export function tied(text: string): string {
  const source = parseText(text)
  if (source === undefined) throw new Error(`not a function: ${text}`)
  const { fn, wrapped } = source
  const shift = wrapped.indexOf(text)
  const [start, end] = [fn.body.start - shift, fn.body.end - shift]
  return fn.body.type === 'BlockStatement'
    ? `${text.slice(0, end - 1)}\n;void outside\n}${text.slice(end)}`
    : `${text.slice(0, start)}(outside, ${text.slice(start, end)})${text.slice(end)}`
}

/** The results of a function on plain numbers, for each list of inputs. */
function expected(fn: (...args: never[]) => unknown, lists: readonly (readonly unknown[])[]): string {
  const plain = (input: unknown): unknown => {
    if (typeof input === 'number') return new Plain(input)
    if (Array.isArray(input)) return input.map((value) => new Plain(value as number))
    return structuredClone((input as { raw: unknown }).raw)
  }
  return JSON.stringify(
    lists.map((list) => plainResult(Reflect.apply(fn, undefined, list.map(plain)) as unknown)),
    numbers,
  )
}

/** JSON has no NaN and no infinities. */
function numbers(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
}

/** The module: it prints the number of functions that agree, and says of every other what came out. */
export function corpusProgram(): string {
  const cases = corpus.map(
    ([name, fn, inputs]) =>
      `[${JSON.stringify(name)}, ${tied(String(fn))}, ${JSON.stringify(inputs)}, ${JSON.stringify(expected(fn, inputs))}],`,
  )
  return `import * as tf from 'tracemill'
const outside = 0
// What this file was compiled with may call it to keep the names of functions.
const __name = (fn) => fn
const scope = process.argv[2] === 'scope' ? { scope: (s) => eval(s) } : {}
const cases = [
${cases.join('\n')}
]
const tensors = (input) => input !== null && typeof input === 'object' && 'raw' in input ? structuredClone(input.raw)
  : typeof input === 'number' ? tf.scalar(input) : tf.tensor(input)
const plain = (value) => {
  if (value instanceof tf.Tensor) return plain(value.array())
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'number') return Math.fround(value) + 0
  if (Array.isArray(value)) return value.map(plain)
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]))
  return value
}
const numbers = (key, value) => typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
let agree = 0
for (const [name, fn, inputs, expected] of cases) {
  try {
    const traced = tf.function(fn, { onRetrace: 'off', ...scope })
    const results = JSON.stringify(inputs.map((list) => plain(traced(...list.map(tensors)))), numbers)
    if (results === expected) agree++
    else console.log(name + ': ' + results + ' instead of ' + expected)
  } catch (error) {
    console.log(name + ': ' + error.stack)
  }
}
console.log(agree + ' of ' + cases.length + ' agree')
`
}

/** Runs the corpus in a way; gives what it printed. */
export function runCorpus(project: string, way: Way, node: string = process.execPath): string {
  writeFileSync(join(project, 'corpus.mjs'), corpusProgram())
  const { stdout, stderr } = spawnSync(node, [...flagsOf[way], 'corpus.mjs', way], {
    cwd: project,
    encoding: 'utf8',
  })
  return stdout.includes('agree') ? stdout : stdout + stderr
}
