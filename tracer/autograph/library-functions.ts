/** The library's own functions and methods, which are never rewritten. */

const library = new WeakSet<object>()

/** True for functions of the library. */
export function isOfLibrary(fn: object): boolean {
  return library.has(fn)
}

/** Functions of the library, which need no rewriting. */
export function markLibrary(namespace: object): void {
  const seen = new Set<object>()
  const visit = (value: unknown): void => {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value))
      return
    seen.add(value)
    if (typeof value === 'function') {
      library.add(value)
      markMethods(value)
    }
    const isNamespace = Reflect.get(value, Symbol.toStringTag) === 'Module' || value === namespace
    if (isNamespace) for (const key of Object.keys(value)) visit(Reflect.get(value, key))
  }
  visit(namespace)
}

/** The methods of a class, its own ones too. */
function markMethods(of: object): void {
  const prototype: unknown = Reflect.get(of, 'prototype')
  for (const holder of [of, prototype]) {
    if (holder === null || (typeof holder !== 'object' && typeof holder !== 'function')) continue
    for (const descriptor of Object.values(Object.getOwnPropertyDescriptors(holder)) as PropertyDescriptor[])
      for (const key of ['value', 'get']) {
        const method: unknown = Reflect.get(descriptor, key)
        if (typeof method === 'function') library.add(method)
      }
  }
}
