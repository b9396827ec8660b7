/**
 * Which host functions kernels call, and their import declarations.
 */
import { binaryen, type WasmModule } from './binaryen.ts'
import { type Expr, operandsOf } from '../expr.ts'
import type { Kernel } from '../kernel.ts'
import { expressionsOf, visitStatements } from '../schedule/contents.ts'
import { hostMath } from './host-math.ts'

const binaryFunctions: ReadonlySet<string> = new Set(['pow', 'powInt', 'atan2', 'rem'])

/** True when the op of this very node is computed by the host. */
export function isHostCall(expr: Expr): boolean {
  if (expr.kind !== 'unary' && expr.kind !== 'binary') return false
  if (expr.dtype === 'int32' || expr.dtype === 'uint8') return expr.op === 'pow'
  return expr.op in hostMath
}

/** Declares the imports of all host functions the kernels call. */
export function importHostMath(module: WasmModule, kernels: readonly Kernel[]): void {
  const names = new Set<string>()
  const visited = new Set<Expr>()
  const visit = (expr: Expr): void => {
    if (visited.has(expr)) return
    visited.add(expr)
    if ((expr.kind === 'unary' || expr.kind === 'binary') && isHostCall(expr))
      names.add(expr.dtype === 'int32' || expr.dtype === 'uint8' ? 'powInt' : expr.op)
    for (const operand of operandsOf(expr)) visit(operand)
  }
  for (const kernel of kernels)
    visitStatements(kernel.body, (statement) => expressionsOf(statement).forEach(visit))
  for (const name of names) {
    const count = binaryFunctions.has(name) ? 2 : 1
    const parameters = binaryen.createType(Array.from({ length: count }, () => binaryen.f64))
    module.addFunctionImport(name, 'math', name, parameters, binaryen.f64)
  }
}
