/**
 * Modules: objects that own Variables, found by walking their fields.
 *
 * The walk goes through a module's own enumerable fields in the sorted order of their names, into arrays, plain objects,
 * Maps and other modules. The order is part of the interface: optimizers and saved weights rely on it, and the way to a
 * Variable (`layers/0/kernel`) is its name in files. Private (`#`) fields are not seen.
 */
import { Variable } from '../../tracer/variable.ts'
import { isPlainObject } from '../../tracer/trace/tree.ts'

/** What the walk visits in a module: the name of each thing, and the thing. */
type Contents = readonly (readonly [name: string, value: unknown])[]

/**
 * Base class of whatever keeps Variables in its fields.
 *
 * @example
 * class Line extends tf.layers.Module {
 *   w = tf.variable(2)
 *   b = tf.variable(1)
 *   apply(x: tf.Tensor) { return x.mul(this.w).add(this.b) }
 * }
 * new Line().trainableVariables.length // 2
 */
export class Module {
  #trainable = true

  /**
   * False takes the variables of this module, and of those inside it, out of `trainableVariables`. Assigning sets it for
   * all modules inside as well.
   */
  get trainable(): boolean {
    return this.#trainable
  }
  set trainable(value: boolean) {
    for (const module of modulesOf(this)) module.#trainable = value
  }

  /** All variables, each once. */
  get variables(): Variable[] {
    return [...found(this, false).keys()]
  }
  /** The variables that an optimizer may change. */
  get trainableVariables(): Variable[] {
    return [...found(this, true).keys()]
  }
  /** The others. */
  get nonTrainableVariables(): Variable[] {
    const trainable = new Set(this.trainableVariables)
    return this.variables.filter((variable) => !trainable.has(variable))
  }

  /** All variables, each once, by the way to them through the fields: `layers/0/kernel`. In the order of `variables`. */
  get namedVariables(): ReadonlyMap<string, Variable> {
    return new Map([...found(this, false)].map(([variable, path]) => [path, variable]))
  }

  /** What the walk visits before the fields, by name, in this order. */
  protected ownVariables(): ReadonlyMap<string, Variable> {
    return new Map()
  }

  /** For the library's own use: what the walk visits, in order. */
  contents(): Contents {
    return [...this.ownVariables(), ...fieldsOf(this)]
  }
}

function fieldsOf(object: object): Contents {
  const entries = new Map<string, unknown>(Object.entries(object))
  return [...entries.keys()].sort().map((key) => [key, entries.get(key)])
}

/** The things inside a thing that the walk goes into. */
function inside(value: object): Contents {
  if (value instanceof Module) return value.contents()
  if (Array.isArray(value)) return value.map((entry: unknown, i) => [String(i), entry])
  if (value instanceof Map) return [...value].map(([key, entry]: [unknown, unknown]) => [String(key), entry])
  return isPlainObject(value) ? fieldsOf(value) : []
}

/** Calls `enter` for each variable and each module, and goes into those for which it gives true. */
function walk(root: Module, enter: (value: Variable | Module, path: string) => boolean): void {
  const visited = new Set<object>()
  const visit = (value: unknown, path: string): void => {
    if (value === null || typeof value !== 'object' || visited.has(value)) return
    visited.add(value)
    if (value instanceof Variable) {
      enter(value, path)
      return
    }
    if (value instanceof Module && !enter(value, path)) return
    for (const [name, entry] of inside(value)) visit(entry, path === '' ? name : `${path}/${name}`)
  }
  visit(root, '')
}

function found(root: Module, onlyTrainable: boolean): Map<Variable, string> {
  const variables = new Map<Variable, string>()
  walk(root, (value, path) => {
    if (value instanceof Module) return !onlyTrainable || value.trainable
    if (!onlyTrainable || value.trainable) variables.set(value, path)
    return false
  })
  return variables
}

/** The module and all modules inside it, each once, in the order of the walk. */
export function modulesOf(root: Module): Module[] {
  const modules: Module[] = []
  walk(root, (value) => {
    if (value instanceof Module) modules.push(value)
    return true
  })
  return modules
}
