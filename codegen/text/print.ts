/**
 * Kernels as text: what golden tests, internal errors and `debug.show` print.
 *
 *     kernel @softmax(%x: f32[784*n0], %out: f32[784*n0]) sizes (n0) {
 *       for i in 0..n0 {
 *         var s0: f32 = -inf
 *         for j in 0..784 {
 *           s0 = max(s0, load x[784*i + j])
 *         }
 *         ...
 *
 * `repeat { … while c { … } }` is a `while` whose condition needs statements of its own, which run in each iteration.
 * Sums with coefficients are index arithmetic (`linear`); everything else is written as a call. A value that one
 * statement uses twice is written once, on a `with` line before the statement. Vector code shows lanes: `f32x4`,
 * `load4`, `store4`, `splat4`. The order of index terms follows the loops, not the history of the nodes, so
 * printing a parsed kernel gives the same text.
 */
import { shortName } from '../dtype.ts'
import { type Expr, type Local, type LinearExpr, operandsOf } from '../expr.ts'
import type { Kernel, Statement, While } from '../kernel.ts'
import { expressionsOf, visitExprs } from '../schedule/contents.ts'
import { printSize, type Size } from '../size.ts'
import { printLiteral } from './literal.ts'
import { Names } from './names.ts'

/** The text of a kernel, ending in a newline. Prints incorrect kernels too. */
export function printKernel(kernel: Kernel): string {
  return new Printer(kernel).kernel(kernel)
}

class Printer {
  readonly #names: Names
  readonly #lines: string[] = []
  readonly #hashes = new Map<Expr, number>()

  constructor(kernel: Kernel) {
    this.#names = new Names(kernel)
  }

  kernel(kernel: Kernel): string {
    const parameters = kernel.buffers.map(
      (buffer) => `%${this.#names.buffer(buffer)}: ${shortName(buffer.dtype)}[${printSize(buffer.elements)}]`,
    )
    const sizes = kernel.sizes.length === 0 ? '' : ` sizes (${kernel.sizes.join(', ')})`
    this.#lines.push(`kernel @${kernel.name}(${parameters.join(', ')})${sizes} {`)
    this.#statements(kernel.body, '  ')
    this.#lines.push('}')
    return `${this.#lines.join('\n')}\n`
  }

  #statements(statements: readonly Statement[], indent: string): void {
    for (const statement of statements) {
      // Axes are named when their loop opens, before anything inside mentions them.
      const text = this.#withShared(statement.kind === 'while' ? [] : expressionsOf(statement), indent)
      switch (statement.kind) {
        case 'loop': {
          const from = text(statement.from)
          const to = text(statement.to)
          const axis = this.#names.axis(statement.axis)
          const extent = printSize(statement.axis.extent)
          const step = statement.step === 1 ? '' : ` step ${statement.step}`
          this.#lines.push(
            `${indent}for ${axis}${extent === to ? '' : `<${extent}>`} in ${from}..${to}${step} {`,
          )
          this.#statements(statement.body, `${indent}  `)
          this.#lines.push(`${indent}}`)
          break
        }
        case 'let': {
          const value = text(statement.value)
          this.#lines.push(
            `${indent}let ${this.#names.local(statement.local)}: ${localType(statement.local)} = ${value}`,
          )
          break
        }
        case 'set': {
          const value = text(statement.value)
          const fresh = this.#names.isNew(statement.local)
          const name = this.#names.local(statement.local)
          this.#lines.push(
            `${indent}${fresh ? `var ${name}: ${localType(statement.local)}` : name} = ${value}`,
          )
          break
        }
        case 'store': {
          const index = text(statement.index)
          const value = text(statement.value)
          this.#lines.push(
            `${indent}store${lanesText(statement.value.lanes)} ${this.#names.buffer(statement.buffer)}[${index}] = ${value}`,
          )
          break
        }
        case 'if': {
          const condition = text(statement.condition)
          this.#lines.push(`${indent}if ${condition} {`)
          this.#statements(statement.body, `${indent}  `)
          if (statement.otherwise !== undefined) {
            this.#lines.push(`${indent}} else {`)
            this.#statements(statement.otherwise, `${indent}  `)
          }
          this.#lines.push(`${indent}}`)
          break
        }
        case 'while':
          this.#while(statement, indent)
          break
        case 'fail':
          this.#lines.push(`${indent}fail ${statement.id}, ${text(statement.value)}`)
          break
      }
    }
  }

  /** What is evaluated before the condition, in each iteration, stands around the `while` in a `repeat`. */
  #while({ test, condition, body }: While, indent: string): void {
    const before = this.#lines.length
    const inner = `${indent}  `
    this.#statements(test, inner)
    const text = this.#withShared([condition], inner)(condition)
    const plain = this.#lines.length === before
    const own = plain ? indent : inner
    if (!plain) this.#lines.splice(before, 0, `${indent}repeat {`)
    this.#lines.push(`${own}while ${text} {`)
    this.#statements(body, `${own}  `)
    this.#lines.push(`${own}}`)
    if (!plain) this.#lines.push(`${indent}}`)
  }

  /** A printer for the expressions of one statement; it puts `with` lines for shared nodes before the statement. */
  #withShared(roots: readonly Expr[], indent: string): (expr: Expr) => string {
    const uses = new Map<Expr, number>()
    for (const root of roots) uses.set(root, (uses.get(root) ?? 0) + 1)
    visitExprs(roots, (expr) => {
      for (const operand of operandsOf(expr)) uses.set(operand, (uses.get(operand) ?? 0) + 1)
    })
    const named = new Map<Expr, string>()
    const text = (expr: Expr): string => {
      const known = named.get(expr)
      if (known !== undefined) return known
      const written = this.#expression(expr, text)
      if ((uses.get(expr) ?? 0) < 2 || operandsOf(expr).length === 0 || expr.kind === 'linear') return written
      const name = `w${named.size}`
      this.#lines.push(`${indent}with ${name} = ${written}`)
      named.set(expr, name)
      return name
    }
    return text
  }

  #expression(expr: Expr, text: (expr: Expr) => string): string {
    switch (expr.kind) {
      case 'const': {
        const literal = printLiteral(expr.dtype, expr.value)
        return expr.lanes === 1 ? literal : `splat${expr.lanes}(${literal})`
      }
      case 'size':
        return printSize(expr.size)
      case 'axis':
        return this.#names.axis(expr.axis)
      case 'local':
        return this.#names.local(expr.local)
      case 'linear':
        return this.#linear(expr, text)
      case 'load':
        return `${expr.index.lanes > 1 ? 'gather' : `load${lanesText(expr.lanes)}`} ${this.#names.buffer(expr.buffer)}[${text(expr.index)}]`
      case 'unary':
      case 'binary':
      case 'compare':
        return this.#call(expr.op, expr, text)
      case 'convert':
      case 'bitcast':
        return this.#call(`${expr.kind}.${shortName(expr.dtype)}`, expr, text)
      case 'select':
      case 'madd':
        return this.#call(expr.kind, expr, text)
      case 'splat':
      case 'ramp':
        return this.#call(`${expr.kind}${expr.lanes}`, expr, text)
      case 'horizontal':
        return this.#call(`horizontal.${expr.op}`, expr, text)
      case 'interleave':
        return this.#call(`interleave.${expr.half}`, expr, text)
      case 'reduce':
      case 'argReduce': {
        const over = expr.kind === 'reduce' ? expr.over : [expr.over]
        const axes = over.map((axis) => `${this.#names.axis(axis)}<${printSize(axis.extent)}>`)
        return this.#call(`${expr.kind}.${expr.op}[${axes.join(', ')}]`, expr, text)
      }
    }
  }

  #call(name: string, expr: Expr, text: (expr: Expr) => string): string {
    return `${name}(${operandsOf(expr).map(text).join(', ')})`
  }

  #linear(expr: LinearExpr, text: (expr: Expr) => string): string {
    // Axes by name of their loops, then locals, then the rest: an order a parsed kernel reproduces.
    const rank = (atom: Expr): string =>
      atom.kind === 'axis'
        ? `0${this.#names.axis(atom.axis)}`
        : atom.kind === 'local'
          ? `1${this.#names.local(atom.local)}`
          : `2${this.#hash(atom)}`
    const terms = expr.terms
      .map((term) => ({ ...term, rank: rank(term.atom) }))
      .sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0))
    const parts = terms.map(({ atom, coefficient }) =>
      coefficient === 1 ? text(atom) : `${factorText(coefficient)}*${text(atom)}`,
    )
    if (expr.constant !== 0) parts.push(printSize(expr.constant))
    return parts.reduce((sum, part) =>
      part.startsWith('-') ? `${sum} - ${part.slice(1)}` : `${sum} + ${part}`,
    )
  }

  /** A number that depends on what the node says, not on when it was made. */
  #hash(expr: Expr): number {
    const known = this.#hashes.get(expr)
    if (known !== undefined) return known
    const operands =
      expr.kind === 'linear'
        ? expr.terms.map((term) => `${printSize(term.coefficient)}*${this.#hash(term.atom)}`).sort()
        : operandsOf(expr).map((operand) => this.#hash(operand))
    const shallow =
      expr.kind === 'linear' ? `linear ${printSize(expr.constant)}` : this.#expression(expr, () => '')
    let hash = 2166136261
    for (const character of `${shallow} ${operands.join(' ')}`)
      hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16777619)
    this.#hashes.set(expr, hash >>> 0)
    return hash >>> 0
  }
}

function lanesText(lanes: number): string {
  return lanes === 1 ? '' : String(lanes)
}

function localType(local: Local): string {
  return local.lanes === 1 ? shortName(local.dtype) : `${shortName(local.dtype)}x${local.lanes}`
}

/** A coefficient; a sum in parentheses. */
function factorText(size: Size): string {
  return typeof size !== 'number' && size.terms.length > 1 ? `(${printSize(size)})` : printSize(size)
}
