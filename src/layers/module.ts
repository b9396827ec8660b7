/**
 * Modules: objects that own Variables, found by walking their fields.
 *
 * The walk goes through a module's own enumerable fields in the sorted order of their names, into arrays, plain objects,
 * Maps and other modules. The order is part of the interface: optimizers and saved weights rely on it. Private (`#`)
 * fields are not seen.
 */
import { Variable } from '../../tracer/variable.ts'
import { isPlainObject } from '../../tracer/trace/tree.ts'

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
  /** False takes the variables of this module, and of those inside it, out of `trainableVariables`. */
  trainable = true

  /** All variables, each once. */
  get variables(): Variable[] {
    return collect(this, false)
  }
  /** The variables that an optimizer may change. */
  get trainableVariables(): Variable[] {
    return collect(this, true)
  }
  /** The others. */
  get nonTrainableVariables(): Variable[] {
    const trainable = new Set(this.trainableVariables)
    return this.variables.filter((variable) => !trainable.has(variable))
  }

  /** What the walk visits before the fields, in this order. */
  protected ownVariables(): readonly Variable[] {
    return []
  }

  /** For the library's own use: what the walk visits, in order. */
  contents(): readonly unknown[] {
    return [...this.ownVariables(), ...fieldsOf(this)]
  }
}

function fieldsOf(object: object): unknown[] {
  const entries = new Map<string, unknown>(Object.entries(object))
  return [...entries.keys()].sort().map((key) => entries.get(key))
}

function collect(root: Module, onlyTrainable: boolean): Variable[] {
  const found = new Set<Variable>()
  const visited = new Set<object>()
  const visit = (value: unknown): void => {
    if (value === null || typeof value !== 'object') return
    if (value instanceof Variable) {
      if (!onlyTrainable || value.trainable) found.add(value)
      return
    }
    if (visited.has(value)) return
    visited.add(value)
    if (value instanceof Module) {
      if (!onlyTrainable || value.trainable) value.contents().forEach(visit)
    } else if (Array.isArray(value)) value.forEach(visit)
    else if (value instanceof Map) value.forEach(visit)
    else if (isPlainObject(value)) fieldsOf(value).forEach(visit)
  }
  visit(root)
  return [...found]
}
