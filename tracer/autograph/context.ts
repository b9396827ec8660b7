/**
 * What the parts of the rewriting share while one function is rewritten: the analyses, the names of helpers, and how
 * the state of a region is written down.
 *
 * The state of a region are the variables it may write that live outside of it. It is handed to the runtime as
 *
 *     const $a0 = $ag.state('x,y', $s => $s ? [x, y] = $s : [x, y], () => [$ag.part(() => o, 'k')])
 *
 * which stands once in the innermost block that declares any of them and serves every region with the same variables.
 * The last argument are the parts of objects that the region may write. What is not wanted after a region is told where
 * it is used, `[$a0, '01']`: it only has to be put back, so that one branch cannot see what the other wrote. A 2 is for
 * a variable that the region compares with null.
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
  boundIdentifiers,
  constantKey,
  declare,
  type Expression,
  identifier,
  literal,
  member,
  nowhere,
  type Pattern,
  type Range,
  type Statement,
  statement,
} from './syntax.ts'

/** The names that generated code uses, chosen so that the text has none of them. */
export class Names {
  readonly #prefix: string

  constructor(source: string) {
    let prefix = '$'
    while (new RegExp(`${prefix.replaceAll('$', '\\$')}(?:ag|[rvse]|[abcdpi]\\d+)(?![\\w$])`).test(source))
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
  /** Variables that it compares with null or undefined. */
  readonly compared?: ReadonlySet<Binding>
}

/** A block that is being written, and what is declared in it. */
interface Frame {
  readonly bindings: Set<Binding>
  /** Generated variables. */
  readonly names: Set<string>
  /** The states declared in front, by what they are made of. */
  readonly states: Map<string, { readonly name: string; readonly value: Expression }>
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
  /** The names of variables in the head of the loop that is being written, where the body has copies. */
  readonly headNames: Map<Binding, string> = new Map()
  readonly #targets = new Map<AnyNode, number>()
  readonly #frames: Frame[] = []
  #next = 0
  readonly vars: Set<string> = new Set()
  /** Inside of a `try` that has a `catch`. */
  isCaught = false
  readonly #rewrite: {
    list(context: FunctionContext, statements: readonly Statement[]): Statement[]
    expression(context: FunctionContext, node: Expression): Expression
    unused(context: FunctionContext, node: Expression): Expression[]
  }

  constructor(
    text: TextContext,
    plan: Plan,
    liveness: Liveness,
    rewrite: {
      list(context: FunctionContext, statements: readonly Statement[]): Statement[]
      expression(context: FunctionContext, node: Expression): Expression
      unused(context: FunctionContext, node: Expression): Expression[]
    },
  ) {
    this.text = text
    this.plan = plan
    this.liveness = liveness
    this.#rewrite = rewrite
  }

  /** Rewrites statements that become all of a block, whose head may declare variables too. */
  list(statements: readonly Statement[], head: readonly AnyNode[] = []): Statement[] {
    return this.inBlock([...head, ...statements], () => this.#rewrite.list(this, statements))
  }

  /** Rewrites statements that stay beside others. */
  listInPlace(statements: readonly Statement[]): Statement[] {
    return this.#rewrite.list(this, statements)
  }

  /** What `make` gives is all of a block that declares what these nodes do: the states it uses are put in front. */
  inBlock(declarations: readonly AnyNode[], make: () => Statement[]): Statement[] {
    const bindings = declarations
      .flatMap(declaredIdentifiers)
      .map((name) => this.text.bindings.of(name))
      .filter((binding) => binding !== undefined && !this.moved.has(binding))
    const frame: Frame = {
      bindings: new Set(bindings as Binding[]),
      names: new Set(),
      states: new Map(),
    }
    this.#frames.push(frame)
    const made = make()
    this.#frames.pop()
    const states = [...frame.states.values()].map(({ name, value }) => declare('const', name, value))
    return [...states, ...made]
  }

  /** Notes that a variable is declared in the block that is being written. */
  declareHere(what: Binding | string): void {
    const frame = this.#frames.at(-1)
    if (typeof what === 'string') frame?.names.add(what)
    else frame?.bindings.add(what)
  }
  expression(node: Expression): Expression {
    return this.#rewrite.expression(this, node)
  }
  /** Rewrites an expression whose value nobody wants. */
  unused(node: Expression): Expression[] {
    return this.#rewrite.unused(this, node)
  }

  /** `$ag.name(…)` */
  runtime(name: string, ...args: readonly Expression[]): Expression {
    return call(member(identifier(this.text.names.of('ag')), name), args)
  }

  /** Where a node is, as an argument of the runtime; what calls it stands where the node stood. */
  site(node: Range): Expression {
    return { ...literal(this.text.site(node.start)), start: node.start }
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
  state({ nodes, wanted, jumps: within = nodes, extra = [], compared }: Region): Expression {
    const written = new Set(nodes.flatMap((node) => [...this.text.bindings.writtenIn(node)]))
    const bindings = [...written].filter(
      (binding) => binding.kind !== 'const' && this.#isVisible(binding) && this.isOutside(binding, nodes),
    )
    // What was a constant before its declaration was moved is assigned now.
    for (const binding of written)
      if (binding.kind === 'const' && this.moved.has(binding)) bindings.push(binding)
    // In one order, so that equal sets look alike.
    bindings.sort((x, y) => x.start - y.start || (x.name < y.name ? -1 : 1))
    const jumps = this.plan.escaping(within)
    const flags = this.flags(jumps).sort()
    if (jumps.some(({ kind }) => kind === 'return')) flags.push(this.name('v'))
    const own = bindings.map((binding) => this.headNames.get(binding) ?? binding.name)
    const names = [...own, ...flags, ...extra]
    // A jump that a flag carries ends up elsewhere, and what is wanted there has to get through here.
    const atJumps = jumps.map(({ node }) => this.liveness.atJump(node))
    const isWanted = (binding: Binding): boolean =>
      binding.captured ||
      wanted === undefined ||
      wanted.has(binding) ||
      atJumps.some((there) => there?.has(binding) === true)
    const uses = [
      ...bindings.map((binding) => (!isWanted(binding) ? 1 : compared?.has(binding) === true ? 2 : 0)),
      ...[...flags, ...extra].map(() => 0),
    ]
    const parts = this.#parts(nodes)
    if (names.length === 0 && parts.size === 0) return literal(null)
    const roots = [...parts.values()].map(({ root }) => root).filter((root) => root !== undefined)
    const frame = this.#home([...bindings, ...roots], [...flags, ...extra])
    const key = [...names, ...parts.keys()].join()
    const known = frame?.states.get(key)
    let state: Expression
    if (known !== undefined) state = identifier(known.name)
    else {
      const marked = [
        ...bindings.map((binding, i) => (isOfText(binding) ? '^' : '') + (own[i] ?? '')),
        ...flags,
        ...extra,
      ]
      state = this.#stateOf(
        names,
        marked,
        [...parts.values()].map(({ handle }) => handle),
      )
      if (frame !== undefined) {
        const name = this.fresh('a')
        frame.states.set(key, { name, value: state })
        state = identifier(name)
      }
    }
    return uses.every((use) => use === 0) ? state : array([state, literal(uses.join(''))])
  }

  /** `$ag.state('x,y', $s => $s ? [x, y] = $s : [x, y], () => [part, …])` */
  #stateOf(names: readonly string[], marked: readonly string[], parts: readonly Expression[]): Expression {
    const values = identifier(this.name('s'))
    const list = names.map((name) => identifier(name))
    const pattern: Pattern = { ...nowhere, type: 'ArrayPattern', elements: list }
    const access: Expression = {
      ...nowhere,
      type: 'ConditionalExpression',
      test: values,
      consequent: assignment(pattern, values),
      alternate: array(list),
    }
    return this.runtime(
      'state',
      literal(marked.join()),
      ...(names.length > 0 || parts.length > 0
        ? [names.length === 0 ? literal(null) : arrow(access, [values])]
        : []),
      ...(parts.length === 0 ? [] : [arrow(array(parts))]),
    )
  }

  /** The innermost open block that declares one of these; undefined where none of the open ones sees them all. */
  #home(bindings: readonly Binding[], generated: readonly string[]): Frame | undefined {
    let home = 0
    for (const binding of bindings) {
      const at = this.#frames.findLastIndex((frame) => frame.bindings.has(binding))
      const isInHead = binding.owner !== this.plan.fn || binding.kind === 'param' || binding.kind === 'var'
      if (at < 0 && !isInHead) return undefined
      home = Math.max(home, at)
    }
    for (const name of generated) {
      const at = this.#frames.findLastIndex((frame) => frame.names.has(name))
      if (at < 0 && name !== this.name('r') && name !== this.name('v')) return undefined
      home = Math.max(home, at)
    }
    return this.#frames[home]
  }

  /** A variable of this function, of one around it, or of outside. */
  #isVisible(binding: Binding): boolean {
    const { owner } = binding
    const { fn } = this.plan
    return owner === undefined || owner === fn || (owner.start <= fn.start && owner.end >= fn.end)
  }

  /** Handles of the parts of objects that a region writes. */
  #parts(
    nodes: readonly AnyNode[],
  ): Map<string, { readonly handle: Expression; readonly root: Binding | undefined }> {
    const found = new Map<string, { handle: Expression; root: Binding | undefined }>()
    for (const node of nodes)
      for (const { target, isKey } of this.text.bindings.partsIn(node)) {
        const base = target.object
        if (base.type === 'Super' || !this.#isSteady(base, nodes)) continue
        const key = isKey && !this.plan.isGrowing(base) ? constantKey(target) : undefined
        const path = pathText(base)
        const root = this.#rootOf(base)
        const mark = root === undefined ? '~' : isOfText(root) ? '^' : ''
        const ofPart =
          target.property.type === 'PrivateIdentifier' && isKey
            ? this.#cell(target)
            : key === undefined
              ? this.runtime('content', arrow(base), literal(mark + path))
              : this.runtime('part', arrow(base), literal(key), literal(`${mark}${path}${keyText(key)}`))
        const name =
          target.property.type === 'PrivateIdentifier'
            ? `${path}.#${target.property.name}`
            : `${path}${key === undefined ? '[]' : keyText(key)}`
        if (!found.has(name)) found.set(name, { handle: ofPart, root })
      }
    return found
  }

  /** The variable that a path begins with; undefined for `this`. */
  #rootOf(node: Expression): Binding | undefined {
    if (node.type === 'Identifier') return this.text.bindings.of(node)
    return node.type === 'MemberExpression' && node.object.type !== 'Super'
      ? this.#rootOf(node.object)
      : undefined
  }

  #cell(target: MemberExpression): Expression {
    const value = identifier(this.name('s'))
    return this.runtime(
      'cell',
      arrow(target),
      arrow(block([statement(assignment(target, value))]), [value]),
      literal(pathText(target)),
      ...(target.object.type === 'Super' || this.#rootOf(target.object) !== undefined
        ? []
        : [arrow(target.object)]),
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

/** True for a variable of the module or of what is outside of the text: it outlives every trace. */
function isOfText({ owner, kind }: Binding): boolean {
  return owner === undefined || kind === 'free'
}

/** What a node declares as one of the statements of a block, or in its head. */
function declaredIdentifiers(node: AnyNode): Identifier[] {
  if (node.type === 'VariableDeclaration')
    return node.kind === 'var' ? [] : node.declarations.flatMap(({ id }) => boundIdentifiers(id))
  if (node.type === 'FunctionDeclaration' || node.type === 'ClassDeclaration') return node.id ? [node.id] : []
  return []
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
