/** Before the tests, once: binaryen's parts, so that each of the many processes loads it quickly. */
import { partsForSources, splitBinaryen } from '../../scripts/split-binaryen.ts'

export async function setup(): Promise<void> {
  await splitBinaryen(partsForSources)
}
