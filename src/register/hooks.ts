/** The loader's hook for Node before 22.15, which runs in a thread of its own. */
import { isBinaryen, type Loaded, plainBinaryen, rewriteLoaded } from './rewrite.ts'

export async function load<Context>(
  url: string,
  context: Context,
  nextLoad: (url: string, context: Context) => Promise<Loaded>,
): Promise<Loaded> {
  if (isBinaryen(url)) return plainBinaryen(url)
  return rewriteLoaded(url, await nextLoad(url, context))
}
