/**
 * The walk over a text that tells what each identifier is. One part declares (hoisting `var` and functions as the language
 * does), the other resolves, and notes what is read and written where.
 */
import type { Identifier, ImportDeclaration, MemberExpression, Program } from 'acorn'
import {
  type AnyFunction,
  type AnyNode,
  boundIdentifiers,
  children,
  type Expression,
  isFunction,
  type Pattern,
} from './syntax.ts'

export interface Binding {
  readonly name: string
  readonly kind: 'var' | 'let' | 'const' | 'param' | 'function' | 'class' | 'import' | 'catch' | 'free'
  /** The function it belongs to; undefined at the top of the text. */
  readonly owner: AnyFunction | undefined
  /** Where it is declared. */
  readonly start: number
  /** Mentioned in a function other than its own. */
  captured: boolean
  /** The function it is and stays. */
  value?: AnyFunction
  /** The module it is imported from, and the name it has there; `*` for the module as a whole. */
  imported?: { readonly from: string; readonly name: string }
  /** What it was given that has functions inside, which may be called where it is mentioned. */
  readonly holds: AnyNode[]
  /** Initial values and everything assigned; undefined stands for something unknown. */
  readonly sources: (Expression | undefined)[]
}

/** A write to a part of an object: `o.x = …`, `a[i] = …`, `a.push(…)`. */
export interface PartWrite {
  readonly start: number
  readonly target: MemberExpression
  /** False when the content of the object as a whole may change. */
  readonly isKey: boolean
}

/** A variable read or written at a place. */
export interface Mention {
  readonly start: number
  readonly binding: Binding
}

/** Methods by which an array changes. */
const mutators = new Set([
  'push',
  'pop',
  'shift',
  'unshift',
  'splice',
  'fill',
  'sort',
  'reverse',
  'copyWithin',
])

type Scope = { readonly names: Map<string, Binding>; readonly outer: Scope | undefined }

/** What a text mentions; everything in the order of the source. */
export class Resolution {
  readonly of: Map<Identifier, Binding> = new Map()
  readonly reads: Mention[] = []
  readonly writes: Mention[] = []
  readonly parts: PartWrite[] = []
  /** Names that nothing in the text declares. */
  readonly free: Set<string> = new Set()
  readonly #outer = new Map<string, Binding>()

  constructor(program: Program) {
    const top: Scope = { names: new Map(), outer: undefined }
    this.#hoist(program, top, undefined)
    this.#block(program.body, top, undefined)
    for (const node of program.body) this.#walk(node, top, undefined)
    const order = (x: { start: number }, y: { start: number }): number => x.start - y.start
    this.reads.sort(order)
    this.writes.sort(order)
    this.parts.sort(order)
  }

  #declare(
    scope: Scope,
    node: Identifier,
    kind: Binding['kind'],
    owner: AnyFunction | undefined,
    source?: Expression,
  ): Binding {
    const known = scope.names.get(node.name)
    const binding = known ?? {
      name: node.name,
      kind,
      owner,
      start: node.start,
      captured: false,
      sources: [],
      holds: [],
    }
    scope.names.set(node.name, binding)
    this.of.set(node, binding)
    if (kind !== 'let' && kind !== 'var' && kind !== 'const') binding.sources.push(undefined)
    else if (source !== undefined) binding.sources.push(source)
    return binding
  }

  /** `var` declarations anywhere in a function's body. */
  #hoist(node: AnyNode, scope: Scope, owner: AnyFunction | undefined): void {
    if (node.type === 'VariableDeclaration' && node.kind === 'var')
      for (const { id } of node.declarations)
        for (const name of boundIdentifiers(id)) this.#declare(scope, name, 'var', owner)
    for (const child of children(node)) if (!isFunction(child)) this.#hoist(child, scope, owner)
  }

  /** What a list of statements declares. */
  #block(statements: readonly AnyNode[], scope: Scope, owner: AnyFunction | undefined): void {
    for (const wrapped of statements) {
      const node =
        (wrapped.type === 'ExportNamedDeclaration' || wrapped.type === 'ExportDefaultDeclaration') &&
        wrapped.declaration !== null &&
        wrapped.declaration !== undefined
          ? wrapped.declaration
          : wrapped
      if (node.type === 'VariableDeclaration' && node.kind !== 'var')
        for (const { id, init } of node.declarations)
          for (const name of boundIdentifiers(id)) {
            const kind = node.kind === 'let' ? 'let' : 'const'
            const binding = this.#declare(scope, name, kind, owner)
            const isPlain = id.type === 'Identifier'
            if (init) binding.sources.push(isPlain ? init : undefined)
            if (init && holdsFunction(init)) binding.holds.push(init)
            if (kind === 'const' && isPlain && init && isFunction(init)) binding.value = init
          }
      else if (node.type === 'FunctionDeclaration' && node.id) {
        const binding = this.#declare(scope, node.id, 'function', owner)
        binding.value = node
        binding.holds.push(node)
      } else if (node.type === 'ClassDeclaration' && node.id) this.#declare(scope, node.id, 'class', owner)
      else if (node.type === 'ImportDeclaration')
        for (const specifier of node.specifiers)
          this.#declare(scope, specifier.local, 'import', owner).imported = {
            from: String(node.source.value),
            name: importedName(specifier),
          }
    }
  }

  #mention(node: Identifier, scope: Scope, owner: AnyFunction | undefined, isWrite: boolean): void {
    let level: Scope | undefined = scope
    while (level !== undefined && !level.names.has(node.name)) level = level.outer
    const binding = level?.names.get(node.name)
    if (binding === undefined) {
      this.#outside(node, isWrite)
      return
    }
    this.of.set(node, binding)
    if (binding.owner !== owner) binding.captured = true
    ;(isWrite ? this.writes : this.reads).push({ start: node.start, binding })
  }

  /** A name from outside the text. */
  #outside(node: Identifier, isWrite: boolean): void {
    const binding: Binding = this.#outer.get(node.name) ?? {
      name: node.name,
      kind: 'free',
      owner: undefined,
      start: -1,
      captured: true,
      sources: [undefined],
      holds: [],
    }
    this.#outer.set(node.name, binding)
    this.free.add(node.name)
    this.of.set(node, binding)
    ;(isWrite ? this.writes : this.reads).push({ start: node.start, binding })
  }

  /** A pattern that is assigned to, or declared with a value. */
  #target(
    node: Pattern,
    scope: Scope,
    owner: AnyFunction | undefined,
    source: Expression | undefined,
    isDeclared = false,
  ): void {
    switch (node.type) {
      case 'Identifier': {
        this.#mention(node, scope, owner, true)
        const binding = this.of.get(node)
        if (binding !== undefined && source !== undefined && !isDeclared && holdsFunction(source))
          binding.holds.push(source)
        // What a declaration of let or const gives was noted when it was declared.
        if (binding !== undefined && (!isDeclared || binding.kind === 'var')) binding.sources.push(source)
        return
      }
      case 'MemberExpression':
        this.parts.push({ start: node.start, target: node, isKey: true })
        this.#walk(node, scope, owner)
        return
      case 'ObjectPattern':
        for (const property of node.properties) {
          if (property.type === 'RestElement')
            this.#target(property.argument, scope, owner, undefined, isDeclared)
          else {
            if (property.computed) this.#walk(property.key, scope, owner)
            this.#target(property.value, scope, owner, undefined, isDeclared)
          }
        }
        return
      case 'ArrayPattern':
        for (const entry of node.elements)
          if (entry !== null) this.#target(entry, scope, owner, undefined, isDeclared)
        return
      case 'RestElement':
        this.#target(node.argument, scope, owner, undefined, isDeclared)
        return
      case 'AssignmentPattern':
        this.#walk(node.right, scope, owner)
        this.#target(node.left, scope, owner, undefined, isDeclared)
    }
  }

  #function(node: AnyFunction, scope: Scope): void {
    const own: Scope = { names: new Map(), outer: scope }
    if (node.type === 'FunctionExpression' && node.id) this.#declare(own, node.id, 'function', node)
    for (const param of node.params)
      for (const name of boundIdentifiers(param)) this.#declare(own, name, 'param', node)
    for (const param of node.params) this.#defaults(param, own, node)
    if (node.body.type === 'BlockStatement') {
      this.#hoist(node.body, own, node)
      this.#block(node.body.body, own, node)
      for (const child of node.body.body) this.#walk(child, own, node)
    } else this.#walk(node.body, own, node)
  }

  #defaults(node: Pattern, scope: Scope, owner: AnyFunction): void {
    if (node.type === 'AssignmentPattern') {
      this.#walk(node.right, scope, owner)
      this.#defaults(node.left, scope, owner)
    } else if (node.type === 'ObjectPattern')
      for (const property of node.properties) {
        if (property.type === 'RestElement') continue
        if (property.computed) this.#walk(property.key, scope, owner)
        this.#defaults(property.value, scope, owner)
      }
    else if (node.type === 'ArrayPattern')
      for (const entry of node.elements) if (entry !== null) this.#defaults(entry, scope, owner)
  }

  #each(nodes: readonly (AnyNode | null | undefined)[], scope: Scope, owner: AnyFunction | undefined): void {
    for (const child of nodes) if (child) this.#walk(child, scope, owner)
  }

  /** The scope of a block with these statements. */
  #nested(statements: readonly AnyNode[], scope: Scope, owner: AnyFunction | undefined): Scope {
    const inner: Scope = { names: new Map(), outer: scope }
    this.#block(statements, inner, owner)
    return inner
  }

  #walk(node: AnyNode, scope: Scope, owner: AnyFunction | undefined): void {
    if (isFunction(node)) return this.#function(node, scope)
    switch (node.type) {
      case 'Identifier':
        return this.#mention(node, scope, owner, false)
      case 'BlockStatement':
      case 'StaticBlock':
        return this.#each(node.body, this.#nested(node.body, scope, owner), owner)
      case 'SwitchStatement': {
        this.#walk(node.discriminant, scope, owner)
        const inner = this.#nested(
          node.cases.flatMap((entry) => entry.consequent),
          scope,
          owner,
        )
        for (const entry of node.cases) this.#each([entry.test, ...entry.consequent], inner, owner)
        return
      }
      case 'ForStatement': {
        const inner = this.#nested(node.init ? [node.init] : [], scope, owner)
        return this.#each([node.init, node.test, node.update, node.body], inner, owner)
      }
      case 'ForOfStatement':
      case 'ForInStatement': {
        this.#walk(node.right, scope, owner)
        const inner = this.#nested([node.left], scope, owner)
        if (node.left.type === 'VariableDeclaration') {
          const [first] = node.left.declarations
          if (first !== undefined) {
            for (const name of boundIdentifiers(first.id)) this.of.get(name)?.sources.push(undefined)
            this.#target(first.id, inner, owner, undefined, true)
          }
        } else this.#target(node.left, inner, owner, undefined)
        return this.#walk(node.body, inner, owner)
      }
      case 'CatchClause': {
        const inner: Scope = { names: new Map(), outer: scope }
        if (node.param) {
          for (const name of boundIdentifiers(node.param)) this.#declare(inner, name, 'catch', owner)
          if (owner !== undefined) this.#defaults(node.param, inner, owner)
        }
        return this.#walk(node.body, inner, owner)
      }
      case 'VariableDeclaration':
        for (const { id, init } of node.declarations) {
          if (init) this.#walk(init, scope, owner)
          if (init || node.kind === 'let') this.#target(id, scope, owner, init ?? undefined, true)
        }
        return
      case 'AssignmentExpression':
        if (node.operator !== '=') {
          this.#walk(node.left, scope, owner)
          this.#target(node.left, scope, owner, isArithmetic(node.operator) ? node.right : undefined)
        } else this.#target(node.left, scope, owner, node.right)
        return this.#walk(node.right, scope, owner)
      case 'UpdateExpression':
        this.#walk(node.argument, scope, owner)
        if (node.argument.type === 'Identifier' || node.argument.type === 'MemberExpression')
          this.#target(node.argument, scope, owner, node.argument)
        return
      case 'CallExpression':
        if (
          node.callee.type === 'MemberExpression' &&
          !node.callee.computed &&
          node.callee.property.type === 'Identifier' &&
          mutators.has(node.callee.property.name)
        )
          this.parts.push({ start: node.callee.start, target: node.callee, isKey: false })
        return this.#each([node.callee, ...node.arguments], scope, owner)
      case 'MemberExpression':
        return this.#each([node.object, node.computed ? node.property : null], scope, owner)
      case 'Property':
      case 'PropertyDefinition':
        return this.#each([node.computed ? node.key : null, node.value], scope, owner)
      case 'MethodDefinition':
        return this.#each([node.computed ? node.key : null, node.value], scope, owner)
      case 'LabeledStatement':
        return this.#walk(node.body, scope, owner)
      case 'BreakStatement':
      case 'ContinueStatement':
      case 'MetaProperty':
      case 'ImportDeclaration':
      case 'ExportAllDeclaration':
        return
      case 'ClassDeclaration':
      case 'ClassExpression': {
        const inner: Scope = { names: new Map(), outer: scope }
        if (node.type === 'ClassExpression' && node.id) this.#declare(inner, node.id, 'class', owner)
        return this.#each([node.superClass, node.body], inner, owner)
      }
      case 'ExportNamedDeclaration':
        if (node.declaration) return this.#walk(node.declaration, scope, owner)
        if (!node.source)
          for (const { local } of node.specifiers)
            if (local.type === 'Identifier') this.#mention(local, scope, owner, false)
        return
      default:
        return this.#each(children(node), scope, owner)
    }
  }
}

function importedName(node: ImportDeclaration['specifiers'][number]): string {
  if (node.type === 'ImportNamespaceSpecifier') return '*'
  if (node.type === 'ImportDefaultSpecifier') return 'default'
  return node.imported.type === 'Identifier' ? node.imported.name : String(node.imported.value)
}

function holdsFunction(node: AnyNode): boolean {
  return isFunction(node) || children(node).some(holdsFunction)
}

/** `+=` and the like, whose result is as plain as its operands. */
function isArithmetic(operator: string): boolean {
  return operator !== '&&=' && operator !== '||=' && operator !== '??='
}
