/**
 * The tree as text: astring, with its generator corrected where it prints something else than it was given.
 *
 * - `(a?.b).c` must keep its parentheses: without them the chain goes on.
 * - Names of exports that are strings must be printed as such.
 * - `let` as the first word of an expression statement, and an object or function there, need parentheses.
 */
import type { AnyNode } from 'acorn'
import { EXPRESSIONS_PRECEDENCE, generate, GENERATOR, type State } from 'astring'

type Printer = (node: never, state: State) => void

/** Precedences with a chain below what may be linked to it. */
const precedence = { ...EXPRESSIONS_PRECEDENCE, ChainExpression: 18 }

const base = GENERATOR as unknown as Readonly<Record<string, Printer>>

/** A module's name as a string or identifier. */
interface ModuleName {
  readonly type: string
  readonly name?: string
  readonly raw?: string
}

const corrected: Readonly<Record<string, unknown>> = {
  ...base,
  EXPRESSIONS_PRECEDENCE: precedence,
  ExportNamedDeclaration(node: { specifiers: readonly { local: ModuleName; exported: ModuleName }[] }, state: State): void {
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
  return generate(node as never, { generator: corrected as never, indent: '  ' })
}
