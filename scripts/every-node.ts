// Runs the corpus of control flow in every way of binding scope on several versions of Node:
//
//     npx tsx scripts/every-node.ts [node …]
//
// Each argument is the path of a binary; without any, the running one is used. Exits non-zero when a function disagrees
// with its plain JavaScript.
import { execFileSync } from 'node:child_process'
import { runCorpus, ways } from '../test/autograph/ways.ts'
import { createProject, removeProject } from '../test/package/project.ts'
import { partsForSources, splitBinaryen } from './split-binaryen.ts'

const binaries = process.argv.length > 2 ? process.argv.slice(2) : [process.execPath]
await splitBinaryen(partsForSources)
const project = createProject()
try {
  for (const node of binaries) {
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
    for (const way of ways) {
      const printed = runCorpus(project, way, node).trim()
      console.log(`${version} ${way}: ${printed}`)
      const [, agree, all] = /(\d+) of (\d+) agree$/.exec(printed) ?? []
      if (agree === undefined || agree !== all) process.exitCode = 1
    }
  }
} finally {
  removeProject(project)
}
