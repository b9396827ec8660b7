/**
 * The tree as text: astring, with its generator corrected where it prints something else than it was given.
 *
 * - `(a?.b).c` must keep its parentheses: without them the chain goes on.
 * - Names of exports that are strings must be printed as such.
 * - `let` as the first word of an expression statement, and an object or function there, need parentheses.
 *
 * What is printed can be traced back: every node that has a position in the source, and every call of the runtime, whose
 * last argument has the one of what it stands for, notes where its text begins.
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

/** A place in printed text, and the place in the source that it came from. */
export interface Mark {
  readonly printed: number
  readonly source: number
}

/** Prints a tree. */
export function print(node: AnyNode): string {
  return printWith(corrected, node, 0)
}

/** Prints a tree and says where its parts came from. */
export function printMarked(
  node: AnyNode,
  indentation = 0,
): { readonly text: string; readonly marks: readonly Mark[] } {
  const before = marksNow
  marksNow = []
  try {
    const text = printWith(noting, node, indentation)
    return { text, marks: marksNow }
  } finally {
    marksNow = before
  }
}

/** Where the text that is being printed came from. */
let marksNow: Mark[] = []

/** The printers, each of which notes where its text begins. */
const noting: Readonly<Record<string, Printer>> = Object.fromEntries(
  (Object.entries(corrected) as [string, Printer][]).map(([type, printer]) => [
    type,
    (inner: AnyNode, state: State): void => {
      const source = positionOf(inner)
      if (source >= 0) marksNow.push({ printed: state.output.length, source })
      printer.call(noting, inner as never, state)
    },
  ]),
)

function printWith(generator: object, node: AnyNode, indentation: number): string {
  const options = {
    generator,
    expressionsPrecedence: precedence,
    indent: '  ',
    startingIndentLevel: indentation,
  }
  return generate(node as never, options as never)
}

/** Where a node is in the source, or what it stands for; negative when that is unknown. */
function positionOf(node: AnyNode): number {
  if (node.start >= 0) return node.start
  if (node.type === 'ExpressionStatement') return positionOf(node.expression)
  if (node.type === 'ReturnStatement') return node.argument ? positionOf(node.argument) : -1
  if (node.type !== 'CallExpression') return -1
  const last = node.arguments.at(-1)
  return last?.type === 'Literal' ? last.start : -1
}
