// All programs in a process of their own, with no set-up at all: `node --import tsx main.ts`, by the inspector and by thunks.
import { isClose } from './program.ts'
import { programs } from './programs.ts'

let agree = 0
for (const [name, run] of programs)
  for (const way of ['inspector', 'scope'])
    try {
      const { actual, expected } = run((scope) => ({
        onRetrace: 'off',
        ...(way === 'scope' ? { scope } : {}),
      }))
      if (isClose(actual, expected)) agree++
      else console.log(`${name}, ${way}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`)
    } catch (error) {
      console.log(
        `${name}, ${way}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      )
    }
console.log(`${agree} of ${2 * programs.length} agree`)
