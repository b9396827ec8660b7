/**
 * The tree as text: astring, with its generator corrected where it prints something else than it was given.
 *
 * - `(a?.b).c` must keep its parentheses: without them the chain goes on.
 * - Names of exports that are strings must be printed as such.
 * - `let` as the first word of an expression statement, and an object or function there, need parentheses.
 */
import type { AnyNode } from 'acorn'
import { generate, GENERATOR, type State } from 'astring'
import * as astring from 'astring'

type Printer = (node: never, state: State) => void

const base = GENERATOR as object as Readonly<Record<string, Printer>>

/** Precedences with a chain below what may be linked to it. */
const precedence = { ...(Reflect.get(astring, 'EXPRESSIONS_PRECEDENCE') as object), ChainExpression: 18 }

/** A module's name as a string or identifier. */
interface ModuleName {
  readonly type: string
  readonly name?: string
  readonly raw?: string
}

const corrected: Readonly<Record<string, unknown>> = {
  ...base,
  ExportNamedDeclaration(
    node: { specifiers: readonly { local: ModuleName; exported: ModuleName }[] },
    state: State,
  ): void {
    const text = (name: ModuleName): string => name.name ?? name.raw ?? ''
    const named = node.specifiers.map((entry) => ({
      ...entry,
      local: { ...entry.local, name: text(entry.local) },
      exported: { ...entry.exported, name: text(entry.exported) },
    }))
    base['ExportNamedDeclaration']?.({ ...node, specifiers: named } as never, state)
  },
}

/** Prints a tree. */
export function print(node: AnyNode): string {
  return generate(
    node as never,
    {
      generator: corrected,
      expressionsPrecedence: precedence,
      indent: '  ',
    } as never,
  )
}
