// Tables for people.
import type { Row } from './harness.ts'
import type { Workload } from './workloads/list.ts'

function time(milliseconds: number): string {
  if (Number.isNaN(milliseconds)) return '–'
  if (milliseconds >= 1) return `${milliseconds.toPrecision(3)} ms`
  const microseconds = milliseconds * 1000
  return microseconds >= 1
    ? `${microseconds.toPrecision(3)} µs`
    : `${(microseconds * 1000).toPrecision(3)} ns`
}

/** One workload's rows, the first being what the others are compared to. */
export function table(workload: Workload, rows: readonly Row[]): string {
  const ours = rows[0]?.medianMs ?? Number.NaN
  const header = ['', 'median', 'ratio', 'best', 'first', 'second', 'loss at 20']
  const cells = rows.map((row) => [
    `${row.peer} (${row.variant})`,
    time(row.medianMs),
    Number.isNaN(row.medianMs / ours) ? '–' : `${(row.medianMs / ours).toPrecision(3)}×`,
    time(row.bestMs),
    time(row.firstMs),
    time(row.secondMs),
    row.loss?.toFixed(6) ?? '',
  ])
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
