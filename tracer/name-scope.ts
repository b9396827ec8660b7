/** Names in front of the names of Variables, by the scope they are made in. */
import { ValueError } from '../codegen/errors.ts'

let prefix = ''

/** Runs `body` with Variables called `name/…`; `''` leaves all scopes around it. */
export function inNameScope<Result>(name: string, body: () => Result): Result {
  if (typeof name !== 'string' || !/^(?:[A-Za-z0-9.][\w.\\/>-]*)?$/.test(name))
    throw new ValueError({
      op: 'nameScope',
      problem: `${JSON.stringify(name) ?? String(name)} is not a name for a scope`,
      fix: 'begin with a letter or a digit; then letters, digits and _ . - / > may follow.',
    })
  const before = prefix
  prefix = name === '' ? '' : `${before}${name.replace(/\/$/, '')}/`
  try {
    return body()
  } finally {
    prefix = before
  }
}

/** The name of a Variable that is called `name` where it is made. */
export function scopedName(name: string): string {
  return prefix + name
}
