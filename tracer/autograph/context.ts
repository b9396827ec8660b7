/**
 * What the parts of the rewriting share while one function is rewritten: the analyses, the names of helpers, and how
 * the state of a region is written down.
 *
 * The state of a region are the variables it may write that live outside of it. It is handed to the runtime as
 *
 *     { n: ['x', 'y'], l: [1, 0], g: () => [x, y], s: $s => { x = $s[0]; y = $s[1]; }, p: () => [ $ag.part(() => o, 'k') ] }
 *
 * `l` tells which are wanted afterwards; the others only have to be put back, so that one branch cannot see what the
 * other wrote. `p` are the parts of objects that the region may write.
 */
import type { Identifier, MemberExpression } from 'acorn'
import type { Binding, Bindings } from './bindings.ts'
import { isIn } from './bindings.ts'
import type { Liveness } from './liveness.ts'
import type { Jump, Plan } from './plan.ts'
import {
  type AnyFunction,
  type AnyNode,
  array,
  arrow,
  assignment,
  block,
  call,
  constantKey,
  element,
  type Expression,
  identifier,
  literal,
  member,
  object,
  type Range,
  type Statement,
  statement,
} from './syntax.ts'

/** The names that generated code uses, chosen so that the text has none of them. */
export class Names {
  readonly #prefix: string

  constructor(source: string) {
    let prefix = '$'
    while (new RegExp(`${prefix.replaceAll('$', '\\$')}(?:ag|[rvse]|[bcdpi]\\d+)(?![\\w$])`).test(source))
      prefix += '$'
    this.#prefix = prefix
  }

  of(short: string): string {
    return this.#prefix + short
  }
}

/** What is known of the text as a whole. */
export interface TextContext {
  readonly bindings: Bindings
  readonly names: Names
  /** `line:column` of a position. */
  site(position: number): string
  /** Rewrites an inner function. */
  rewriteFunction<F extends AnyFunction>(fn: F): F
}

/** A region that becomes a closure: what it consists of, and what is wanted after it. */
export interface Region {
  readonly nodes: readonly AnyNode[]
  readonly wanted: ReadonlySet<Binding> | undefined
  /** What its jumps are looked for in, if that is not the nodes. */
  readonly jumps?: readonly AnyNode[]
  /** Generated variables that it writes besides. */
  readonly extra?: readonly string[]
}

/** One function being rewritten. */
export class FunctionContext {
  readonly text: TextContext
  readonly plan: Plan
  readonly liveness: Liveness
  /** Variables whose declarations were moved in front of the region that holds them. */
  readonly moved: Set<Binding> = new Set()
  /** Variables that go by another name in some places. */
  readonly renamed: Map<Identifier, string> = new Map()
  readonly #targets = new Map<AnyNode, number>()
  #next = 0
  readonly vars: Set<string> = new Set()
  readonly #rewrite: {
    list(context: FunctionContext, statements: readonly Statement[]): Statement[]
    expression(context: FunctionContext, node: Expression): Expression
  }

  constructor(
    text: TextContext,
    plan: Plan,
    liveness: Liveness,
    rewrite: {
      list(context: FunctionContext, statements: readonly Statement[]): Statement[]
      expression(context: FunctionContext, node: Expression): Expression
    },
  ) {
    this.text = text
    this.plan = plan
    this.liveness = liveness
    this.#rewrite = rewrite
  }

  list(statements: readonly Statement[]): Statement[] {
    return this.#rewrite.list(this, statements)
  }
  expression(node: Expression): Expression {
    return this.#rewrite.expression(this, node)
  }

  /** `$ag.name(…)` */
  runtime(name: string, ...args: readonly Expression[]): Expression {
    return call(member(identifier(this.text.names.of('ag')), name), args)
  }

  site(node: Range): Expression {
    return literal(this.text.site(node.start))
  }

  name(short: string): string {
    return this.text.names.of(short)
  }

  /** A new generated variable. */
  fresh(short: string): string {
    return this.name(`${short}${this.#next++}`)
  }

  /** The variable that carries a jump. */
  flag(jump: Pick<Jump, 'kind' | 'target'>): string {
    if (jump.kind === 'return') return this.name('r')
    let id = this.#targets.get(jump.target)
    if (id === undefined) this.#targets.set(jump.target, (id = this.#next++))
    return this.name(`${jump.kind === 'break' ? 'b' : 'c'}${id}`)
  }

  /** The variables that carry these jumps, each once. */
  flags(jumps: readonly Jump[]): string[] {
    return [...new Set(jumps.map((jump) => this.flag(jump)))]
  }

  /** `() => [$r, $b0]` */
  flagReader(flags: readonly string[]): Expression {
    return flags.length === 0 ? literal(null) : arrow(array(flags.map((flag) => identifier(flag))))
  }

  isOutside(binding: Binding, nodes: readonly Range[]): boolean {
    if (this.moved.has(binding)) return true
    if (binding.kind === 'var' && binding.owner === this.plan.fn) return true
    return !nodes.some((node) => isIn(binding.start, node))
  }

  /** The state of a region as an expression; null when it has none. */
  state({ nodes, wanted, jumps: within = nodes, extra = [] }: Region): Expression {
    const written = new Set(nodes.flatMap((node) => [...this.text.bindings.writtenIn(node)]))
    const bindings = [...written].filter(
      (binding) => binding.kind !== 'const' && this.#isVisible(binding) && this.isOutside(binding, nodes),
    )
    // What was a constant before its declaration was moved is assigned now.
    for (const binding of written)
      if (binding.kind === 'const' && this.moved.has(binding)) bindings.push(binding)
    const jumps = this.plan.escaping(within)
    const flags = this.flags(jumps)
    if (jumps.some(({ kind }) => kind === 'return')) flags.push(this.name('v'))
    const names = [...bindings.map(({ name }) => name), ...flags, ...extra]
    // A jump that a flag carries ends up elsewhere, and what is wanted there has to get through here.
    const atJumps = jumps.map(({ node }) => this.liveness.atJump(node))
    const isWanted = (binding: Binding): boolean =>
      binding.captured ||
      wanted === undefined ||
      wanted.has(binding) ||
      atJumps.some((there) => there?.has(binding) === true)
    const live = [...bindings.map(isWanted), ...flags.map(() => true), ...extra.map(() => true)]
    const parts = this.#parts(nodes)
    if (names.length === 0 && parts.length === 0) return literal(null)
    const values = identifier(this.name('s'))
    return object([
      ['n', array(names.map((name) => literal(name)))],
      ['l', array(live.map((isLive) => literal(isLive ? 1 : 0)))],
      ['g', arrow(array(names.map((name) => identifier(name))))],
      [
        's',
        arrow(block(names.map((name, i) => statement(assignment(identifier(name), element(values, i))))), [
          values,
        ]),
      ],
      ...(parts.length === 0 ? [] : [['p', arrow(array(parts))] as const]),
    ])
  }

  /** A variable of this function, of one around it, or of outside. */
  #isVisible(binding: Binding): boolean {
    const { owner } = binding
    const { fn } = this.plan
    return owner === undefined || owner === fn || (owner.start <= fn.start && owner.end >= fn.end)
  }

  /** Handles of the parts of objects that a region writes. */
  #parts(nodes: readonly AnyNode[]): Expression[] {
    const found = new Map<string, Expression>()
    for (const node of nodes)
      for (const { target, isKey } of this.text.bindings.partsIn(node)) {
        const base = target.object
        if (base.type === 'Super' || !this.#isSteady(base, nodes)) continue
        const key = isKey ? constantKey(target) : undefined
        const path = pathText(base)
        const ofPart =
          target.property.type === 'PrivateIdentifier' && isKey
            ? this.#cell(target)
            : key === undefined
              ? this.runtime('content', arrow(base), literal(path))
              : this.runtime('part', arrow(base), literal(key), literal(`${path}${keyText(key)}`))
        const name =
          target.property.type === 'PrivateIdentifier'
            ? `${path}.#${target.property.name}`
            : `${path}${key === undefined ? '[]' : keyText(key)}`
        if (!found.has(name)) found.set(name, ofPart)
      }
    return [...found.values()]
  }

  #cell(target: MemberExpression): Expression {
    const value = identifier(this.name('s'))
    return this.runtime(
      'cell',
      arrow(target),
      arrow(block([statement(assignment(target, value))]), [value]),
      literal(pathText(target)),
    )
  }

  /** True for `a`, `this`, `a.b` … whose root lives outside the region. */
  #isSteady(node: Expression, nodes: readonly AnyNode[]): boolean {
    if (node.type === 'ThisExpression') return true
    if (node.type === 'Identifier') {
      const binding = this.text.bindings.of(node)
      return binding === undefined || (this.#isVisible(binding) && this.isOutside(binding, nodes))
    }
    if (node.type !== 'MemberExpression' || node.optional || node.object.type === 'Super') return false
    const isKnown = constantKey(node) !== undefined || node.property.type === 'PrivateIdentifier'
    return isKnown && this.#isSteady(node.object, nodes)
  }
}

function keyText(key: string | number): string {
  return typeof key === 'number' ? `[${key}]` : `.${key}`
}

function pathText(node: Expression): string {
  if (node.type === 'ThisExpression') return 'this'
  if (node.type === 'Identifier') return node.name
  if (node.type !== 'MemberExpression' || node.object.type === 'Super') return '?'
  const key = constantKey(node)
  if (node.property.type === 'PrivateIdentifier') return `${pathText(node.object)}.#${node.property.name}`
  return `${pathText(node.object)}${key === undefined ? '[…]' : keyText(key)}`
}
