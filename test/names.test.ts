// The pages for those who come from other libraries: what they say exists exists, and what exists is on a page.
//
// docs/api-names.md lists every public name by namespace; `UPDATE=1` rewrites it.
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as tf from '../src/index.ts'

const updating = process.env['UPDATE'] === '1'
const pages = ['docs/coming-from-tensorflow.md', 'docs/coming-from-tfjs.md'] as const
const list = 'docs/api-names.md'

function isNamespace(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Reflect.get(value, Symbol.toStringTag) === 'Module'
}

/** The names of a namespace, then those of the namespaces in it. */
function sections(module: object, prefix: string): readonly (readonly [string, readonly string[]])[] {
  const entries = Object.entries(module)
  const names = entries.filter(([, value]) => !isNamespace(value)).map(([name]) => name)
  const inner = entries.flatMap(([name, value]) =>
    isNamespace(value) ? sections(value, `${prefix}.${name}`) : [],
  )
  return [[prefix, names.toSorted((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))], ...inner]
}

function listText(): string {
  const parts = sections(tf, 'tf').map(
    ([prefix, names]) => `## ${prefix}\n\n${names.map((name) => `\`${name}\``).join(' ')}\n`,
  )
  return `# All names\n\nWhat \`import * as tf from 'tracemill'\` gives, by namespace. Each has its documentation where it is defined;\neditors show it.\n\n${parts.join('\n')}`
}

/** The cells on the right of the tables that map names, with the lines they are on. */
function rightCells(file: string): readonly (readonly [number, string])[] {
  let inNames = false
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, at) => {
      if (!line.startsWith('|')) inNames = false
      else if (line.includes('| tracemill |')) inNames = true
      else if (inNames && !line.startsWith('|---')) return [[at + 1, line.split(' | ').at(-1) ?? ''] as const]
      return []
    })
}

const owners: Readonly<Record<string, object>> = {
  x: tf.Tensor.prototype,
  v: tf.Variable.prototype,
  tape: tf.GradientTape.prototype,
  f: tf.function((x: tf.Tensor) => x),
  model: tf.Model.prototype,
  layer: tf.layers.Layer.prototype,
}

function exists(owner: object, path: readonly string[]): boolean {
  let value: unknown = owner
  for (const name of path) {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || !(name in value))
      return false
    // Getters of prototypes have no object to ask: that they are there is enough.
    value = value === tf || isNamespace(value) ? Reflect.get(value, name) : undefined
  }
  return true
}

describe.each(pages)('%s', (file) => {
  test('maps to names that exist', () => {
    const cells = rightCells(file)
    expect(cells.length).toBeGreaterThan(30)
    const missing = cells.flatMap(([line, cell]) =>
      [...cell.matchAll(/`(tf|x|v|f|tape|model|layer)\.([\w.]+)/g)].flatMap(([, owner = '', path = '']) =>
        exists(owner === 'tf' ? tf : (owners[owner] ?? {}), path.split('.'))
          ? []
          : [`${line}: ${owner}.${path}`],
      ),
    )
    expect(missing).toEqual([])
  })

  test('says nothing is missing that is there', () => {
    const text = readFileSync(file, 'utf8').split('## What is not there')[1] ?? ''
    expect(text).not.toBe('')
    const promised = [...text.matchAll(/\*\*`tf\.([\w.]+)/g)].map(([, path = '']) => path)
    expect(promised.filter((path) => exists(tf, path.split('.')))).toEqual([])
  })
})

test('every public name is listed', () => {
  if (updating) writeFileSync(list, listText())
  const namesIn = (text: string): readonly string[] =>
    text
      .split('\n## ')
      .flatMap((section) =>
        [...section.matchAll(/`(\w+)`/g)].map(([, name]) => `${section.split('\n')[0]}.${name}`),
      )
  const [written, real] = [namesIn(readFileSync(list, 'utf8')), namesIn(listText())]
  const message = 'run `UPDATE=1 npx vitest run test/names.test.ts`'
  expect(
    real.filter((name) => !written.includes(name)),
    `not listed; ${message}`,
  ).toEqual([])
  expect(
    written.filter((name) => !real.includes(name)),
    `listed, but not there; ${message}`,
  ).toEqual([])
})

test('every namespace is on a page', () => {
  const text = pages.map((file) => readFileSync(file, 'utf8')).join('\n')
  const absent = sections(tf, 'tf').flatMap(([prefix]) => (text.includes(`${prefix}.`) ? [] : [prefix]))
  expect(absent).toEqual([])
})
