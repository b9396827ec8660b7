/**
 * The page of `npm run bench -- --html`: for each workload its table as a chart and in numbers. It needs no other file and
 * no script.
 */
import type { Row } from './harness.ts'
import { headerOf, timeText, valuesOf } from './report.ts'
import { Drawing, drawingStyle, escaped, LogScale } from './svg.ts'
import type { Workload } from './workloads/list.ts'

export interface Measured {
  readonly workload: Workload
  readonly rows: readonly Row[]
}

const [width, left, right, rowHeight] = [720, 190, 90, 26]

/** A dot per library where its median is, with a line from its best batch; further left is faster. */
export function chart({ workload, rows }: Measured): string {
  const shown = rows.filter(({ medianMs }) => medianMs > 0)
  if (shown.length === 0) return ''
  const height = rowHeight * shown.length + 34
  const drawing = new Drawing(width, height)
  const scale = new LogScale(
    shown.flatMap(({ medianMs, bestMs }) => [medianMs, bestMs]),
    left,
    width - right,
  )
  for (const tick of scale.ticks) {
    const x = scale.place(tick)
    drawing.line(x, 4, x, height - 24, 'grid')
    drawing.text(x, height - 8, timeText(tick), 'middle', 'small')
  }
  shown.forEach((row, i) => {
    const y = rowHeight * i + 18
    const kind = row.peer === 'tracemill' ? 'own' : 'other'
    const name = nameOf(row)
    const [best, median] = [scale.place(row.bestMs), scale.place(row.medianMs)]
    drawing.text(left - 12, y + 4, name, 'end', kind === 'own' ? 'strong' : '')
    drawing.line(best, y, median, y, kind)
    drawing.dot(median, y, 5, kind, `${name}: ${timeText(row.medianMs)}, best ${timeText(row.bestMs)}`)
    drawing.text(median + 10, y + 4, timeText(row.medianMs), 'start', 'small')
  })
  return drawing.toSvg(workload.title, false)
}

function nameOf({ peer, variant, threads }: Row): string {
  return `${peer} (${variant}${threads > 1 ? `, ${threads} threads` : ''})`
}

function tableOf({ workload, rows }: Measured): string {
  const cells = (entries: readonly string[], tag: string): string =>
    `<tr>${entries.map((entry) => `<${tag}>${escaped(entry)}</${tag}>`).join('')}</tr>`
  return `<table>${cells(headerOf(workload), 'th')}${rows.map((row) => cells(valuesOf(workload, row, rows[0]), 'td')).join('')}</table>`
}

/** The page. */
export function page(measured: readonly Measured[], about: string): string {
  const sections = measured.map((each) => {
    const problems = each.rows.flatMap(({ error, ...row }) =>
      error === undefined
        ? []
        : [`<p class="problem">${escaped(`${nameOf(row)}: ${error.split('\n')[0]}`)}</p>`],
    )
    return `<section><h2>${escaped(each.workload.title)}</h2>${chart(each)}${tableOf(each)}${problems.join('')}</section>`
  })
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>tracemill: benchmarks</title>
<style>
  :root { color-scheme: light dark }
  body { font: 15px/1.45 system-ui, sans-serif; max-width: 760px; margin: 2rem auto; padding: 0 1rem }
  h2 { font-size: 1.05rem; margin-top: 2.2rem }
  svg { max-width: 100%; height: auto }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin-top: .4rem }
  th, td { padding: .1rem .7rem .1rem 0; text-align: right; font-size: 13px }
  th:first-child, td:first-child { text-align: left }
  .problem { color: #c0392b }${drawingStyle}
</style>
<h1>Benchmarks</h1>
<p>${escaped(about)}</p>
${sections.join('\n')}
</html>
`
}
