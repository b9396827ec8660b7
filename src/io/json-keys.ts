/**
 * Keys that stand twice in one object of a JSON text. `JSON.parse` takes the last of them without a word, so two readers
 * of one file may see different tensors.
 */

/** The first key that some object of the (valid) JSON text has twice, or undefined. */
export function duplicateKey(text: string): string | undefined {
  /** The keys of each object that is open; undefined for an array. */
  const open: (Set<string> | undefined)[] = []
  const tokens = /["{}[\]]/g
  const colon = /\s*:/y
  for (let match = tokens.exec(text); match !== null; match = tokens.exec(text)) {
    const [token] = match
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(undefined)
    else if (token === '}' || token === ']') open.pop()
    else {
      const end = endOfString(text, match.index)
      tokens.lastIndex = end
      colon.lastIndex = end
      if (!colon.test(text)) continue
      const keys = open.at(-1)
      const key: unknown = JSON.parse(text.slice(match.index, end))
      if (keys === undefined || typeof key !== 'string') continue
      if (keys.has(key)) return key
      keys.add(key)
    }
  }
  return undefined
}

/** Behind the string that begins at `start`. A pattern would take stack for every character of it. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}
