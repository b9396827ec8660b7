/**
 * `npm run bench`: measures the library beside others. README.md says how, and what the options are.
 *
 * The same file is the entry of three kinds of process: the one that a person starts, which compiles everything to
 * plain JavaScript first; and those it starts from there, one per contestant.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import type { Measured } from './html.ts'

const [first, ...rest] = process.argv.slice(2)
if (first === '--contestant') {
  const { contest } = await import('./contestant.ts')
  await contest(rest[0] ?? '', rest[1] ?? '', rest[2] ?? '', Number(rest[3] ?? 1))
} else if (first === '--first-step') {
  const { firstStep } = await import('./contestant.ts')
  await firstStep(rest[0] ?? '', rest[1] ?? '')
} else await run()

async function run(): Promise<void> {
  const { measure } = await import('./harness.ts')
  const { page } = await import('./html.ts')
  const { table } = await import('./report.ts')
  const { workloads } = await import('./workloads/list.ts')
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      html: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      long: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      peer: { type: 'string', multiple: true, default: [] },
    },
  })
  const named = (only: string): readonly string[] => {
    const names = workloads.map(({ name }) => name)
    return names.includes(only) ? [only] : names.filter((name) => name.startsWith(only))
  }
  const wanted = values.only.flatMap(named)
  const chosen = workloads.filter(({ name }) => values.only.length === 0 || wanted.includes(name))
  if (chosen.length === 0)
    throw new Error(
      `no workload is called ${values.only.join(', ')}; there are ${workloads.map(({ name }) => name).join(', ')}`,
    )
  const script = await compile()
  const effort = {
    warmMs: values.quick ? 300 : 800,
    batches: values.quick ? 7 : 15,
    batchMs: values.quick ? 30 : 60,
    starts: values.quick ? 3 : 9,
    memorySteps: values.long ? 100_000 : 10_000,
  }
  const about = `Node ${process.version}, ${process.arch}, one thread unless said otherwise, no flags; medians`
  if (!values.json) console.log(`${about}\n`)
  const measured: Measured[] = []
  for (const workload of chosen) {
    const contestants = workload.contestants.filter(
      ({ peer }) => values.peer.length === 0 || values.peer.includes(peer),
    )
    const rows = await measure(script, workload, contestants, effort)
    if (values.json) for (const row of rows) console.log(JSON.stringify(row))
    else console.log(table(workload, rows))
    if (workload.kind !== 'memory') measured.push({ workload, rows })
    if (rows.some(({ error }) => error !== undefined)) process.exitCode = 1
  }
  if (!values.html) return
  const file = fileURLToPath(new URL('report.html', import.meta.url))
  const when = new Date().toISOString().slice(0, 10)
  writeFileSync(file, page(measured, `${about}. ${cpus()[0]?.model ?? ''}, ${when}.`))
  if (!values.json) console.log(`written to ${file}`)
}

/**
 * Compiles the library and this folder to bench/dist, and bundles there what starts are measured with; returns the
 * compiled form of this file.
 */
async function compile(): Promise<string> {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url))
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', folder, '--noCheck'], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`the benchmark does not compile:\n${stdout}`)
  const { bundle } = await import('../scripts/bundle-node.ts')
  const { splitBinaryen } = await import('../scripts/split-binaryen.ts')
  const entries = { 'tracemill-start': 'bench/peers/tracemill-start.js', worker: 'codegen/cache/worker.js' }
  await bundle(`${folder}dist`, entries)
  await splitBinaryen(`${folder}dist/node/split-binaryen`)
  return `${folder}dist/bench/main.js`
}
