// The entry for Node: prints the outcome.
import { outcome } from './outcome.ts'

console.log(JSON.stringify(await outcome()))
