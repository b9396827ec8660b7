/**
 * Sums that a loop carries take in what is added to them where it lies.
 *
 * An iteration that uses one element of a tensor has a gradient for that of zeros and one part: adding all of it to a sum
 * takes as long as the tensor is large, adding the part does not. The sum must have begun with zeros: then it never is
 * −0, and leaving out `+ 0` changes no bit. Several parts are added one after the other instead of to one another first.
 */
import { InternalError } from '../../codegen/errors.ts'
import type { Attrs, Graph, Node, Value } from '../ir/graph.ts'
import { makeNode, mapRegions, Rewriter } from '../ir/rewrite.ts'

/** The graph with the sums of its loops, inner ones too, changed part by part. */
export function sumInPlace(graph: Graph): Graph {
  const rewriter = new Rewriter(graph)
  for (const old of graph.nodes) {
    const node = rewriter.updated(mapRegions(old, sumInPlace))
    if (node.op !== 'while') {
      rewriter.push(node)
      continue
    }
    const begins = node.operands.map((operand) => isZero(operand, (value) => rewriter.producer(value)))
    const regions = node.regions.map((region, i) => (i === 1 ? summed(region, begins) : region))
    rewriter.push({ ...node, regions })
  }
  return rewriter.finish()
}

/** The body of a loop whose carried values begin with zeros where `begins` says so. */
function summed(body: Graph, begins: readonly boolean[]): Graph {
  const definitions = new Map(body.nodes.flatMap((node) => node.results.map((result) => [result, node])))
  const producer = (value: Value): Node | undefined => definitions.get(value)
  const added: Node[] = []
  const results = body.results.map((result, i) => {
    const node = producer(result)
    const sum = body.params[i]
    if (begins[i] !== true || node?.op !== 'add' || sum === undefined) return result
    const [x, y] = node.operands
    const part = x === sum ? y : y === sum ? x : undefined
    if (part === undefined || part === sum || !isSparse(part, producer)) return result
    return addParts(sum, part, producer, (op, operands, attrs) => {
      const made = makeNode(op, operands, attrs, { source: node.source })
      added.push(made)
      return made.results[0] as Value
    })
  })
  return added.length === 0 ? body : { ...body, nodes: [...body.nodes, ...added], results }
}

type Producer = (value: Value) => Node | undefined
type Make = (op: string, operands: readonly Value[], attrs: Attrs) => Value

function addParts(sum: Value, part: Value, producer: Producer, make: Make): Value {
  const node = producer(part)
  if (node === undefined || !isSparse(part, producer)) return make('add', [sum, part], {})
  const [base, first, ...others] = node.operands
  if (base === undefined || first === undefined) throw new InternalError(`${node.op} lacks operands`)
  if (node.op === 'add') return addParts(addParts(sum, base, producer, make), first, producer, make)
  if (node.op === 'scatter_add') return make('scatter_add', [sum, first, ...others], node.attrs)
  const inside: Attrs = node.attrs['inside'] === true ? { inside: true } : {}
  const before = make('dynamic_slice', [sum, ...others], { sizes: first.type.shape, ...inside })
  return make('dynamic_update', [sum, make('add', [before, first], {}), ...others], inside)
}

/** True for what a few changes make of zeros, and for sums with such a thing. */
function isSparse(value: Value, producer: Producer): boolean {
  const node = producer(value)
  const [base] = node?.operands ?? []
  if (node === undefined || base === undefined) return false
  if (node.op === 'add') return node.operands.some((operand) => isSparse(operand, producer))
  return (node.op === 'dynamic_update' || node.op === 'scatter_add') && isZero(base, producer)
}

function isZero(value: Value, producer: Producer): boolean {
  const node = producer(value)
  const [base] = node?.operands ?? []
  if (node?.op === 'broadcast' && base !== undefined) return isZero(base, producer)
  const values = node?.op === 'constant' ? [node.attrs['values']].flat() : []
  return values.length > 0 && values.every((entry) => Object.is(entry, 0))
}
