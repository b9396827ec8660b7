/**
 * Which variables are still wanted after each statement of a function, found in one pass from its end to its beginning;
 * loops are gone through until nothing is added. A variable that some inner function mentions is always wanted, since
 * nobody knows when that function is called. What is found errs on the side of wanting too much.
 */
import type { Bindings, Binding } from './bindings.ts'
import { type AnyFunction, type AnyNode, boundIdentifiers, type Loop, type Statement } from './syntax.ts'

type Wanted = ReadonlySet<Binding>

/** Where jumps go from a place in the function. */
interface Targets {
  readonly breaks: readonly { readonly label: string | undefined; readonly wanted: Wanted }[]
  readonly continues: readonly { readonly labels: readonly string[]; readonly wanted: Wanted }[]
  /** What a handler of exceptions may read. */
  readonly handled: Wanted
}

export class Liveness {
  readonly #bindings: Bindings
  readonly #after = new Map<AnyNode, Wanted>()
  readonly #around = new Map<Loop, Wanted>()
  readonly #jumps = new Map<AnyNode, Wanted>()

  constructor(fn: AnyFunction, bindings: Bindings) {
    this.#bindings = bindings
    if (fn.body.type === 'BlockStatement')
      this.#list(fn.body.body, new Set(), { breaks: [], continues: [], handled: new Set() })
  }

  /** What is wanted after a statement; undefined when the statement was never seen. */
  after(node: AnyNode): Wanted | undefined {
    return this.#after.get(node)
  }

  /** What is wanted where a jump leads. */
  atJump(node: AnyNode): Wanted | undefined {
    return this.#jumps.get(node)
  }

  /** What is wanted at the head of a loop, after it, or wherever a jump out of it leads. */
  around(loop: Loop): Wanted | undefined {
    return this.#around.get(loop)
  }

  #list(statements: readonly Statement[], after: Wanted, targets: Targets): Wanted {
    let wanted = after
    for (const node of statements.toReversed()) wanted = this.#statement(node, wanted, targets, [])
    return wanted
  }

  #plus(node: AnyNode | null | undefined, wanted: Wanted): Wanted {
    return node ? union(wanted, this.#bindings.readIn(node)) : wanted
  }

  #statement(node: Statement, after: Wanted, targets: Targets, labels: readonly string[]): Wanted {
    const known = this.#after.get(node)
    this.#after.set(node, union(known ?? after, after, targets.handled))
    switch (node.type) {
      case 'BlockStatement':
        return this.#list(node.body, after, withBreak(targets, labels, after))
      case 'IfStatement': {
        const inner = withBreak(targets, labels, after)
        const then = this.#statement(node.consequent, after, inner, [])
        const otherwise = node.alternate ? this.#statement(node.alternate, after, inner, []) : after
        return this.#plus(node.test, union(then, otherwise))
      }
      case 'LabeledStatement':
        return this.#statement(node.body, after, targets, [...labels, node.label.name])
      case 'WhileStatement':
      case 'DoWhileStatement':
      case 'ForStatement':
      case 'ForOfStatement':
      case 'ForInStatement':
        return this.#loop(node, after, targets, labels)
      case 'SwitchStatement': {
        let wanted = after
        let all = after
        const inner = withBreak(targets, [undefined, ...labels], after)
        for (const entry of node.cases.toReversed()) {
          wanted = this.#list(entry.consequent, wanted, inner)
          all = this.#plus(entry.test, union(all, wanted))
        }
        return this.#plus(node.discriminant, all)
      }
      case 'TryStatement': {
        const inner = withBreak(targets, labels, after)
        const finish = node.finalizer ? this.#statement(node.finalizer, after, inner, []) : after
        const handled = node.handler ? this.#statement(node.handler.body, finish, inner, []) : finish
        const seen = union(inner.handled, handled, finish)
        return union(this.#statement(node.block, finish, { ...inner, handled: seen }, []), handled)
      }
      case 'ReturnStatement':
        return this.#plus(node.argument, targets.handled)
      case 'ThrowStatement':
        return this.#plus(node.argument, targets.handled)
      case 'BreakStatement': {
        const label = node.label?.name
        return this.#jump(node, targets.breaks.findLast((target) => target.label === label)?.wanted ?? after)
      }
      case 'ContinueStatement': {
        const label = node.label?.name
        const found = targets.continues.findLast(
          (target) => label === undefined || target.labels.includes(label),
        )
        return this.#jump(node, found?.wanted ?? after)
      }
      case 'ExpressionStatement': {
        const { expression } = node
        if (expression.type !== 'AssignmentExpression' || expression.operator !== '=')
          return this.#plus(node, after)
        const names = expression.left.type === 'MemberExpression' ? [] : boundIdentifiers(expression.left)
        return this.#plus(node, without(after, this.#bindings, names))
      }
      case 'VariableDeclaration': {
        const names = node.declarations.flatMap(({ id, init }) =>
          init || node.kind !== 'var' ? boundIdentifiers(id) : [],
        )
        return this.#plus(node, without(after, this.#bindings, names))
      }
      default:
        return this.#plus(node, after)
    }
  }

  #jump(node: AnyNode, wanted: Wanted): Wanted {
    this.#jumps.set(node, union(this.#jumps.get(node) ?? wanted, wanted))
    return wanted
  }

  #loop(node: Loop, after: Wanted, targets: Targets, labels: readonly string[]): Wanted {
    const left = node.type === 'ForOfStatement' || node.type === 'ForInStatement' ? node : undefined
    const test = left === undefined && 'test' in node ? node.test : undefined
    const update = node.type === 'ForStatement' ? node.update : undefined
    let head: Wanted = this.#plus(test, after)
    for (;;) {
      const next = this.#plus(update, head)
      const inner: Targets = {
        ...withBreak(targets, [undefined, ...labels], after),
        continues: [
          ...targets.continues,
          { labels: labels.filter((label) => label !== undefined), wanted: next },
        ],
      }
      let body = this.#statement(node.body, next, inner, [])
      if (left !== undefined) {
        const target = left.left.type === 'VariableDeclaration' ? left.left.declarations[0]?.id : left.left
        const names = target && target.type !== 'MemberExpression' ? boundIdentifiers(target) : []
        body = this.#plus(left.left, without(body, this.#bindings, names))
      }
      const grown = union(head, this.#plus(test, body))
      if (grown.size === head.size) break
      head = grown
    }
    const jumps = [...targets.breaks, ...targets.continues].map(({ wanted }) => wanted)
    this.#around.set(node, union(this.#around.get(node) ?? head, head, after, targets.handled, ...jumps))
    if (left !== undefined) return this.#plus(left.right, head)
    return node.type === 'ForStatement' ? this.#plus(node.init, head) : head
  }
}

/** All of these; the first set itself when it has them all. */
function union(first: Wanted, ...others: readonly Wanted[]): Wanted {
  let made: Set<Binding> | undefined
  for (const other of others) {
    if (other === first) continue
    for (const binding of other) if (!(made ?? first).has(binding)) (made ??= new Set(first)).add(binding)
  }
  return made ?? first
}

function without(wanted: Wanted, bindings: Bindings, names: ReturnType<typeof boundIdentifiers>): Wanted {
  let made: Set<Binding> | undefined
  for (const name of names) {
    const binding = bindings.of(name)
    if (binding !== undefined && wanted.has(binding)) (made ??= new Set(wanted)).delete(binding)
  }
  return made ?? wanted
}

function withBreak(targets: Targets, labels: readonly (string | undefined)[], wanted: Wanted): Targets {
  if (labels.length === 0) return targets
  return { ...targets, breaks: [...targets.breaks, ...labels.map((label) => ({ label, wanted }))] }
}
