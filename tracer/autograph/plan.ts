/**
 * What of a function has to be rewritten.
 *
 * Only a test that may turn out to be a tensor needs it. JavaScript has no operator overloading, so literals, `typeof`,
 * `.length` and comparisons of such things are plain whatever happens; a variable is plain when everything assigned to
 * it is and no rewritten statement writes it (a counter of a staged loop becomes a tensor). A construct that is
 * rewritten turns its parts into closures, and a jump out of a closure must be carried by a flag; a loop that such a
 * jump leaves or goes on with has a flag in its test, so it is rewritten too. These rules feed each other and are
 * applied until nothing changes.
 */
import { type Binding, type Bindings, isIn } from './bindings.ts'
import {
  type AnyFunction,
  type AnyNode,
  children,
  constantKey,
  type Expression,
  isFunction,
  isLoop,
} from './syntax.ts'

/** A `return`, `break` or `continue`, what it goes to, and what it passes on the way, innermost first. */
export interface Jump {
  readonly node: AnyNode
  readonly kind: 'return' | 'break' | 'continue'
  readonly target: AnyNode
  readonly path: readonly AnyNode[]
  /** The jump itself and what it passes. */
  readonly within: ReadonlySet<AnyNode>
}

/** Properties that never are tensors. */
const plainProperties = new Set(['length', 'rank', 'size', 'dtype', 'name'])

export class Plan {
  readonly #bindings: Bindings
  readonly #fn: AnyFunction
  readonly #converted = new Set<AnyNode>()
  readonly #carried = new Set<string>()
  readonly #jumps: readonly Jump[]
  readonly #lists: readonly (readonly AnyNode[])[]
  readonly #nodes: readonly AnyNode[]
  /** The variables that a rewritten construct of any function of the text writes. */
  readonly #staged: Set<Binding>
  /** The arrays that a rewritten loop writes to. */
  readonly #growing: Set<Binding>
  readonly #ids = new Map<AnyNode, number>()

  private constructor(fn: AnyFunction, bindings: Bindings, staged: Set<Binding>, growing: Set<Binding>) {
    this.#bindings = bindings
    this.#fn = fn
    this.#staged = staged
    this.#growing = growing
    const survey = surveyOf(fn)
    this.#jumps = survey.jumps
    this.#lists = survey.lists
    this.#nodes = survey.nodes
  }

  /** The plans of functions that may share variables. */
  static of(functions: readonly AnyFunction[], bindings: Bindings): ReadonlyMap<AnyFunction, Plan> {
    const staged = new Set<Binding>()
    const growing = new Set<Binding>()
    const plans = new Map(functions.map((fn) => [fn, new Plan(fn, bindings, staged, growing)]))
    const sizeNow = (): number =>
      [...plans.values()].reduce(
        (sum, plan) => sum + plan.#converted.size + plan.#carried.size,
        staged.size + growing.size,
      )
    let size = -1
    while (size !== sizeNow()) {
      size = sizeNow()
      for (const plan of plans.values()) plan.#round()
    }
    return plans
  }

  /** True when the construct is rewritten into a call. */
  isConverted(node: AnyNode): boolean {
    return this.#converted.has(node)
  }

  /** True when jumps of this kind to this target are carried by a flag. */
  isCarried(kind: Jump['kind'], target: AnyNode): boolean {
    return this.#carried.has(this.#key(kind, target))
  }

  jumpOf(node: AnyNode): Jump | undefined {
    return this.#jumps.find((jump) => jump.node === node)
  }

  /** The carried jumps inside these nodes whose targets are outside of them. */
  escaping(nodes: readonly AnyNode[]): readonly Jump[] {
    if (this.#carried.size === 0) return []
    return this.#jumps.filter(
      (jump) =>
        this.isCarried(jump.kind, jump.target) &&
        nodes.some((node) => jump.within.has(node)) &&
        // A loop that a `continue` goes on with holds the jump; the statement around a label holds its `break`.
        !nodes.includes(jump.target),
    )
  }

  get needsRewriting(): boolean {
    return this.#converted.size > 0
  }

  #key(kind: Jump['kind'], target: AnyNode): string {
    let id = this.#ids.get(target)
    if (id === undefined) this.#ids.set(target, (id = this.#ids.size))
    return `${kind}:${id}`
  }

  #round(): void {
    for (const node of this.#nodes) if (this.#isSuspect(node)) this.#converted.add(node)
    for (const jump of this.#jumps) {
      if (jump.path.some((node) => this.#converted.has(node)) || this.#converted.has(jump.target))
        this.#carried.add(this.#key(jump.kind, jump.target))
      if (!this.isCarried(jump.kind, jump.target)) continue
      for (const node of [...jump.path, jump.target])
        if (isLoop(node) || node.type === 'SwitchStatement') this.#converted.add(node)
    }
    // What follows a statement with a carried jump goes into a closure.
    for (const list of this.#lists) {
      const first = list.findIndex((node) => this.escaping([node]).length > 0)
      if (first < 0) continue
      const rest = list.slice(first + 1)
      for (const jump of this.#jumps)
        if (
          rest.some((node) => node === jump.node || jump.path.includes(node)) &&
          !rest.includes(jump.target)
        )
          this.#carried.add(this.#key(jump.kind, jump.target))
      const end = rest.at(-1)?.end ?? 0
      for (const node of rest)
        for (const binding of this.#bindings.writtenIn(node))
          if (this.#bindings.mentions(binding).some(({ start }) => start >= end)) this.#staged.add(binding)
    }
    for (const node of this.#converted) {
      for (const binding of this.#bindings.writtenIn(node)) this.#staged.add(binding)
      if (isLoop(node))
        for (const { target, isKey } of this.#bindings.partsIn(node)) {
          const binding = target.object.type === 'Identifier' ? this.#bindings.of(target.object) : undefined
          if (binding === undefined || isIn(binding.start, node) || !binding.sources.some(isArray)) continue
          if (!isKey || constantKey(target) === undefined) this.#growing.add(binding)
        }
    }
  }

  /** True for an array that a staged loop may make grow. */
  isGrowing(node: AnyNode): boolean {
    const binding = node.type === 'Identifier' ? this.#bindings.of(node) : undefined
    return binding !== undefined && this.#growing.has(binding)
  }

  #isSuspect(node: AnyNode): boolean {
    if (isLoop(node) && setsOptions(node.body)) return true
    switch (node.type) {
      case 'IfStatement':
      case 'ConditionalExpression':
      case 'WhileStatement':
      case 'DoWhileStatement':
        return !this.isPlain(node.test)
      case 'ForStatement':
        return node.test ? !this.isPlain(node.test) : false
      case 'ForOfStatement':
        return !node.await && node.right.type !== 'ArrayExpression'
      case 'LogicalExpression':
        return node.operator !== '??' && !this.isPlain(node.left)
      case 'SwitchStatement':
        return [node.discriminant, ...node.cases.map(({ test }) => test)].some(
          (part) => part && !this.isPlain(part),
        )
      case 'UnaryExpression':
        return node.operator === '!' && !this.isPlain(node.argument)
      case 'BinaryExpression':
        // Tensors are never identical; other operators say by themselves that they do not work on tensors.
        return /^[!=]==?$/.test(node.operator) && !this.isPlain(node)
      default:
        return false
    }
  }

  /** True when the value cannot be a tensor. */
  isPlain(node: AnyNode, asked: ReadonlySet<Binding> = new Set()): boolean {
    const plain = (inner: AnyNode): boolean => this.isPlain(inner, asked)
    switch (node.type) {
      case 'Literal':
      case 'TemplateLiteral':
      case 'ArrowFunctionExpression':
      case 'FunctionExpression':
      case 'ClassExpression':
        return true
      case 'UnaryExpression':
        return node.operator === 'typeof' || node.operator === 'void' || node.operator === 'delete'
          ? true
          : plain(node.argument)
      case 'UpdateExpression':
        return plain(node.argument)
      case 'BinaryExpression':
        if (node.operator === 'in' || node.operator === 'instanceof') return true
        if (/^[!=]==?$/.test(node.operator) && (isNothing(node.left) || isNothing(node.right))) return true
        // Nothing but a string equals a string, and a tensor is none.
        if (/^[!=]==$/.test(node.operator) && (isString(node.left) || isString(node.right))) return true
        return plain(node.left) && plain(node.right)
      case 'LogicalExpression':
        return plain(node.left) && plain(node.right)
      case 'ConditionalExpression':
        return plain(node.test) && plain(node.consequent) && plain(node.alternate)
      case 'SequenceExpression': {
        const last = node.expressions.at(-1)
        return last !== undefined && plain(last)
      }
      case 'ParenthesizedExpression':
        return plain(node.expression)
      case 'AssignmentExpression':
        return node.left.type === 'Identifier' && plain(node.left) && plain(node.right)
      case 'MemberExpression':
        return (
          !node.computed &&
          !this.isGrowing(node.object) &&
          node.property.type === 'Identifier' &&
          plainProperties.has(node.property.name) &&
          !(node.property.name === 'name' && node.object.type === 'ThisExpression')
        )
      case 'Identifier': {
        if (node.name === 'undefined' || node.name === 'NaN' || node.name === 'Infinity') return true
        const binding = this.#bindings.of(node)
        if (binding === undefined || this.#staged.has(binding)) return false
        if (asked.has(binding)) return true
        const next = new Set([...asked, binding])
        return binding.sources.every((source) => source !== undefined && this.isPlain(source, next))
      }
      default:
        return false
    }
  }

  /** The function that is planned. */
  get fn(): AnyFunction {
    return this.#fn
  }
}

/** True for what gives a new array. */
export function isArray(node: AnyNode | undefined): boolean {
  if (node?.type === 'ArrayExpression') return true
  if (node?.type !== 'NewExpression' && node?.type !== 'CallExpression') return false
  const { callee } = node
  if (callee.type === 'Identifier') return callee.name === 'Array'
  return (
    callee.type === 'MemberExpression' &&
    callee.object.type === 'Identifier' &&
    callee.object.name === 'Array'
  )
}

/** True for a body that begins with `tf.setLoopOptions(…)`. */
function setsOptions(body: AnyNode): boolean {
  const first = body.type === 'BlockStatement' ? body.body[0] : body
  if (first?.type !== 'ExpressionStatement' || first.expression.type !== 'CallExpression') return false
  const { callee } = first.expression
  const name = callee.type === 'MemberExpression' && !callee.computed ? callee.property : callee
  return name.type === 'Identifier' && name.name === 'setLoopOptions'
}

/** True for `null` and `undefined`, however written. */
export function isNothing(node: AnyNode): boolean {
  return (
    (node.type === 'Literal' && node.value === null && !node.regex) ||
    (node.type === 'Identifier' && node.name === 'undefined') ||
    (node.type === 'UnaryExpression' && node.operator === 'void')
  )
}

function isString(node: AnyNode): node is Expression {
  return (
    (node.type === 'Literal' && typeof node.value === 'string') ||
    node.type === 'TemplateLiteral' ||
    (node.type === 'UnaryExpression' && node.operator === 'typeof')
  )
}

/** The jumps of a function, its lists of statements, and all its nodes, without those of inner functions. */
function surveyOf(fn: AnyFunction): {
  jumps: readonly Jump[]
  lists: readonly (readonly AnyNode[])[]
  nodes: readonly AnyNode[]
} {
  const jumps: Jump[] = []
  const lists: (readonly AnyNode[])[] = []
  const nodes: AnyNode[] = []
  const visit = (node: AnyNode, outer: readonly AnyNode[]): void => {
    if (isFunction(node) || node.type === 'ClassBody') return
    nodes.push(node)
    if (node.type === 'BlockStatement') lists.push(node.body)
    if (node.type === 'SwitchCase') lists.push(node.consequent)
    if (node.type === 'ReturnStatement') jumps.push(jumpOf(node, 'return', fn, outer))
    if (node.type === 'BreakStatement' || node.type === 'ContinueStatement') {
      const at = outer.findIndex((entry, i) => isTarget(node, entry, outer[i + 1]))
      const target = outer[at]
      const kind = node.type === 'BreakStatement' ? 'break' : 'continue'
      if (target !== undefined) jumps.push(jumpOf(node, kind, target, outer.slice(0, at)))
    }
    for (const child of children(node)) visit(child, [node, ...outer])
  }
  for (const param of fn.params) visit(param, [])
  visit(fn.body, [])
  return { jumps, lists, nodes }
}

function jumpOf(node: AnyNode, kind: Jump['kind'], target: AnyNode, path: readonly AnyNode[]): Jump {
  return { node, kind, target, path, within: new Set([node, ...path]) }
}

function isTarget(
  jump: Extract<AnyNode, { type: 'BreakStatement' | 'ContinueStatement' }>,
  node: AnyNode,
  parent: AnyNode | undefined,
): boolean {
  if (!jump.label) return isLoop(node) || (jump.type === 'BreakStatement' && node.type === 'SwitchStatement')
  const hasLabel = (outer: AnyNode | undefined): boolean =>
    outer?.type === 'LabeledStatement' && outer.label.name === jump.label?.name
  // A labelled loop is its own target; with anything else the target is what the label is on.
  if (jump.type === 'ContinueStatement') return isLoop(node) && hasLabel(parent)
  return hasLabel(parent) && node.type !== 'LabeledStatement'
}
