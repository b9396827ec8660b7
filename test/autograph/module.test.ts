// Whole modules rewritten in advance: what is rewritten and what stays byte for byte, the import, the opt-outs, source maps
// alone and joined with an earlier one, and every function of the corpus in the same ways as when it is rewritten alone.
import { tokenizer } from 'acorn'
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping'
import { transformSync } from 'esbuild'
import { describe, expect, it, test } from 'vitest'
import { $ag } from '../../src/autograph-runtime.ts'
import * as tf from '../../src/index.ts'
import { convert } from '../../tracer/autograph/convert.ts'
import { convertModule, type ConvertedModule, type ModuleOptions } from '../../tracer/autograph/module.ts'
import { Lines } from '../../tracer/autograph/lines.ts'
import { corpus } from './corpus.ts'
import { randomProgram } from './programs.ts'
import { type Input, runTwins, type Twin } from './twins.ts'

const prefix = `import * as tf from 'tracemill'\n`

function converted(code: string, options: Partial<ModuleOptions> = {}): ConvertedModule {
  const made = convertModule(code, { file: 'src/model.js', ...options })
  if (made === undefined) throw new Error('nothing was rewritten')
  return made
}

/** The value of `exports` after a module without imports but tracemill's has run. */
function evaluate(code: string): Readonly<Record<string, Twin>> {
  const exported = {}
  const name = code.includes('$$ag') ? '$$ag' : '$ag'
  const body = code.replace(/import .* from "tracemill\/autograph-runtime"; /, '').replace(prefix.trim(), '')
  // oxlint-disable-next-line typescript/no-implied-eval -- the module is text
  const run = new Function('exports', 'tf', name, body) as (...args: unknown[]) => void
  run(exported, tf, $ag)
  return exported
}

/** The value of an expression. */
function evaluated<T>(text: string): T {
  // oxlint-disable-next-line no-eval -- the function is text
  return (0, eval)(`(${text})`) as T
}

function rewrittenInModule(text: string): Twin {
  const made = convertModule(`${prefix}exports.f = (${text})`, { file: 'f.js' })
  if (made === undefined) return evaluated<Twin>(text)
  return evaluate(made.code)['f']!
}

/** Every word that is printed and also stands where the map leads is mapped to its first letter. */
function expectMapped(made: ConvertedModule, source: string): void {
  const trace = new TraceMap(made.step as never)
  const [printed, lines] = [new Lines(made.code), source.split('\n')]
  const found = new Set<string>()
  for (const { 0: word, index } of made.code.matchAll(/[a-zA-Z_]\w*/g)) {
    const { line, column } = printed.at(index)
    const origin = originalPositionFor(trace, { line: line + 1, column })
    if (origin.line !== null && lines[origin.line - 1]?.startsWith(word, origin.column)) found.add(word)
  }
  // Labels and names of methods are gone or strings; all other names are somewhere.
  const gone = new Set(
    [...source.matchAll(/\b(?:break|continue) (\w+)|\b(\w+):/g)].flatMap(([, a, b]) => [a, b]),
  )
  const names = [...tokenizer(source, { ecmaVersion: 'latest', sourceType: 'module' })]
    .filter(({ type, start }) => type.label === 'name' && !/[.#]$/.test(source.slice(0, start)))
    .map(({ start, end }) => source.slice(start, end))
  expect(
    names.filter((name) => name !== 'of' && name !== 'let' && !gone.has(name) && !found.has(name)),
  ).toEqual([])
}

describe('every function of the corpus, in a module', () => {
  test.for(corpus)('%s', ([, fn, inputs]) => {
    const text = Function.prototype.toString.call(fn)
    const code = `${prefix}exports.f = (${text})`
    const made = convertModule(code, { file: 'f.js' })
    if (made !== undefined) expectMapped(made, code)
    for (const { plain, rewritten, eager, traced } of runTwins(fn, inputs, true, rewrittenInModule(text)))
      expect([rewritten, eager, traced]).toEqual([plain, plain, plain])
  })
})

it('random programs agree in a module too', () => {
  const inputs: readonly (readonly Input[])[] = [[3, -2, 7, [1, 4, -5], { raw: 1 }]]
  for (let seed = 5000; seed < 5060; seed++) {
    const text = randomProgram(seed, 3)
    const isTraced = seed % 12 === 0
    for (const { plain, rewritten, eager, traced } of runTwins(
      evaluated<Twin>(text),
      inputs,
      isTraced,
      rewrittenInModule(text),
    ))
      // prettier-ignore
      expect([rewritten, eager, traced], `seed ${seed}: ${text}`).toEqual([
        plain,
        plain,
        isTraced ? plain : undefined,
      ])
  }
})

describe('what is rewritten', () => {
  it('keeps everything outside of bodies with tests byte for byte', () => {
    const before = `${prefix}export   const w = 1 // kept\nexport class Model extends tf.Variable { #k =  2; static ['a' + 'b'] ( x ) `
    const body = `{ if (x.greater(0)) return this.#k; return super.value(x) }`
    const after = ` /* kept */ get  half( ) { return this . #k / 2 } }\nexport function straight( x ) { return x . mul( 2 ) }\n`
    const { code } = converted(before + body + after)
    const start = code.indexOf(`static ['a' + 'b'] ( x ) `)
    expect(code.slice(0, start)).toBe(
      `import { $ag } from "tracemill/autograph-runtime"; ${before.slice(0, before.indexOf('static'))}`,
    )
    expect(code.endsWith(after)).toBe(true)
    expect(code).toContain('$ag.if(')
    expect(code).toContain('super.value(')
  })

  it('finds functions wherever they are', () => {
    const test = 'x.greater(0) ? 1 : 2'
    const { code } = converted(`${prefix}
      async function main(x) { const inner = (x) => ${test}; return inner(x) }
      function* steps(x) { yield () => ${test} }
      const shape = { m(x) { return ${test} }, get g() { return ${test} }, async a() { return [1].map(x => ${test}) } }
      class A { f = x => ${test}; static { this.g = x => ${test} } constructor(x) { this.x = ${test} } set s(x) { this.x = ${test} } #p(x) { return ${test} } }
      const withDefault = (x, f = x => ${test}) => f(x) && x
      export default function (x) { return ${test} }`)
    expect(code.match(/\$ag\.ifExp\(/g)).toHaveLength(12)
    expect(code).not.toContain('? 1 : 2')
  })

  it('leaves suspended functions and the top level as they are', () => {
    const rest =
      'if (tf.x) tf.y()\nasync function f(x) { if (x) await x }\nfunction* g(x) { while (x) yield x }\n'
    expect(convertModule(prefix + rest, { file: 'a.js' })).toBeUndefined()
  })

  it('leaves the helpers of compilers alone', () => {
    const helpers = `var __name = (target, value) => target ? value : 1\nfunction __decorate(a) { return a ? a : 1 }\n`
    expect(convertModule(prefix + helpers, { file: 'a.js' })).toBeUndefined()
    const { code } = converted(`${prefix}${helpers}const f = (x) => x ? 1 : 2`)
    expect(code).toContain(helpers)
  })

  it.each([
    ['a module that does not import the library', `const f = (x) => x ? 1 : 2`],
    ['a mention of its name', `const name = 'tracemill', f = (x) => x ? 1 : 2`],
    ['one of another package', `import 'tracemill-extras'; export const f = (x) => x ? 1 : 2`],
    ['a module that asks for it', `${prefix}/* @no-autograph */ const f = (x) => x ? 1 : 2`],
    ['a module with nothing to rewrite', `${prefix}export const f = (x) => { for (let i = 0; i < 3; i++) x = x.mul(i); return x }`],
  ])('is not %s', (_, code) => {
    expect(convertModule(code, { file: 'a.js' })).toBeUndefined()
  }) // prettier-ignore

  it('goes by what the user wrote when types have been taken away, and by what is included', () => {
    const code = `export const f = (x) => x ? 1 : 2`
    expect(converted(code, { original: `import type { Tensor } from "tracemill"\n${code}` }).code).toContain(
      '$ag',
    )
    expect(converted(code, { isIncluded: true }).code).toContain('$ag.ifExp')
    expect(
      convertModule(code, { file: 'a.js', original: '/* @no-autograph */', isIncluded: true }),
    ).toBeUndefined()
  })

  it('throws SyntaxError for what is not JavaScript', () => {
    expect(() => convertModule(`${prefix}const x: number = y ? 1 : 2`, { file: 'a.ts' })).toThrow(SyntaxError)
  })
})

describe('the import', () => {
  it('goes behind #! and directives, in front of other imports, and shifts no line', () => {
    const code = `#!/usr/bin/env node\n'use client'\n// a comment\n${prefix}const f = (x) => x ? 1 : 2`
    const lines = converted(code).code.split('\n')
    expect(lines.slice(0, 4)).toEqual([
      ...code.split('\n').slice(0, 3),
      `import { $ag } from "tracemill/autograph-runtime"; ${prefix.trim()}`,
    ])
  })

  it('takes a name that the module does not have', () => {
    const { code } = converted(`${prefix}const $ag = 1; exports.f = (x) => x.greater($ag) ? 1 : 2`)
    expect(code).toContain('import { $ag as $$ag } from "tracemill/autograph-runtime"')
    expect(
      tf
        .function(evaluate(code)['f'] as (x: tf.Tensor) => tf.Tensor)(tf.scalar(2))
        .item(),
    ).toBe(1)
  })

  it('can be another, or another statement', () => {
    const code = `${prefix}const f = (x) => x ? 1 : 2`
    expect(converted(code, { runtimeImport: '/lib/runtime.js' }).code).toContain('from "/lib/runtime.js"')
    const script = `const tf = require('tracemill'); exports.f = (x) => x ? 1 : 2; return`
    const made = converted(script, {
      format: 'commonjs',
      prelude: (name) => `const ${name} = globalThis.runtime;`,
    })
    expect(made.code.startsWith(`const $ag = globalThis.runtime; const tf`)).toBe(true)
  })

  it('is not made twice', () => {
    const { code } = converted(`${prefix}const f = (x) => x ? 1 : 2`)
    expect(convertModule(code, { file: 'a.js' })).toBeUndefined()
  })
})

describe('a function that was rewritten in a module', () => {
  const source = `${prefix}exports.f = function f(x) { if (x.greater(0)) return x; return x.neg() }`

  it('is not rewritten again, minified or not', () => {
    const { code } = converted(source)
    const { f } = evaluate(code)
    expect(convert(f!)).toBe(f)
    const text = transformSync(code.replaceAll('$ag', 'q'), { minify: true }).code
    const minified = evaluated<(runtime: unknown) => Twin>(`q => ${/function\b.*\}/.exec(text)?.[0]}`)
    const g = minified($ag)
    expect(g.toString()).not.toContain('$ag')
    expect(convert(g)).toBe(g)
  })

  it('names the place in messages', () => {
    const { f } = evaluate(
      converted(
        `${prefix}exports.f = (x) => {\n  if (x.greater(0))\n    try { throw new Error() } catch {}\n}`,
      ).code,
    )
    expect(() => tf.function(f as (x: tf.Tensor) => void)(tf.scalar(1))).toThrow(/at model\.js:4:11/)
  })
})

describe('what a traced function of a module reads from outside', () => {
  interface Example {
    readonly set: (value: number) => void
    readonly call: (x: tf.Tensor) => tf.Tensor
  }
  const control = 'if (x.greater(100)) return x'
  const module = (body: string): Example =>
    evaluate(
      converted(`${prefix}let scale = 3\nexports.set = (value) => { scale = value }\n${body}`).code,
    ) as object as Example
  const told = ({ set, call }: Example): readonly string[] => {
    const warnings = (value: number): readonly string[] => {
      set(value)
      return tf.captureWarnings(() => {
        for (let i = 0; i < 3; i++) call(tf.scalar(1))
      }).warnings
    }
    expect(warnings(3)).toEqual([])
    return warnings(5)
  }
  it.each([
    ['an arrow in the call', `exports.call = tf.function((x) => {\n ${control}; return x.mul(scale) })`],
    [
      'a function by its name',
      `function step(x) {\n ${control}; return x.mul(scale) }\nexports.call = tf.function(step)`,
    ],
    [
      'a constant by its name',
      `const step = (x) =>\n x.greater(2) ? x : x.mul(scale)\nexports.call = tf.function(step)`,
    ],
  ])('is watched: %s', (_, body) => {
    const [warning, ...others] = told(module(body))
    expect(warning).toMatch(/scale was 3 when it was traced, and is 5 now: .*model\.js:[45]:\d+/)
    expect(others).toEqual([])
  })
  it('is watched in methods with decorators, this included', () => {
    const source = `
      class Model {
        k = 3
        @tf.func step(x) { if (x.greater(100)) return x; return x.mul(scale).add(this.k) }
        @tf.func static twice(x) { if (x.greater(100)) return x; return x.mul(scale) }
        plain(x) { if (x.greater(100)) return x; return x.mul(this.k) }
      }`
    const lowered = transformSync(source, { target: 'es2022' }).code
    const { call, set } = module(
      `${lowered}\nconst model = new Model()\nexports.call = (x) => { model.step(x); return Model.twice(x) }`,
    )
    const warnings = told({ call, set }).join('\n')
    expect(warnings.match(/scale was 3 when it was traced/g)).toHaveLength(2)
    const both = module(
      `${lowered}\nconst model = new Model()\nexports.set = (k) => { model.k = k }\nexports.call = (x) => model.step(x)`,
    )
    expect(told(both).join('\n')).toMatch(/this\.k was 3 when it was traced, and is 5 now/)
  })
})

describe('the source map', () => {
  const typescript = [
    `import * as tf from 'tracemill'`,
    `interface Unused { a: number; b: string }`,
    `export const f = tf.function((x: tf.Tensor, y: tf.Tensor): tf.Tensor => {`,
    `  let best: tf.Tensor = x`,
    `  if (x.sum().greater(y.sum())) {`,
    `    best = fail(y as tf.Tensor)`,
    `  }`,
    `  return best`,
    `})`,
    `export function kept(name: string): string { return name.trim() }`,
  ].join('\n')

  /** Where a text that occurs once in the output comes from. */
  function originOf(code: string, map: object, text: string): string {
    const { line, column } = new Lines(code).at(code.indexOf(text))
    const origin = originalPositionFor(new TraceMap(map as never), { line: line + 1, column })
    return `${origin.source}:${origin.line}:${origin.column}`
  }

  function positionOf(text: string): string {
    const { line, column } = new Lines(typescript).at(typescript.indexOf(text))
    return `model.ts:${line + 1}:${column}`
  }

  it('leads through an earlier map to what the user wrote', () => {
    for (const minify of [false, true]) {
      const earlier = transformSync(typescript, { loader: 'ts', sourcemap: 'external', sourcefile: 'model.ts', minifyWhitespace: minify }) // prettier-ignore
      const made = converted(earlier.code, { file: 'src/model.ts', map: earlier.map })
      expect(made.map.sources).toEqual(['model.ts'])
      expect(originOf(made.code, made.map, 'fail')).toBe(positionOf('fail'))
      expect(originOf(made.code, made.map, '"sum", [], "model.ts:5:7"')).toBe(positionOf('x.sum'))
      expect(originOf(made.code, made.map, '$ag.if(')).toBe(positionOf('if (x'))
      expect(originOf(made.code, made.map, 'trim')).toBe(positionOf('trim'))
      expect(made.code).toContain('"model.ts:5:3"')
    }
  })

  it('leads to the module where there is none', () => {
    const { map, step, code } = converted(`${prefix}\nconst f = (x) => { if (x) thing(x) }`)
    expect(map).toBe(step)
    expect(map).toMatchObject({ version: 3, sources: ['model.js'] })
    expect(originOf(code, map, 'thing')).toBe('model.js:3:26')
  })
})
