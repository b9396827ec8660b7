/**
 * Constants and objects as text, so that equal texts are the same constant and the same object.
 */

const identities = new WeakMap<object, number>()
let nextIdentity = 1

/** A number that stands for an object as long as it lives, and for no other one afterwards. */
export function identityOf(object: object): number {
  let id = identities.get(object)
  if (id === undefined) identities.set(object, (id = nextIdentity++))
  return id
}

/** A JavaScript constant as text, telling apart what `Object.is` tells apart. */
export function constantText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'symbol') return `${String(value)}#${symbolNumber(value)}`
  if (Object.is(value, -0)) return '-0'
  return String(value)
}

const symbols: symbol[] = []

/** Symbols are told apart by identity; they are few and live as long as the program. */
function symbolNumber(value: symbol): number {
  const known = symbols.indexOf(value)
  return known >= 0 ? known : symbols.push(value) - 1
}
