/** Initializers by name. */
import { ValueError } from '../../codegen/errors.ts'
import { type Initializer, ones, randomNormal, randomUniform, truncatedNormal, zeros } from './basic.ts'
import { identity, orthogonal } from './matrix.ts'
import {
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  lecunNormal,
  lecunUniform,
  varianceScaling,
} from './scaling.ts'

/** The initializers that have a name; a name means their defaults. */
export type InitializerName =
  | 'glorotNormal'
  | 'glorotUniform'
  | 'heNormal'
  | 'heUniform'
  | 'identity'
  | 'lecunNormal'
  | 'lecunUniform'
  | 'ones'
  | 'orthogonal'
  | 'randomNormal'
  | 'randomUniform'
  | 'truncatedNormal'
  | 'varianceScaling'
  | 'zeros'

const byName: Readonly<Record<InitializerName, () => Initializer>> = {
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  identity,
  lecunNormal,
  lecunUniform,
  ones,
  orthogonal,
  randomNormal,
  randomUniform,
  truncatedNormal,
  varianceScaling,
  zeros,
}

/** The name of an initializer, or a function. */
export type InitializerLike = InitializerName | Initializer

/** The initializer meant by a name or function. Throws ValueError for an unknown name. */
export function get(like: InitializerLike): Initializer {
  if (typeof like === 'function') return like
  if (Object.hasOwn(byName, like)) return byName[like]()
  throw new ValueError({
    op: 'initializers.get',
    problem: `"${String(like)}" names no initializer`,
    fix: `use one of ${Object.keys(byName).join(', ')}, or a function.`,
  })
}
