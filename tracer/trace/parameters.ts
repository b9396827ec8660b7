/**
 * The parameters of a callback, as its source text shows them.
 *
 * With a parser (installed by `tracemill/autograph`) they are known exactly: names, the parts of destructured ones, and
 * defaults that are literals. Without one a regular expression finds the names where the list is plain, and nothing is
 * known of defaults; `args[i]` stands for what has no name.
 */

/** One parameter. */
export interface Parameter {
  /** Undefined for a destructured one. */
  readonly name?: string
  /** `...rest`: every further argument is an element of it. */
  readonly rest?: boolean
  /** Its default, if that is a literal. */
  readonly literal?: { readonly value: unknown }
  /** The text of its default, if that is computed anew at every call. */
  readonly computed?: string
  /** What a destructured parameter takes apart, by key or index. */
  readonly parts?: ReadonlyMap<string, Parameter>
}

export interface ParameterList {
  readonly parameters: readonly Parameter[]
  /** Whether the callback sees arguments beyond the list: 'ignored' ones need not select a trace. */
  readonly beyond: 'ignored' | 'seen' | 'unknown'
  /** True when it mentions `arguments`: then a missing argument is not one that is undefined. */
  readonly counts: boolean
  /** True when the keys of destructured parameters are names no other parameter has. */
  readonly distinct: boolean
}

/** A function's source → its parameters, or undefined when it cannot tell. */
export type ParameterReader = (source: string) => ParameterList | undefined

let read: ParameterReader | undefined

/** Uses a parser from now on; undefined goes back to the regular expression. Returns the one before. */
export function installParameterReader(reader: ParameterReader | undefined): ParameterReader | undefined {
  const before = read
  read = reader
  return before
}

/** The parameters of a function. */
export function parametersOf(callback: (...args: never[]) => unknown): ParameterList {
  const source = Function.prototype.toString.call(callback)
  if (/\{\s*\[native code\]\s*\}$/.test(source)) return unknownParameters
  return read?.(source) ?? readPlainly(source)
}

/** A list of which only names are known. */
export function namedParameters(names: readonly string[]): ParameterList {
  return { ...unknownParameters, parameters: names.map((name) => ({ name })) }
}

/** The parameters from the `from`-th on, under the names they have among all. */
export function laterParameters(list: ParameterList, from: number): ParameterList {
  if (from === 0) return list
  const parameters = list.parameters
    .slice(from)
    .map((parameter, i) => ({ ...parameter, name: parameter.name ?? `args[${from + i}]` }))
  return { ...list, parameters }
}

const unknownParameters: ParameterList = {
  parameters: [],
  beyond: 'unknown',
  counts: false,
  distinct: false,
}

/** The names where a list shows them plainly. */
function readPlainly(source: string): ParameterList {
  const list =
    /^(?:function\s*[\w$]*\s*|get\s+|set\s+)?(?:#?[\w$]+\s*)?\(([^()]*)\)/.exec(source)?.[1] ??
    /^([\w$]+)\s*=>/.exec(source)?.[1]
  if (list === undefined) return unknownParameters
  const bare = list.replaceAll(/\/\*[^]*?\*\//g, '').trim()
  if (/[{[]/.test(bare)) return unknownParameters
  const parts = bare === '' ? [] : bare.replace(/,$/, '').split(',')
  const names = parts.map((part) => /^\s*(?:\.\.\.\s*)?([\w$]+)\s*(?:=|$)/.exec(part)?.[1])
  const counts = /\barguments\b/.test(source)
  const rest = /^\s*\.\.\./.test(parts.at(-1) ?? '')
  const parameters = names.flatMap((name, i): Parameter[] =>
    name === undefined ? [] : [i === names.length - 1 && rest ? { name, rest } : { name }],
  )
  // Quotes and comments may hide a comma that separates nothing: then the names are a guess.
  const isSure = parameters.length === parts.length && !/["'`/]/.test(bare)
  return {
    parameters: isSure ? parameters : parameters.filter((parameter) => parameter.rest !== true),
    beyond: !isSure ? 'unknown' : rest || counts ? 'seen' : 'ignored',
    counts,
    distinct: false,
  }
}
