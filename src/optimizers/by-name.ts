/** Optimizers by name, with their defaults. */
import { ValueError } from '../../codegen/errors.ts'
import { adadelta, adagrad, lion, rmsprop } from './adaptive.ts'
import { adam, adamax, adamw, nadam } from './adam.ts'
import { adafactor, ftrl, lamb } from './factored.ts'
import { Optimizer } from './optimizer.ts'
import { sgd } from './sgd.ts'

/** The optimizers that have a name. */
export type OptimizerName =
  | 'adadelta'
  | 'adafactor'
  | 'adagrad'
  | 'adam'
  | 'adamax'
  | 'adamw'
  | 'ftrl'
  | 'lamb'
  | 'lion'
  | 'nadam'
  | 'rmsprop'
  | 'sgd'

const byName: Readonly<Record<OptimizerName, () => Optimizer>> = {
  adadelta: () => adadelta(),
  adafactor: () => adafactor(),
  adagrad: () => adagrad(),
  adam: () => adam(),
  adamax: () => adamax(),
  adamw: () => adamw(),
  ftrl: () => ftrl(),
  lamb: () => lamb(),
  lion: () => lion(),
  nadam: () => nadam(),
  rmsprop: () => rmsprop(),
  sgd: () => sgd(),
}

/**
 * The optimizer meant: a new one with the defaults for a name, the same one for an optimizer. Throws ValueError for an
 * unknown name.
 */
export function get(like: OptimizerName | Optimizer): Optimizer {
  if (like instanceof Optimizer) return like
  if (Object.hasOwn(byName, like)) return byName[like]()
  throw new ValueError({
    op: 'optimizers.get',
    problem: `"${String(like)}" names no optimizer`,
    fix: `use one of ${Object.keys(byName).join(', ')}, or an optimizer.`,
  })
}
