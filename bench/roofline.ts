/**
 * `npm run roofline`: where each workload stands under the machine's roofline, from the profiler's measurements.
 *
 * A workload is a point: how many operations it does per byte that has to move, and how many it does per second. Above it
 * is what the machine allows at most: the rate of its multiply-adds, or, further left, what the caches or the memory can
 * supply operands for. Copies in and out and everything else outside the kernels do not count here.
 *
 * Options: `--only NAME` as for the benchmark, `--out FILE` (bench/roofline.svg).
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import type { Profile } from '../src/profile/profile.ts'
import type { Runner } from './peers/runner.ts'
import { Drawing, LogScale } from './svg.ts'
import { workloads } from './workloads/list.ts'

/** A workload under the roofline. */
export interface Point {
  readonly name: string
  /** Operations per byte. */
  readonly intensity: number
  readonly gflops: number
}

export interface Roof {
  readonly gflops: number
  readonly cacheGBs: number
  readonly memoryGBs: number
}

const [width, height, left, top, right, bottom] = [860, 560, 64, 24, 210, 48]

/** The drawing as an SVG file. */
export function roofline(points: readonly Point[], roof: Roof): string {
  const drawing = new Drawing(width, height)
  const knees = [roof.gflops / roof.cacheGBs, roof.gflops / roof.memoryGBs]
  const x = new LogScale([...points.map(({ intensity }) => intensity), ...knees], left, width - right)
  const y = new LogScale([...points.map(({ gflops }) => gflops), roof.gflops], height - bottom, top)
  for (const tick of x.ticks) {
    drawing.line(x.place(tick), top, x.place(tick), height - bottom, 'grid')
    drawing.text(x.place(tick), height - bottom + 18, String(tick), 'middle', 'small')
  }
  for (const tick of y.ticks) {
    drawing.line(left, y.place(tick), width - right, y.place(tick), 'grid')
    drawing.text(left - 8, y.place(tick) + 4, String(tick), 'end', 'small')
  }
  drawing.line(left, height - bottom, width - right, height - bottom, 'axis')
  drawing.line(left, top, left, height - bottom, 'axis')
  drawing.text((left + width - right) / 2, height - 8, 'operations per byte', 'middle')
  drawing.text(8, 14, 'GFLOP/s')

  const slope = (rate: number, label: string): void => {
    const from = Math.max(x.from, y.from / rate)
    const knee = roof.gflops / rate
    drawing.line(x.place(from), y.place(from * rate), x.place(knee), y.place(roof.gflops), 'roof')
    const middle = Math.sqrt(from * knee)
    drawing.text(x.place(middle) + 8, y.place(middle * rate) + 14, label, 'start', 'small')
  }
  slope(roof.memoryGBs, `memory, ${roof.memoryGBs.toFixed(0)} GB/s`)
  slope(roof.cacheGBs, `second-level cache, ${roof.cacheGBs.toFixed(0)} GB/s`)
  drawing.line(x.place(Math.min(...knees)), y.place(roof.gflops), width - right, y.place(roof.gflops), 'roof')
  drawing.text(width - right, y.place(roof.gflops) - 6, `${roof.gflops.toFixed(0)} GFLOP/s`, 'end', 'small')

  points.forEach(({ name, intensity, gflops }, i) => {
    const about = `${name}: ${gflops.toFixed(2)} GFLOP/s at ${intensity.toFixed(2)} per byte`
    drawing.dot(x.place(intensity), y.place(gflops), 4, 'own', about)
    drawing.text(x.place(intensity) + 6, y.place(gflops) + 4, String(i + 1), 'start', 'small')
    drawing.text(
      width - right + 16,
      top + 16 * i + 8,
      `${i + 1}  ${name}, ${gflops.toPrecision(3)}`,
      'start',
      'small',
    )
  })
  return drawing.toSvg('Roofline', true)
}

/** A workload's point; undefined when the data decides how much it does, or it does none. */
export function pointOf(name: string, { total, rows }: Profile): Point | undefined {
  const known = rows.filter(({ flops }) => flops !== undefined)
  const ms = known.reduce((sum, { totalMs }) => sum + totalMs, 0)
  const isMost = ms > 0.9 * total.stepMs
  if (!isMost || total.flops === 0 || total.bytes === 0) return undefined
  return { name, intensity: total.flops / total.bytes, gflops: total.flops / ms / 1e6 }
}

/** Few enough runs of a slow step, many of a fast one. */
function runsWithin(milliseconds: number, runner: Runner): number {
  const start = performance.now()
  void runner.step()
  return Math.max(2, Math.min(2000, Math.round(milliseconds / Math.max(0.001, performance.now() - start))))
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      out: { type: 'string', default: fileURLToPath(new URL('roofline.svg', import.meta.url)) },
    },
  })
  const tf = await import('../src/index.ts')
  const { prepare } = await import('./peers/tracemill.ts')
  const points: Point[] = []
  let roof: Roof | undefined
  for (const { name, kind, contestants } of workloads) {
    const isWanted = values.only.length === 0 || values.only.some((only) => name.startsWith(only))
    const isOurs = contestants.some(({ peer, variant }) => peer === 'tracemill' && variant === 'traced')
    if (kind !== 'steps' || !isWanted || !isOurs || name === 'conversion') continue
    const runner = await prepare(name, 'traced')
    void runner.step()
    const runs = runsWithin(200, runner)
    const profile = tf.profile(() => void runner.step(), { warmup: runs, runs, print: false })
    roof = profile.peaks
    const point = pointOf(name, profile)
    if (point === undefined) console.log(`${name}: the data decides how much it does`)
    else {
      points.push(point)
      console.log(
        `${name}: ${point.gflops.toPrecision(3)} GFLOP/s at ${point.intensity.toPrecision(3)} operations per byte`,
      )
    }
  }
  if (roof === undefined || points.length === 0)
    throw new Error(`no workload is called ${values.only.join(', ')}, or none has a point`)
  writeFileSync(values.out, roofline(points, roof))
  console.log(`written to ${values.out}`)
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) await run()
