// TensorFlow.js's gradients. Its core for Node leaves them out, and the files that register them name each other
// without the `.js` that Node wants; a hook adds it.
import { register } from 'node:module'

const hook = `export async function resolve(specifier, context, next) {
  const relative = specifier.startsWith('.') && context.parentURL?.includes('/@tensorflow/')
  return next(relative && !specifier.endsWith('.js') ? specifier + '.js' : specifier, context)
}`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
await import('@tensorflow/tfjs-core/dist/register_all_gradients.js')
