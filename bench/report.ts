// Tables for people.
import type { Row } from './harness.ts'
import type { Workload } from './workloads/list.ts'

/** A time with three digits, in the unit that suits it. */
export function timeText(milliseconds: number): string {
  if (Number.isNaN(milliseconds)) return '–'
  if (milliseconds >= 1) return `${milliseconds.toPrecision(3)} ms`
  const microseconds = milliseconds * 1000
  return microseconds >= 1
    ? `${microseconds.toPrecision(3)} µs`
    : `${(microseconds * 1000).toPrecision(3)} ns`
}

/** The columns of a workload's table. */
export function headerOf({ flops }: Workload): readonly string[] {
  const rate = flops === undefined ? [] : ['GFLOP/s']
  return ['', 'median', 'ratio', ...rate, 'best', 'first', 'second', 'loss at 20']
}

/** A row's entries in these columns; ratios are to `ours`. */
export function valuesOf({ flops }: Workload, row: Row, ours: Row | undefined): readonly string[] {
  const ratio = row.medianMs / (ours?.medianMs ?? Number.NaN)
  const rate = flops === undefined ? [] : [rateText(flops / row.medianMs / 1e6)]
  return [
    `${row.peer} (${row.variant}${row.threads > 1 ? `, ${row.threads} threads` : ''})`,
    timeText(row.medianMs),
    Number.isNaN(ratio) ? '–' : `${ratio.toPrecision(3)}×`,
    ...rate,
    timeText(row.bestMs),
    timeText(row.firstMs),
    timeText(row.secondMs),
    row.loss?.toFixed(6) ?? '',
  ]
}

function rateText(rate: number): string {
  return Number.isNaN(rate) ? '–' : rate.toPrecision(3)
}

/** One workload's rows, the first being what the others are compared to. */
export function table(workload: Workload, rows: readonly Row[]): string {
  const header = headerOf(workload)
  const cells = rows.map((row) => valuesOf(workload, row, rows[0]))
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((line) => line[column]?.length ?? 0)),
  )
  const lines = [header, ...cells].map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  )
  const notes = rows.flatMap(({ peer, variant, growth, error }) => [
    ...(growth === undefined
      ? []
      : [
          `${peer} (${variant}), over ${growth.steps} steps: wasm memory +${growth.wasmReserved} bytes, in use +${growth.wasmInUse}, allocations ${growth.wasmAllocations}, array buffers ${growth.arrayBuffers}, resident set ${growth.residentSet}`,
        ]),
    ...(error === undefined ? [] : [`${peer} (${variant}): ${error.split('\n')[0]}`]),
  ])
  const body = workload.kind === 'memory' ? [] : lines
  return [`${workload.title}  [${workload.name}]`, ...body, ...notes, ''].join('\n')
}
