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

/** Variables of all functions of a text. */
class Found {
  readonly #all = new Set<Binding>()
  /** How many of them more than one function mentions. */
  shared = 0

  get size(): number {
    return this.#all.size
  }
  has(binding: Binding): boolean {
    return this.#all.has(binding)
  }
  add(binding: Binding): void {
    if (this.#all.has(binding)) return
    this.#all.add(binding)
    if (binding.captured) this.shared++
  }
}

export class Plan {
  readonly #bindings: Bindings
  readonly #fn: AnyFunction
  readonly #converted = new Set<AnyNode>()
  /** The targets of jumps that are carried, with the kinds of those. */
  readonly #carried = new Map<AnyNode, Set<Jump['kind']>>()
  readonly #jumps: readonly Jump[]
  readonly #jumpOf: ReadonlyMap<AnyNode, Jump>
  /** The jumps inside of nodes that they pass. */
  readonly #jumpsIn: ReadonlyMap<AnyNode, readonly Jump[]>
  readonly #lists: readonly (readonly AnyNode[])[]
  readonly #nodes: readonly AnyNode[]
  /** The variables that a rewritten construct of any function of the text writes. */
  readonly #staged: Found
  /** The arrays that a rewritten loop writes to. */
  readonly #growing: Found
  #size = 0

  private constructor(fn: AnyFunction, bindings: Bindings, staged: Found, growing: Found) {
    this.#bindings = bindings
    this.#fn = fn
    this.#staged = staged
    this.#growing = growing
    const survey = surveyOf(fn)
    this.#jumps = survey.jumps
    this.#jumpOf = new Map(survey.jumps.map((jump) => [jump.node, jump]))
    const jumpsIn = new Map<AnyNode, Jump[]>()
    for (const jump of survey.jumps)
      for (const node of jump.within) {
        const known = jumpsIn.get(node)
        if (known === undefined) jumpsIn.set(node, [jump])
        else known.push(jump)
      }
    this.#jumpsIn = jumpsIn
    this.#lists = survey.lists
    this.#nodes = survey.nodes
  }

  /** The plans of functions that may share variables. */
  static of(functions: readonly AnyFunction[], bindings: Bindings): ReadonlyMap<AnyFunction, Plan> {
    const staged = new Found()
    const growing = new Found()
    const plans = new Map(functions.map((fn) => [fn, new Plan(fn, bindings, staged, growing)]))
    let shared = -1
    while (shared !== staged.shared + growing.shared) {
      shared = staged.shared + growing.shared
      for (const plan of plans.values()) {
        let size = -1
        while (size !== plan.#size + staged.size + growing.size) {
          size = plan.#size + staged.size + growing.size
          plan.#round()
        }
      }
    }
    return plans
  }

  /** True when the construct is rewritten into a call. */
  isConverted(node: AnyNode): boolean {
    return this.#converted.has(node)
  }

  /** True when jumps of this kind to this target are carried by a flag. */
  isCarried(kind: Jump['kind'], target: AnyNode): boolean {
    return this.#carried.get(target)?.has(kind) === true
  }

  jumpOf(node: AnyNode): Jump | undefined {
    return this.#jumpOf.get(node)
  }

  /** The carried jumps inside these nodes whose targets are outside of them. */
  escaping(nodes: readonly AnyNode[]): readonly Jump[] {
    if (this.#carried.size === 0) return []
    const [only] = nodes
    const candidates = nodes.length === 1 && only !== undefined ? this.#jumpsIn.get(only) : this.#jumps
    if (candidates === undefined) return []
    return candidates.filter(
      (jump) =>
        this.isCarried(jump.kind, jump.target) &&
        nodes.some((node) => jump.within.has(node)) &&
        // A loop that a `continue` goes on with holds the jump; the statement around a label holds its `break`.
        !nodes.includes(jump.target),
    )
  }

  get needsRewriting(): boolean {
    return this.#converted.size > 0 || alwaysThrows(this.#fn)
  }

  #carry({ kind, target }: Jump): void {
    const known = this.#carried.get(target)
    if (known === undefined) this.#carried.set(target, new Set([kind]))
    else known.add(kind)
  }

  #round(): void {
    for (const node of this.#nodes)
      if (!this.#converted.has(node) && this.#isSuspect(node)) this.#converted.add(node)
    for (const jump of this.#jumps) {
      if (jump.path.some((node) => this.#converted.has(node)) || this.#converted.has(jump.target))
        this.#carry(jump)
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
          this.#carry(jump)
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
    this.#size = this.#converted.size
    for (const kinds of this.#carried.values()) this.#size += kinds.size
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
  const around: AnyNode[] = []
  const visit = (node: AnyNode): void => {
    if (isFunction(node) || node.type === 'ClassBody') return
    nodes.push(node)
    if (node.type === 'BlockStatement') lists.push(node.body)
    if (node.type === 'SwitchCase') lists.push(node.consequent)
    if (node.type === 'ReturnStatement') jumps.push(jumpOf(node, 'return', fn, around.toReversed()))
    if (node.type === 'BreakStatement' || node.type === 'ContinueStatement') {
      const outer = around.toReversed()
      const at = outer.findIndex((entry, i) => isTarget(node, entry, outer[i + 1]))
      const target = outer[at]
      const kind = node.type === 'BreakStatement' ? 'break' : 'continue'
      if (target !== undefined) jumps.push(jumpOf(node, kind, target, outer.slice(0, at)))
    }
    around.push(node)
    children(node).forEach(visit)
    around.pop()
  }
  for (const param of fn.params) visit(param)
  visit(fn.body)
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

/** True for what exists to be called where something is wrong, which may be for a tensor to decide. */
function alwaysThrows({ body }: AnyFunction): boolean {
  return body.type === 'BlockStatement' && body.body.some(({ type }) => type === 'ThrowStatement')
}
