/**
 * Loads and stores. In memory a uint8 and a bool take one byte; loads widen them to 4-byte lanes (bools to masks),
 * stores narrow them again. Alignment is a hint to the engine and is left at one element.
 */
import { binaryen, type ExpressionRef } from './binaryen.ts'
import type { DType } from '../dtype.ts'
import type { Lanes } from '../expr.ts'
import type { FunctionContext } from './function-context.ts'

/** An address: `pointer` plus a constant number of bytes, which the instruction adds. */
export interface Address {
  readonly pointer: ExpressionRef
  readonly offset: number
}

export function emitLoad(
  context: FunctionContext,
  dtype: DType,
  lanes: Lanes,
  address: Address,
): ExpressionRef {
  const { module } = context
  const { pointer, offset } = address
  if (lanes === 1) {
    switch (dtype) {
      case 'float32':
        return module.f32.load(offset, 4, pointer)
      case 'float64':
        return module.f64.load(offset, 8, pointer)
      case 'int32':
        return module.i32.load(offset, 4, pointer)
      case 'uint8':
      case 'bool':
        return module.i32.load8_u(offset, 1, pointer)
    }
  }
  switch (dtype) {
    case 'float64':
      return module.v128.load(offset, 8, pointer)
    case 'float32':
    case 'int32':
      return lanes === 4 ? module.v128.load(offset, 4, pointer) : module.v128.load64_zero(offset, 4, pointer)
    case 'uint8':
    case 'bool': {
      const bytes =
        lanes === 4
          ? module.v128.load32_zero(offset, 1, pointer)
          : module.i32x4.splat(module.i32.load16_u(offset, 1, pointer))
      const wide = module.i32x4.extend_low_i16x8_u(module.i16x8.extend_low_i8x16_u(bytes))
      if (dtype === 'uint8') return wide
      const mask = module.i32x4.ne(wide, context.vectorConstant('int32', 0))
      return lanes === 4 ? mask : module.i64x2.extend_low_i32x4_s(mask)
    }
  }
}

/** A scalar from memory in every lane. */
export function emitLoadSplat(
  context: FunctionContext,
  dtype: 'float32' | 'int32' | 'float64',
  address: Address,
): ExpressionRef {
  const { v128 } = context.module
  return dtype === 'float64'
    ? v128.load64_splat(address.offset, 8, address.pointer)
    : v128.load32_splat(address.offset, 4, address.pointer)
}

export function emitStore(
  context: FunctionContext,
  dtype: DType,
  lanes: Lanes,
  address: Address,
  value: ExpressionRef,
): ExpressionRef {
  const { module } = context
  const { pointer, offset } = address
  if (lanes === 1) {
    switch (dtype) {
      case 'float32':
        return module.f32.store(offset, 4, pointer, value)
      case 'float64':
        return module.f64.store(offset, 8, pointer, value)
      case 'int32':
        return module.i32.store(offset, 4, pointer, value)
      case 'uint8':
      case 'bool':
        return module.i32.store8(offset, 1, pointer, value)
    }
  }
  switch (dtype) {
    case 'float64':
      return module.v128.store(offset, 8, pointer, value)
    case 'float32':
    case 'int32':
      if (lanes === 4) return module.v128.store(offset, 4, pointer, value)
      return module.v128.store64_lane(offset, 4, 0, pointer, value)
    case 'uint8':
    case 'bool': {
      if (dtype === 'bool' && lanes === 2) {
        // Byte 0 of each 64-bit lane holds the truth value.
        const mask = module.v128.and(value, context.vectorConstant('int32', 1))
        const { first, again } = context.share(mask, binaryen.v128)
        const packed = module.i8x16.shuffle(first, again(), [0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8])
        return module.v128.store16_lane(offset, 1, 0, pointer, packed)
      }
      const lanesOfInts =
        dtype === 'bool' ? module.v128.and(value, context.vectorConstant('int32', 1)) : value
      const { first, again } = context.share(lanesOfInts, binaryen.v128)
      const halves = context.share(module.i16x8.narrow_i32x4_s(first, again()), binaryen.v128)
      const bytes = module.i8x16.narrow_i16x8_u(halves.first, halves.again())
      if (lanes === 2) return module.v128.store16_lane(offset, 1, 0, pointer, bytes)
      return module.v128.store32_lane(offset, 1, 0, pointer, bytes)
    }
  }
}
