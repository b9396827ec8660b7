/** A profile as text: a table with a line per row, and the machine's peaks above it to compare with. */
import type { Peaks } from '../../codegen/run/peaks.ts'
import type { ProfileRow } from './rows.ts'
import type { ProfileTotal } from './profile.ts'

/** Longest name that is printed whole. */
const mostCharacters = 48

/** A time with three digits, in the unit that suits it. */
function timeText(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toPrecision(3)} s`
  if (milliseconds >= 1) return `${milliseconds.toPrecision(3)} ms`
  const microseconds = milliseconds * 1000
  if (microseconds >= 1) return `${microseconds.toPrecision(3)} µs`
  return `${Math.round(microseconds * 1000)} ns`
}

function rateText(rate: number | undefined): string {
  if (rate === undefined) return '–'
  return rate >= 10 ? rate.toFixed(1) : rate.toFixed(2)
}

function shortened(text: string): string {
  return text.length <= mostCharacters ? text : `${text.slice(0, mostCharacters - 1)}…`
}

function sourceText([first, ...others]: readonly string[]): string {
  if (first === undefined) return ''
  return others.length === 0 ? first : `${first} +${others.length}`
}

/** The text of a profile. */
export function tableText(rows: readonly ProfileRow[], total: ProfileTotal, peaks: Peaks): string {
  const header = ['share', 'total', 'calls', 'mean', 'GFLOP/s', 'GB/s', 'kind', 'function', 'ops', 'source']
  const lines = rows.map((row) => [
    `${(100 * row.share).toFixed(1)}%`,
    timeText(row.totalMs),
    String(row.calls),
    timeText(row.meanMs),
    rateText(row.gflops === 0 ? undefined : row.gflops),
    rateText(row.gbytes),
    row.kind,
    row.function,
    shortened(row.name),
    sourceText(row.sources),
  ])
  const table = [header, ...lines]
  const widths = header.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)))
  const text = table.map((line) =>
    line
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return column < 6 ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd(),
  )
  const { runs, ms, stepMs, outsideMs } = total
  return [
    `${runs === 1 ? '1 run' : `${runs} runs`} in ${timeText(ms)}: ${timeText(stepMs)} in ${rows.length === 1 ? '1 row' : `${rows.length} rows`}, ${timeText(outsideMs)} outside (JavaScript, copies in and out)`,
    `one thread of this machine at its best: ${rateText(peaks.gflops)} GFLOP/s; ${rateText(peaks.cacheGBs)} GB/s in the second-level cache, ${rateText(peaks.memoryGBs)} GB/s in memory`,
    '',
    ...text,
  ].join('\n')
}
