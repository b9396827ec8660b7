/**
 * Einstein sums: products of tensors whose axes are named by letters.
 *
 * An operand is brought into shape first: of axes with the same letter the diagonal is taken, and axes that nobody else
 * names are summed. Two operands are then one `dot`: letters both have are paired, as batches if they are wanted later
 * and as contracted axes if not; without any the product is one by elements. More operands are multiplied two at a time,
 * in the order with the fewest multiplications, which is found by looking at all of them up to eight operands and by
 * taking the cheapest pair each time beyond.
 *
 * The axes of an ellipsis are letters, too, named by their distance from its end; they alone broadcast.
 */
import { InternalError, ShapeError, ValueError } from '../../codegen/errors.ts'
import { printSize, type Size, sizesEqual } from '../../codegen/size.ts'
import { convertTogether, type TensorLike } from '../../tracer/convert.ts'
import { printType } from '../../tracer/ir/type.ts'
import { dot } from '../../tracer/ops/dot.ts'
import { equal, iota, mul, reshape, transpose, where } from '../../tracer/ops/index.ts'
import { sliceWithStrides } from '../../tracer/ops/slice.ts'
import type { Tensor } from '../../tracer/tensor.ts'
import { sum } from './reductions.ts'

/** A tensor and the names of its axes. */
interface Term {
  readonly tensor: Tensor
  readonly labels: readonly string[]
}

/**
 * Σ over the letters that `equation` does not keep of the products of the operands' elements: `'ij,jk->ik'` is the matrix
 * product. `...` stands for axes that are not named and broadcast; a letter twice in one operand takes a diagonal. Without
 * `->` the result has the letters that occur once, in alphabetical order, after the axes of the ellipsis. Numeric dtypes,
 * the same for all; integers wrap.
 *
 * @throws ValueError for an equation that makes no sense or another number of operands, ShapeError when ranks or sizes do
 * not fit it, DTypeError for different dtypes or bool.
 * @example tf.einsum('ij,jk->ik', [[1, 2]], [[3], [4]]) // [[11]]
 * @example tf.einsum('ii->', [[1, 2], [3, 4]]) // 5
 */
export function einsum(equation: string, ...operands: readonly TensorLike[]): Tensor {
  const { inputs, output } = parse(equation, operands.length)
  const tensors = convertTogether(
    'einsum',
    operands.map((operand, i) => [`operand ${i + 1}`, operand] as const),
  )
  const named = tensors.map((tensor, i): Term => ({ tensor, labels: labelsOf(equation, inputs, tensors, i) }))
  checkSizes(equation, named)
  const ellipsis = ellipsisOf(named)
  if (output !== undefined && ellipsis.length > 0 && !output.includes('...'))
    throw new ValueError({
      op: 'einsum',
      problem: `the operands of "${equation}" have axes in their ellipsis, but the result has none`,
      fix: 'write ... after the arrow, too, or name the axes.',
    })
  const wanted =
    output === undefined
      ? [...ellipsis, ...implicitOutput(inputs)]
      : output.flatMap((label) => (label === '...' ? ellipsis : [label]))
  const terms = named.map((term, i) => {
    const others = named.filter((_, j) => j !== i).flatMap(({ labels }) => labels)
    return summed(withDiagonals(term), new Set([...others, ...wanted]))
  })
  const { tensor, labels } = product(terms, new Set(wanted))
  return transpose(
    tensor,
    wanted.map((label) => labels.indexOf(label)),
  )
}

/** The letters (and `...`) of each operand and of the result; undefined for a result that is left to the rule. */
function parse(
  equation: string,
  count: number,
): { readonly inputs: readonly (readonly string[])[]; readonly output: readonly string[] | undefined } {
  const fail = (problem: string, fix: string): never => {
    throw new ValueError({ op: 'einsum', problem: `${problem} in "${equation}"`, fix })
  }
  const [left = '', right, ...more] = equation.replaceAll(/\s/g, '').split('->')
  if (more.length > 0) fail('there is more than one arrow', 'write one, before the axes of the result.')
  const split = (text: string): readonly string[] => {
    const parts = text.match(/\.\.\.|./g) ?? []
    for (const part of parts)
      if (!/^(\.\.\.|[a-zA-Z])$/.test(part))
        fail(
          `"${part}" names no axis`,
          'use letters, "..." for the axes that are not named, and "," between operands.',
        )
    if (parts.filter((part) => part === '...').length > 1)
      fail('an operand has more than one ellipsis', 'write "..." once for each.')
    return parts
  }
  const inputs = left.split(',').map(split)
  if (inputs.length !== count)
    fail(
      `there are ${inputs.length} operands`,
      `give as many tensors: there ${count === 1 ? 'is 1' : `are ${count}`}.`,
    )
  const output = right === undefined ? undefined : split(right)
  output?.forEach((label, i) => {
    if (output.indexOf(label) !== i)
      fail(`the result has "${label}" twice`, 'name every axis of the result once.')
    if (label !== '...' && !inputs.some((labels) => labels.includes(label)))
      fail(`no operand has the axis "${label}" of the result`, 'name axes of the operands only.')
  })
  return { inputs, output }
}

function implicitOutput(inputs: readonly (readonly string[])[]): readonly string[] {
  const all = inputs.flat().filter((label) => label !== '...')
  return [...new Set(all)].filter((label) => all.indexOf(label) === all.lastIndexOf(label)).sort()
}

/** The name of the axis of an ellipsis that is `back` axes before its end. */
function unnamed(back: number): string {
  return `.${back}`
}

function labelsOf(
  equation: string,
  inputs: readonly (readonly string[])[],
  tensors: readonly Tensor[],
  i: number,
): readonly string[] {
  const [labels = [], tensor] = [inputs[i], tensors[i]]
  if (tensor === undefined) throw new InternalError('einsum lost an operand')
  const spare = tensor.rank - labels.filter((label) => label !== '...').length
  if (spare < 0 || (spare > 0 && !labels.includes('...')))
    throw new ShapeError({
      op: 'einsum',
      problem: `operand ${i + 1} of "${equation}" has ${tensor.rank} axes, not ${labels.length}`,
      rows: tensors.map((each, j) => [`operand ${j + 1}`, printType(each.type), (inputs[j] ?? []).join('')]),
      fix: 'name every axis of an operand, or write ... for those that only broadcast.',
    })
  return labels.flatMap((label) =>
    label === '...' ? Array.from({ length: spare }, (_, d) => unnamed(spare - 1 - d)) : [label],
  )
}

/** The axes of the longest ellipsis. */
function ellipsisOf(terms: readonly Term[]): readonly string[] {
  const counts = terms.map(({ labels }) => labels.filter((label) => label.startsWith('.')).length)
  const most = Math.max(0, ...counts)
  return Array.from({ length: most }, (_, d) => unnamed(most - 1 - d))
}

function sizeOf({ tensor, labels }: Term, label: string): Size {
  return tensor.type.shape[labels.indexOf(label)] ?? 1
}

/** Refuses sizes of one letter that can never be equal; those of an ellipsis may be 1. */
function checkSizes(equation: string, terms: readonly Term[]): void {
  const first = new Map<string, { readonly size: Size; readonly at: number }>()
  terms.forEach(({ tensor, labels }, i) =>
    labels.forEach((label, axis) => {
      const size = tensor.type.shape[axis] ?? 1
      const known = first.get(label)
      const repeats = label.startsWith('.')
      if (known === undefined || (repeats && known.size === 1)) first.set(label, { size, at: i })
      else if (!(repeats && size === 1) && sizesEqual(known.size, size) === false)
        throw new ShapeError({
          op: 'einsum',
          problem: repeats
            ? `the axes of the ellipsis in "${equation}" do not broadcast: ${printSize(known.size)} and ${printSize(size)}`
            : `the axis "${label}" of "${equation}" is ${printSize(known.size)} in operand ${known.at + 1} and ${printSize(size)} in operand ${i + 1}`,
          rows: terms.map((term, j) => [`operand ${j + 1}`, printType(term.tensor.type)]),
          fix: repeats ? 'the sizes must be equal or 1.' : 'axes of one name must have the same size.',
        })
    }),
  )
}

/** The term with every letter once: of axes with the same letter, the elements where their indices are equal. */
function withDiagonals(term: Term): Term {
  const label = term.labels.find((each, axis) => term.labels.indexOf(each) !== axis)
  if (label === undefined) return term
  const first = term.labels.indexOf(label)
  const second = term.labels.indexOf(label, first + 1)
  const rest = term.labels.map((_, axis) => axis).filter((axis) => axis !== first && axis !== second)
  const turned = transpose(term.tensor, [...rest, first, second])
  const labels = [...rest.map((axis) => term.labels[axis] ?? ''), label]
  const { shape } = turned.type
  const outer = shape.slice(0, -2)
  const size = shape.at(-1) ?? 1
  if (typeof size !== 'number' || size === 0) {
    const index = iota([size], 0, 'int32')
    const diagonal = equal(reshape(index, [size, 1]), reshape(index, [1, size]))
    return withDiagonals({ tensor: sum(where(diagonal, turned, 0), -1), labels })
  }
  // In a row-major matrix of n columns, the diagonal is every (n + 1)-th element.
  const flat = reshape(turned, [...outer, size * size])
  const diagonal = sliceWithStrides(flat, {
    starts: [...outer.map(() => 0), 0],
    sizes: [...outer, size],
    strides: [...outer.map(() => 1), size + 1],
  })
  return withDiagonals({ tensor: diagonal, labels })
}

/** The term without the axes that are not in `keep`: it is summed over them. */
function summed({ tensor, labels }: Term, keep: ReadonlySet<string>): Term {
  const over = labels.map((_, axis) => axis).filter((axis) => !keep.has(labels[axis] ?? ''))
  if (over.length === 0) return { tensor, labels }
  return { tensor: sum(tensor, over), labels: labels.filter((label) => keep.has(label)) }
}

/** The most operands for which every order is looked at. */
const mostCompared = 8

/** The product of the terms, with the axes in `wanted` only. */
function product(terms: readonly Term[], wanted: ReadonlySet<string>): Term {
  const [only, second] = terms
  if (only === undefined) throw new InternalError('einsum of no operands')
  if (second === undefined) return summed(only, wanted)
  if (terms.length > mostCompared) {
    const [x, y, ...others] = cheapestFirst(terms)
    if (x === undefined || y === undefined) throw new InternalError('einsum lost an operand')
    const keep = new Set([...wanted, ...others.flatMap(({ labels }) => labels)])
    return product([pair(x, y, keep), ...others], wanted)
  }
  const [left, right] = bestHalves(terms, wanted)
  const parts = [left, right].map((part, i) => {
    const others = i === 0 ? right : left
    const keep = new Set([...wanted, ...others.flatMap(({ labels }) => labels)])
    return product(part, keep)
  })
  const [x, y] = parts
  if (x === undefined || y === undefined) throw new InternalError('einsum lost half of its operands')
  return pair(x, y, wanted)
}

/** A number for the size, to compare orders with; sizes that are not known count as 64. */
function estimate(size: Size): number {
  return typeof size === 'number' ? size : 64
}

/** How many multiplications the product over all axes of these labels takes. */
function costOf(labels: ReadonlySet<string>, sizes: ReadonlyMap<string, number>): number {
  return [...labels].reduce((cost, label) => cost * (sizes.get(label) ?? 1), 1)
}

function sizesOf(terms: readonly Term[]): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>()
  for (const term of terms)
    for (const label of term.labels)
      sizes.set(label, Math.max(sizes.get(label) ?? 1, estimate(sizeOf(term, label))))
  return sizes
}

/** The two parts whose product comes last in the cheapest order of all. */
function bestHalves(
  terms: readonly Term[],
  wanted: ReadonlySet<string>,
): readonly [readonly Term[], readonly Term[]] {
  const sizes = sizesOf(terms)
  const whole = 2 ** terms.length - 1
  const members = (set: number): readonly Term[] => terms.filter((_, i) => (set & (1 << i)) !== 0)
  /** The axes of the product of a set of terms. */
  const axesOf = (set: number): ReadonlySet<string> => {
    const needed = new Set([...wanted, ...members(whole & ~set).flatMap(({ labels }) => labels)])
    return new Set(members(set).flatMap(({ labels }) => labels.filter((label) => needed.has(label))))
  }
  const known = new Map<number, { readonly cost: number; readonly left: number }>()
  const best = (set: number): { readonly cost: number; readonly left: number } => {
    const found = known.get(set)
    if (found !== undefined) return found
    let result = { cost: (set & (set - 1)) === 0 ? 0 : Infinity, left: set }
    const lowest = set & -set
    for (let left = (set - 1) & set; left > 0; left = (left - 1) & set) {
      // Each way to part the set is looked at once: with its first term on the left.
      if ((left & lowest) === 0) continue
      const right = set & ~left
      const cost =
        best(left).cost + best(right).cost + costOf(new Set([...axesOf(left), ...axesOf(right)]), sizes)
      // Of equal orders the one from left to right.
      if (cost < result.cost || (cost === result.cost && left > result.left)) result = { cost, left }
    }
    known.set(set, result)
    return result
  }
  const { left } = best(whole)
  return [members(left), members(whole & ~left)]
}

/** The terms, the two whose product is cheapest first. */
function cheapestFirst(terms: readonly Term[]): readonly Term[] {
  const sizes = sizesOf(terms)
  let least = Infinity
  let chosen: readonly Term[] = terms.slice(0, 2)
  terms.forEach((x, i) =>
    terms.slice(i + 1).forEach((y) => {
      const cost = costOf(new Set([...x.labels, ...y.labels]), sizes)
      if (cost >= least) return
      least = cost
      chosen = [x, y]
    }),
  )
  return [...chosen, ...terms.filter((term) => !chosen.includes(term))]
}

/** The product of two terms, summed over the axes that are not wanted. */
function pair(a: Term, b: Term, wanted: ReadonlySet<string>): Term {
  const x = summed(withoutRepeated(a, b), new Set([...wanted, ...b.labels]))
  const y = summed(withoutRepeated(b, a), new Set([...wanted, ...a.labels]))
  const shared = x.labels.filter((label) => y.labels.includes(label))
  const batch = shared.filter((label) => wanted.has(label))
  const contract = shared.filter((label) => !wanted.has(label))
  const freeX = x.labels.filter((label) => !shared.includes(label))
  const freeY = y.labels.filter((label) => !shared.includes(label))
  const labels = [...batch, ...freeX, ...freeY]
  const axes = (term: Term, of: readonly string[]): number[] => of.map((label) => term.labels.indexOf(label))
  if (contract.length === 0) {
    const spread = (term: Term, free: readonly string[]): Tensor =>
      reshape(
        transpose(term.tensor, axes(term, [...batch, ...free])),
        labels.map((label) => (term.labels.includes(label) ? sizeOf(term, label) : 1)),
      )
    return { tensor: mul(spread(x, freeX), spread(y, freeY)), labels }
  }
  const attrs = {
    contractA: axes(x, contract),
    contractB: axes(y, contract),
    batchA: axes(x, batch),
    batchB: axes(y, batch),
  }
  return { tensor: dot(x.tensor, y.tensor, attrs), labels }
}

/** The term without axes of size 1 that the other repeats. */
function withoutRepeated(term: Term, other: Term): Term {
  const { tensor, labels } = term
  const isRepeated = (label: string): boolean =>
    other.labels.includes(label) && sizeOf(term, label) === 1 && sizeOf(other, label) !== 1
  if (!labels.some(isRepeated)) return term
  const kept = labels.filter((label) => !isRepeated(label))
  return {
    tensor: reshape(
      tensor,
      kept.map((label) => sizeOf(term, label)),
    ),
    labels: kept,
  }
}
