// Runs what the documentation shows: every ```ts block of the Markdown files and every `@example` of a docstring.
//
//     tf.add([1, 2], 10) // [11, 12]
//
// asserts the value of an expression that stands on a line by itself: a number (to the digits a float32 has), a string,
// a boolean, or nested arrays of them; tensors and Variables count as their nested arrays. `// throws ShapeError` asserts
// the class of what is thrown. `console.log(x) // …` asserts x and prints nothing. Other comments are prose, but one that
// begins like a value must be one. A block ```ts fragment is not run. All that is run must also compile.
//
// In Markdown, `<!-- shows: expression -->` above a ```text block says that the block is the text of that expression in the
// scope of the ```ts block before it; `UPDATE=1` rewrites such blocks.
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compileFunction } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { transformWithEsbuild } from 'vite'
import * as tf from '../src/index.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const updating = process.env['UPDATE'] === '1'

/** Code of the documentation: where it stands, and the file whose exports it may use by their bare names. */
interface Example {
  readonly name: string
  readonly code: string
  readonly module: string | undefined
  readonly shown: readonly Shown[]
}

/** A ```text block of Markdown that holds the text of an expression. */
interface Shown {
  readonly expression: string
  readonly text: string
}

// Reading examples ------------------------------------------------------------------------------------------------------

const markdownFiles: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
]
const sourceFiles: readonly string[] = ['src', 'tracer'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file}`),
)

function lineOf(text: string, position: number): number {
  return text.slice(0, position).split('\n').length
}

const block = /^(?:<!-- shows: (?<expression>.*) -->\n+)?```(?<language>[^\n]*)\n(?<body>[\s\S]*?)^```$/gm

function examplesOfMarkdown(file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8')
  const examples: (Example & { shown: Shown[] })[] = []
  for (const match of text.matchAll(block)) {
    const { expression, language, body = '' } = match.groups ?? {}
    if (language === 'ts')
      examples.push({
        name: `${file}:${lineOf(text, match.index) + 1}`,
        code: body,
        module: undefined,
        shown: [],
      })
    if (expression !== undefined) examples.at(-1)?.shown.push({ expression, text: body })
  }
  return examples
}

function examplesOfSource(file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap((comment) => {
    const lines = comment[0]
      .slice(3, -2)
      .split('\n')
      .map((line) => line.replace(/^\s*\* ?/, ''))
    return lines.flatMap((line, at): Example[] => {
      if (!line.startsWith('@example')) return []
      const next = lines.findIndex((later, i) => i > at && later.startsWith('@'))
      const code = [line.slice('@example'.length).trim(), ...lines.slice(at + 1, next < 0 ? undefined : next)]
      return [
        {
          name: `${file}:${lineOf(text, comment.index) + at}`,
          code: code.join('\n').trim(),
          module: file,
          shown: [],
        },
      ]
    })
  })
}

const documents: readonly (readonly [string, readonly Example[]])[] = markdownFiles
  .map((file) => [file, examplesOfMarkdown(file)] as const)
  .filter(([, examples]) => examples.length > 0)
const docstrings: readonly Example[] = sourceFiles.flatMap(examplesOfSource)

// Running them ----------------------------------------------------------------------------------------------------------

/** A claim about the expression on a line. */
interface Claim {
  readonly line: string
  readonly throws: string | undefined
  readonly value: unknown
}

const statementStart =
  /^\s*(?:(?:const|let|var|return|import|export|function|async|class|if|else|for|while|throw|try|type|interface)\b|[})\].]|\/\/|$)/
const literal =
  /^(?:-?Infinity|NaN|true|false|undefined|null|-?0x[\da-f]+|-?[\d.]+(?:e[-+]?\d+)?|'[^']*'|[[\],\s])+$/i

/** The claims of an example, and its code with each claimed expression passed to `$claim`. */
function claimsOf(code: string): { readonly claims: readonly Claim[]; readonly code: string } {
  const claims: Claim[] = []
  const lines = code.split('\n').map((line) => {
    const parts = /^(?<expression>.*\S)\s+\/\/ (?<comment>.+)$/.exec(line)?.groups
    const comment = parts?.['comment']
    if (parts === undefined || comment === undefined || statementStart.test(line)) return line
    const throws = /^throws (\w+)$/.exec(comment)?.[1]
    if (throws === undefined && !/^(?:[-\d[']|(?:Infinity|NaN|true|false|undefined|null)\b)/.test(comment))
      return line
    if (throws === undefined && !literal.test(comment))
      throw new SyntaxError(`"${comment}" begins like a value and is none: ${line}`)
    const written = parts['expression'] ?? ''
    const expression = /^\s*console\.log\((.*)\)$/.exec(written)?.[1] ?? written
    claims.push({ line, throws, value: throws === undefined ? evaluate(comment) : undefined })
    return `$claim(${claims.length - 1}, () => (${expression}))`
  })
  return { claims, code: lines.join('\n') }
}

function evaluate(expression: string): unknown {
  return Reflect.apply(compileFunction(`return (${expression})`), undefined, [])
}

/** Values as claims write them. */
function plain(value: unknown): unknown {
  if (value instanceof tf.Tensor || value instanceof tf.Variable) return value.array()
  if (Array.isArray(value)) return value.map(plain)
  if (ArrayBuffer.isView(value) && 'values' in value) return Array.from(value as Float32Array)
  return value
}

/** `value` with each number that is as good as the one in `claimed` replaced by it. */
function settled(value: unknown, claimed: unknown): unknown {
  if (Array.isArray(value) && Array.isArray(claimed))
    return value.map((entry, i) => settled(entry, claimed[i]))
  if (
    typeof value === 'number' &&
    typeof claimed === 'number' &&
    Math.abs(value - claimed) <= 2e-6 * Math.max(1, Math.abs(claimed))
  )
    return claimed
  return value
}

function check(claim: Claim, run: () => unknown): void {
  if (claim.throws !== undefined) {
    let thrown: unknown
    try {
      run()
    } catch (error) {
      thrown = error
    }
    expect(thrown instanceof Error ? thrown.constructor.name : thrown, claim.line).toBe(claim.throws)
    return
  }
  expect(settled(plain(run()), claim.value), claim.line).toEqual(claim.value)
}

/** The exports of an example's own file that it mentions by bare names; those of `tf` go by `tf`. */
async function bareNames(example: Example): Promise<ReadonlyMap<string, unknown>> {
  if (example.module === undefined) return new Map()
  const exported: unknown = await import(/* @vite-ignore */ join(root, example.module))
  const used = new Set([...example.code.matchAll(/(?<![.\w])[a-z]\w*/gi)].map(([name]) => name))
  for (const [declaration] of example.code.matchAll(/\b(?:const|let|var|function|class)\s[^=(]*/g))
    for (const [name] of declaration.matchAll(/\w+/g)) used.delete(name)
  return new Map(
    Object.entries(exported as Readonly<Record<string, unknown>>).filter(([name]) => used.has(name)),
  )
}

/** Runs an example and checks its claims; gives the texts it shows. */
async function run(example: Example): Promise<readonly string[]> {
  const { claims, code } = claimsOf(example.code)
  const names = await bareNames(example)
  const source = code.replace(/^import \* as tf from 'tracemill';?$/m, 'const tf = $tf')
  const shows = example.shown.map(({ expression }) => `$show(${expression})`)
  const { code: javascript } = await transformWithEsbuild([source, ...shows].join('\n'), 'model.ts', {
    sourcemap: false,
    target: 'es2023',
  })
  const shown: string[] = []
  let made = 0
  const scope: ReadonlyMap<string, unknown> = new Map<string, unknown>([
    ...names,
    ['$tf', tf],
    ...(example.module === undefined ? [] : [['tf', tf] as const]),
    ['$show', (text: unknown) => shown.push(String(text))],
    [
      '$claim',
      (index: number, expression: () => unknown): void => {
        const claim = claims[index]
        if (claim === undefined) return
        made++
        check(claim, expression)
      },
    ],
  ])
  // The path becomes the place that messages and graphs name: model.ts with the lines of the example.
  const body = compileFunction(javascript, [...scope.keys()], { filename: '/docs/model.ts' })
  Reflect.apply(body, undefined, [...scope.values()])
  expect(made, 'claims that were reached').toBe(claims.length)
  return shown
}

/** Writes what an example shows into its file. */
function bless(file: string, { shown }: Example, texts: readonly string[]): void {
  const path = join(root, file)
  let text = readFileSync(path, 'utf8')
  shown.forEach(({ expression, text: before }, i) => {
    const head = `<!-- shows: ${expression} -->\n\n\`\`\`text\n`
    text = text.replace(head + before, () => head + (texts[i] ?? ''))
  })
  writeFileSync(path, text)
}

describe.each(documents)('%s', (file, examples) => {
  const named = examples.map((example) => [example.name, example] as const)
  test.each(named)('%s', async (_name, example) => {
    const texts = (await run(example)).map((text) => `${text.trimEnd()}\n`)
    if (updating) bless(file, example, texts)
    expect(texts).toEqual(updating ? texts : example.shown.map(({ text }) => text))
  })
})

describe('docstrings', () => {
  test.each(docstrings.map((example) => [example.name, example] as const))('%s', async (_name, example) => {
    expect(await run(example)).toEqual([])
  })
})

test('the architecture page mentions every file', () => {
  const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
  const files = ['src', 'tracer', 'codegen'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    ),
  )
  const mentioned = new Set([...text.matchAll(/[\w-]+\.ts\b/g)].map(([name]) => name))
  const names = new Set(files.map((file) => basename(file)))
  expect(
    [...names].filter((name) => !mentioned.has(name)),
    'not mentioned',
  ).toEqual([])
})

// Compiling them --------------------------------------------------------------------------------------------------------

/** The exit code aside, what the compiler said. */
function compile(project: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), '-p', project],
      (_error, stdout) => resolve(stdout),
    )
  })
}

test('all examples compile', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tracemill-docs-'))
  try {
    const examples = [...documents.flatMap(([, list]) => list), ...docstrings]
    for (const [i, example] of examples.entries()) {
      const names = [...(await bareNames(example)).keys()]
      const imports =
        example.module === undefined
          ? []
          : [
              `import * as tf from 'tracemill'`,
              ...(names.length === 0
                ? []
                : [`import { ${names.join(', ')} } from '${join(root, example.module)}'`]),
            ]
      writeFileSync(
        join(folder, `${i}.ts`),
        [`/* ${example.name} */ export {}`, ...imports, example.code].join('\n'),
      )
    }
    const options = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        rootDir: '/',
        module: 'esnext',
        moduleResolution: 'bundler',
        rewriteRelativeImportExtensions: false,
        typeRoots: [join(root, 'node_modules/@types')],
        paths: { tracemill: [join(root, 'src/index.ts')] },
        noUnusedLocals: false,
        isolatedDeclarations: false,
        declaration: false,
      },
      include: ['*.ts'],
      exclude: [],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options))
    const complaints = (await compile(folder)).split('\n').flatMap((line) => {
      const [, file, rest] = /^(?:.*[\\/])?(\d+)\.ts(\(.*)$/.exec(line) ?? []
      return file === undefined ? [] : [`${examples[Number(file)]?.name} ${rest}`]
    })
    expect(complaints).toEqual([])
  } finally {
    rmSync(folder, { recursive: true })
  }
}, 60_000)
