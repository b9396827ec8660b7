/** The table of a model that `summary` prints: layers, output shapes, numbers of parameters, as Keras lays it out. */
import { byteSize } from '../../codegen/dtype.ts'
import type { Variable } from '../../tracer/variable.ts'
import type { InputShape, Layer } from './layer.ts'

const grouped = (count: number): string => count.toLocaleString('en-US')

const bytesOf = (weights: readonly Variable[]): number =>
  weights.reduce((total, weight) => total + weight.size * byteSize(weight.dtype), 0)

const countOf = (weights: readonly Variable[]): number =>
  weights.reduce((total, weight) => total + weight.size, 0)

/** Bytes in units of 1024: `1.17 KB`. */
function readable(bytes: number): string {
  let [amount, unit] = [bytes, 'B']
  for (const larger of ['KB', 'MB', 'GB', 'TB']) {
    if (amount < 1024) break
    ;[amount, unit] = [amount / 1024, larger]
  }
  return `${amount.toFixed(2)} ${unit}`
}

function shapeText(layer: Layer<unknown>): string {
  if (!layer.built || layer.inputShape === undefined) return '?'
  let shape: InputShape
  try {
    shape = layer.outputShape(layer.inputShape)
  } catch {
    // A layer of several inputs or outputs has no one shape; the table still lists it.
    return '?'
  }
  return `(${shape.map((size) => size ?? 'null').join(', ')})`
}

function line(cells: readonly string[], widths: readonly number[], ends: string): string {
  const [left = '', between = '', right = ''] = ends
  return `${left}${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(between)}${right}`
}

/** The table as text. */
export function summaryOf(layer: Layer<unknown>): string {
  const listed = layer.listedLayers.length === 0 ? [layer] : layer.listedLayers
  const header = ['Layer (type)', 'Output Shape', 'Param #']
  const rows = listed.map((each) => [
    `${each.name} (${each.constructor.name})`,
    shapeText(each),
    each.built ? grouped(each.countParams()) : '? (unbuilt)',
  ])
  const least = [31, 22, 13]
  const widths = least.map((width, i) =>
    Math.max(width, ...[header, ...rows].map((row) => row[i]?.length ?? 0)),
  )
  const full = widths.map((width) => width + 2)
  const cells = (row: readonly string[]): string[] =>
    row.map(
      (cell, i) => ` ${i === row.length - 1 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)} `,
    )
  const rule = (dash: string, ends: string): string =>
    line(
      full.map((width) => dash.repeat(width)),
      full,
      ends,
    )
  const body = rows.map((row) => line(cells(row), full, '│││')).join(`\n${rule('─', '├┼┤')}\n`)
  const [all, trainable] = [layer.weights, layer.trainableVariables]
  const others = layer.nonTrainableVariables
  const totals = [
    ['Total', all],
    ['Trainable', trainable],
    ['Non-trainable', others],
  ] as const
  return [
    `Model: "${layer.name}"`,
    rule('━', '┏┳┓'),
    line(cells(header), full, '┃┃┃'),
    rule('━', '┡╇┩'),
    body,
    rule('─', '└┴┘'),
    ...totals.map(
      ([name, weights]) => ` ${name} params: ${grouped(countOf(weights))} (${readable(bytesOf(weights))})`,
    ),
  ].join('\n')
}
