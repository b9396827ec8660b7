/**
 * Random programs for the twins: functions of three scalars and a vector, with nested branches, loops, jumps, labels,
 * switches and counters. Every loop counts, and leaves when it has counted enough, so every program ends; values are kept
 * in bounds, so that none overflows.
 */

/** A small generator of random numbers (mulberry32), so that a seed says which program it is. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** What can be jumped to from where the program is being written. */
interface Place {
  readonly depth: number
  readonly loops: readonly string[]
  readonly canBreak: boolean
  readonly canContinue: boolean
  readonly items: readonly string[]
}

/** The text of a random function, an expression; its size is how deep it may nest. */
export function randomProgram(seed: number, size = 5): string {
  const random = randomNumbers(seed)
  const below = (n: number): number => Math.floor(random() * n)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T
  let names = 0
  const scalars = ['a', 'b', 'c']

  const scalar = (place: Place): string => pick([...scalars, ...place.items])
  const value = (place: Place): string => {
    const x = scalar(place)
    switch (below(7)) {
      case 0:
        return `${x}.add(${scalar(place)})`
      case 1:
        return `${x}.sub(${below(9)})`
      case 2:
        return `${x}.mul(${pick([2, -1, 0.5, 3])})`
      case 3:
        return `${x}.add(i)`
      case 4:
        return `${condition(place)} ? ${x} : ${scalar(place)}.neg()`
      case 5:
        return `${x}.maximum(${scalar(place)}).add(j)`
      default:
        return `${x}.abs().sub(${scalar(place)})`
    }
  }
  const bounded = (text: string): string => `(${text}).maximum(-99).minimum(99)`
  const condition = (place: Place, depth = 0): string => {
    const tensor = (): string =>
      `${scalar(place)}.${pick(['greater', 'less', 'greaterEqual', 'lessEqual', 'equal'])}(${random() < 0.5 ? scalar(place) : below(20) - 6})`
    switch (below(depth > 1 ? 3 : 7)) {
      case 0:
        return `i < ${below(6)}`
      case 1:
        return `(i + j) % 3 === ${below(3)}`
      case 3:
        return `(${condition(place, depth + 1)} && ${condition(place, depth + 1)})`
      case 4:
        return `(${condition(place, depth + 1)} || ${condition(place, depth + 1)})`
      case 5:
        return `!(${condition(place, depth + 1)})`
      default:
        return tensor()
    }
  }
  const block = (place: Place): string => {
    const count = 1 + below(3)
    return `{ ${Array.from({ length: count }, () => line({ ...place, depth: place.depth + 1 })).join(' ')} }`
  }
  const loop = (place: Place): string => {
    const counter = `k${names++}`
    const label = random() < 0.3 ? `l${names++}` : undefined
    const inner: Place = {
      ...place,
      depth: place.depth + 1,
      loops: label === undefined ? place.loops : [...place.loops, label],
      canBreak: true,
      canContinue: true,
    }
    const head = label === undefined ? '' : `${label}: `
    const body = block(inner)
    switch (below(6)) {
      case 0:
        return `let ${counter} = 0; ${head}while (${condition(place)} && ${counter} < 4) { ${counter}++; ${body} }`
      case 1:
        return `let ${counter} = 0; ${head}do { ${counter} += 1; ${body} } while (${condition(place)} && ${counter} < 3);`
      case 2:
        return `${head}for (let ${counter} = 0; ${counter} < ${1 + below(3)}; ${counter}++) ${body}`
      case 3:
        return `${head}for (let ${counter} = 0; ${counter} < 3 && ${condition(place)}; ${counter}++) ${body}`
      case 4: {
        const item = `e${names++}`
        const items = { ...inner, items: [...place.items, item] }
        return `${head}for (const ${item} of xs) ${block(items)}`
      }
      default:
        return `let ${counter} = 0; ${head}while (true) { if (${counter}++ > 3) break; ${body} }`
    }
  }
  const jump = (place: Place): string => {
    const ways = ['return']
    if (place.canBreak) ways.push('break', 'break')
    if (place.canContinue) ways.push('continue', 'continue')
    const way = pick(ways)
    if (way === 'return') return `return [a, b, c, ${pick(['i', 'j', '7'])}];`
    const label = random() < 0.4 && place.loops.length > 0 ? ` ${pick(place.loops)}` : ''
    return `${way}${label};`
  }
  const choice = (place: Place): string => {
    const subject = random() < 0.6 ? '(i + j) % 4' : 'm'
    const inner = { ...place, canBreak: true }
    const cases = [0, 1, 2].map((i) => `case ${i}: ${block(inner)} ${random() < 0.6 ? 'break;' : ''}`)
    cases.splice(below(4), 0, `default: ${block(inner)} ${random() < 0.6 ? 'break;' : ''}`)
    return `switch (${subject}) { ${cases.join(' ')} }`
  }
  const line = (place: Place): string => {
    const kind = place.depth >= size ? below(4) : below(13)
    const x = pick(scalars)
    switch (kind) {
      case 0:
      case 1:
        return `${x} = ${bounded(value(place))};`
      case 2:
        return pick([
          'i++;',
          'j += 1;',
          'i = j + 1;',
          'j--;',
          'i = (i * 2) % 7;',
          `o.p = ${bounded(value(place))};`,
        ])
      case 3:
        return `${condition(place)} && (${x} = ${bounded(scalar(place))});`
      case 4:
      case 5:
      case 6:
        return `if (${condition(place)}) ${block(place)}${random() < 0.5 ? ` else ${block(place)}` : ''}`
      case 7:
        return `if (${condition(place)}) { ${line({ ...place, depth: place.depth + 1 })} ${jump(place)} }`
      case 8:
      case 9:
        return loop(place)
      case 10:
        return choice(place)
      case 11:
        return `{ const t${names} = ${bounded(value(place))}; ${x} = t${names++}.sub(1); }`
      default:
        return `[a, b] = [b, ${bounded(value(place))}];`
    }
  }
  const start: Place = { depth: 0, loops: [], canBreak: false, canContinue: false, items: [] }
  const lines = Array.from({ length: 2 + below(size) }, () => line(start))
  return `(a, b, c, xs, m) => { let i = 0, j = 1; const o = { p: a }; ${lines.join(' ')} return [a, b, c.add(o.p), i]; }`
}
