/**
 * Kernel text read back: `parseKernel(printKernel(k))` is a kernel that prints the same text and computes the same
 * values. A recursive-descent parser over the characters; names resolve to what was declared before them (`for`, `let`,
 * `var`, `with`), and a name nobody declared is a size.
 */
import { type DType, dtypeOfShortName } from '../dtype.ts'
import { InternalError } from '../errors.ts'
import { type Axis, type Buffer, type Expr, ExprPool, type Lanes, type Local } from '../expr.ts'
import type { Kernel, Statement } from '../kernel.ts'
import { floorDivideSizes, modSizes, type Size, sizeName } from '../size.ts'
import { literalPattern, parseLiteral } from './literal.ts'
import { buildCall } from './vocabulary.ts'

/** Reads a kernel, with a pool of its own. Throws InternalError when the text is not a kernel. */
export function parseKernel(text: string): { readonly pool: ExprPool; readonly kernel: Kernel } {
  const pool = new ExprPool()
  return { pool, kernel: new Parser(pool, text).kernel() }
}

class Parser {
  readonly #pool: ExprPool
  readonly #text: string
  #at = 0
  readonly #buffers = new Map<string, Buffer>()
  readonly #axes = new Map<string, Axis>()
  readonly #locals = new Map<string, { readonly local: Local; readonly axes: readonly Axis[] }>()
  readonly #shared = new Map<string, Expr>()
  /** The open loops' axes. */
  readonly #open: Axis[] = []

  constructor(pool: ExprPool, text: string) {
    this.#pool = pool
    this.#text = text
  }

  kernel(): Kernel {
    this.#expect('kernel')
    this.#expect('@')
    const name = this.#take(/[^\s(]+/y, 'a name')
    this.#expect('(')
    const buffers: Buffer[] = []
    while (!this.#accept(')')) {
      if (buffers.length > 0) this.#expect(',')
      this.#expect('%')
      const bufferName = this.#word()
      this.#expect(':')
      const dtype = this.#type().dtype
      this.#expect('[')
      const buffer = this.#pool.buffer(bufferName, dtype, this.#size())
      this.#expect(']')
      buffers.push(buffer)
      this.#buffers.set(bufferName, buffer)
    }
    const sizes: string[] = []
    if (this.#accept('sizes')) {
      this.#expect('(')
      do sizes.push(this.#word())
      while (this.#accept(','))
      this.#expect(')')
    }
    const body = this.#block()
    this.#skip()
    if (this.#at < this.#text.length) this.#fail('the end')
    return { name, buffers, sizes, body }
  }

  #block(): readonly Statement[] {
    this.#expect('{')
    const statements: Statement[] = []
    while (!this.#accept('}')) {
      const statement = this.#statement()
      if (statement === undefined) continue
      statements.push(statement)
      this.#shared.clear()
    }
    return statements
  }

  /** One statement, or undefined for a `with` line. */
  #statement(): Statement | undefined {
    const word = this.#word()
    switch (word) {
      case 'with': {
        const name = this.#word()
        this.#expect('=')
        this.#shared.set(name, this.#sum())
        return undefined
      }
      case 'for':
        return this.#loop()
      case 'if': {
        const condition = this.#sum()
        this.#shared.clear()
        const body = this.#block()
        return this.#accept('else')
          ? { kind: 'if', condition, body, otherwise: this.#block() }
          : { kind: 'if', condition, body }
      }
      case 'while': {
        const condition = this.#sum()
        this.#shared.clear()
        return { kind: 'while', test: [], condition, body: this.#block() }
      }
      case 'repeat': {
        const statements = this.#block()
        const last = statements.at(-1)
        if (last?.kind !== 'while' || last.test.length > 0)
          return this.#fail('a while at the end of a repeat')
        return { ...last, test: statements.slice(0, -1) }
      }
      case 'fail': {
        const id = Number(this.#take(/\d+/y, 'a number'))
        this.#expect(',')
        return { kind: 'fail', id, value: this.#sum() }
      }
      case 'let':
      case 'var': {
        const name = this.#word()
        this.#expect(':')
        const { dtype, lanes } = this.#type()
        this.#expect('=')
        const value = this.#sum()
        const mutable = word === 'var'
        let declared = this.#locals.get(name)
        if (declared === undefined) {
          declared = {
            local: this.#pool.local(dtype, lanes, mutable),
            axes: mutable ? [...this.#open] : value.axes,
          }
          this.#locals.set(name, declared)
        }
        return { kind: mutable ? 'set' : 'let', local: declared.local, value }
      }
      case 'store':
      case 'store2':
      case 'store4': {
        const buffer = this.#bufferNamed(this.#word())
        const index = this.#subscript()
        this.#expect('=')
        return { kind: 'store', buffer, index, value: this.#sum() }
      }
      default: {
        const declared = this.#locals.get(word)
        if (declared === undefined) return this.#fail('a statement')
        this.#expect('=')
        return { kind: 'set', local: declared.local, value: this.#sum() }
      }
    }
  }

  #loop(): Statement {
    const name = this.#word()
    const extent = this.#accept('<') ? this.#size() : undefined
    if (extent !== undefined) this.#expect('>')
    this.#expect('in')
    const from = this.#sum()
    this.#expect('..')
    const to = this.#sum()
    const step = this.#accept('step') ? Number(this.#take(/\d+/y, 'a number')) : 1
    let axis = this.#axes.get(name)
    if (axis === undefined) {
      axis = this.#pool.axis(name, extent ?? this.#asSize(to))
      this.#axes.set(name, axis)
    }
    this.#shared.clear()
    this.#open.push(axis)
    const body = this.#block()
    this.#open.pop()
    return { kind: 'loop', axis, from, to, step, body }
  }

  // --- expressions ---

  /** Terms joined by + and −; one term alone may be of any dtype. */
  #sum(): Expr {
    let total = this.#product(this.#accept('-'))
    for (;;) {
      const plus = this.#accept('+')
      if (!plus && !this.#accept('-')) return total
      total = this.#pool.indexAdd(total, this.#product(!plus))
    }
  }

  /** Factors joined by ×: sizes, and at most one that is not. */
  #product(negative: boolean): Expr {
    const pool = this.#pool
    let result = this.#factor(negative)
    while (this.#accept('*')) {
      const factor = this.#factor(false)
      if (isSize(result)) result = pool.indexScale(factor, this.#asSize(result))
      else result = pool.indexScale(result, this.#asSize(factor))
    }
    return result
  }

  #factor(negative: boolean): Expr {
    const pool = this.#pool
    if (this.#accept('(')) {
      const inner = this.#sum()
      this.#expect(')')
      return negative ? pool.indexScale(inner, -1) : inner
    }
    const minus = !negative && this.#accept('-')
    const literal = this.#match(literalPattern)
    if (literal !== undefined) {
      const { dtype, value } = parseLiteral(literal, negative || minus)
      return pool.const(dtype, value)
    }
    const primary = this.#primary()
    return negative || minus ? pool.indexScale(primary, -1) : primary
  }

  #primary(): Expr {
    const pool = this.#pool
    const word = this.#take(/[A-Za-z_]\w*(?:\.\w+)*/y, 'an expression')
    if (word === 'true' || word === 'false') return pool.const('bool', Number(word === 'true'))
    if (word === 'gather' || /^load[24]?$/.test(word)) {
      const buffer = this.#bufferNamed(this.#word())
      const index = this.#subscript()
      const lanes = word === 'load4' ? 4 : word === 'load2' ? 2 : index.lanes
      return pool.load(buffer, index, lanes)
    }
    if (word.startsWith('reduce.') || word.startsWith('argReduce.')) return this.#reduction(word)
    if (this.#accept('(')) {
      const operands: Expr[] = []
      do operands.push(this.#sum())
      while (this.#accept(','))
      this.#expect(')')
      const [x, y] = operands
      if (x !== undefined && y !== undefined && word === 'floorDiv')
        return pool.size(floorDivideSizes(this.#asSize(x), this.#asSize(y)))
      if (x !== undefined && y !== undefined && word === 'mod')
        return pool.size(modSizes(this.#asSize(x), this.#asSize(y)))
      return buildCall(pool, word, operands) ?? this.#fail(`an operation, not ${word} of ${operands.length}`)
    }
    const shared = this.#shared.get(word)
    if (shared !== undefined) return shared
    const declared = this.#locals.get(word)
    if (declared !== undefined) return pool.localValue(declared.local, declared.axes)
    const axis = this.#axes.get(word)
    if (axis !== undefined) return pool.index(axis)
    return pool.size(sizeName(word))
  }

  #reduction(word: string): Expr {
    const pool = this.#pool
    const over: Axis[] = []
    this.#expect('[')
    do {
      const name = this.#word()
      this.#expect('<')
      const extent = this.#size()
      this.#expect('>')
      const axis = this.#axes.get(name) ?? pool.axis(name, extent)
      this.#axes.set(name, axis)
      over.push(axis)
    } while (this.#accept(','))
    this.#expect(']')
    this.#expect('(')
    const body = this.#sum()
    this.#expect(')')
    const [first] = over
    if (first !== undefined && (word === 'argReduce.max' || word === 'argReduce.min'))
      return pool.argReduce(word === 'argReduce.max' ? 'max' : 'min', first, body)
    const op = (['sum', 'prod', 'max', 'min', 'and', 'or'] as const).find(
      (candidate) => word === `reduce.${candidate}`,
    )
    return op === undefined ? this.#fail('a reduction') : pool.reduce(op, over, body)
  }

  #subscript(): Expr {
    this.#expect('[')
    const index = this.#sum()
    this.#expect(']')
    return index
  }

  #size(): Size {
    return this.#asSize(this.#sum())
  }

  #asSize(expr: Expr): Size {
    if (expr.kind === 'const' && expr.dtype === 'int32') return expr.value
    if (expr.kind === 'size') return expr.size
    return this.#fail('a size')
  }

  #bufferNamed(name: string): Buffer {
    return this.#buffers.get(name) ?? this.#fail('the name of a buffer')
  }

  #type(): { readonly dtype: DType; readonly lanes: Lanes } {
    const [, short = '', lanes = '1'] = /^([a-z]+\d*?)(?:x([24]))?$/.exec(this.#word()) ?? []
    const dtype = dtypeOfShortName(short)
    if (dtype === undefined) return this.#fail('a type')
    return { dtype, lanes: lanes === '4' ? 4 : lanes === '2' ? 2 : 1 }
  }

  // --- characters ---

  #skip(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++
  }
  #match(pattern: RegExp): string | undefined {
    this.#skip()
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }
  #take(pattern: RegExp, what: string): string {
    return this.#match(pattern) ?? this.#fail(what)
  }
  #word(): string {
    return this.#take(/[A-Za-z_]\w*/y, 'a word')
  }
  #accept(token: string): boolean {
    this.#skip()
    if (!this.#text.startsWith(token, this.#at)) return false
    // A word must end where the token ends.
    if (/\w/.test(token) && /\w/.test(this.#text[this.#at + token.length] ?? '')) return false
    this.#at += token.length
    return true
  }
  #expect(token: string): void {
    if (!this.#accept(token)) this.#fail(`"${token}"`)
  }
  #fail(expected: string): never {
    const line = this.#text.slice(0, this.#at).split('\n').length
    throw new InternalError(`kernel text, line ${line}: expected ${expected}`, this.#text)
  }
}

function isSize(expr: Expr): boolean {
  return expr.kind === 'size' || (expr.kind === 'const' && expr.dtype === 'int32')
}
