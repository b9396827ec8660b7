/**
 * Which modules the plugin looks at: patterns of paths, and the path that messages show.
 *
 * A pattern is a regular expression, tried on the path with `/` between folders, or a glob relative to the folder the
 * build runs in: `src/models/**`, `**\/*.{js,ts}`.
 */
import { isAbsolute, relative, resolve } from 'node:path'

/** A regular expression, or a glob relative to the folder the build runs in. */
export type Pattern = string | RegExp

/** Tells whether a path matches one of the patterns. */
export function matcher(
  patterns: Pattern | readonly Pattern[] | undefined,
  root: string,
): (path: string) => boolean {
  const list = patterns === undefined ? [] : Array.isArray(patterns) ? (patterns as Pattern[]) : [patterns]
  const expressions = (list as readonly Pattern[]).map((pattern) =>
    typeof pattern === 'string' ? expressionOf(pattern, root) : pattern,
  )
  return (path) => {
    const normal = withSlashes(path)
    // A global expression would go on where it stopped.
    return expressions.some((expression) => normal.search(expression) >= 0)
  }
}

function expressionOf(glob: string, root: string): RegExp {
  const full = isAbsolute(glob) || glob.startsWith('**') ? glob : `${withSlashes(resolve(root))}/${glob}`
  let text = ''
  let depth = 0
  const token = /\*\*\/?|[*?{},]|[^*?{},]+/g
  for (const [part] of withSlashes(full).matchAll(token)) {
    if (part === '**/') text += '(?:.*/)?'
    else if (part === '**') text += '.*'
    else if (part === '*') text += '[^/]*'
    else if (part === '?') text += '[^/]'
    else if (part === '{') {
      depth++
      text += '(?:'
    } else if (part === '}' && depth > 0) {
      depth--
      text += ')'
    } else if (part === ',' && depth > 0) text += '|'
    else text += part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  }
  return new RegExp(`^${text}$`)
}

/** The path as messages show it: relative to the root where it lies below it. */
export function shownPath(path: string, root: string): string {
  const inside = withSlashes(relative(root, path))
  return inside.startsWith('../') ? withSlashes(path) : inside
}

function withSlashes(path: string): string {
  return path.replaceAll('\\', '/')
}
