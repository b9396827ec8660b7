/**
 * What the engine can do, asked once by validating a tiny module. Code generators do not read this themselves: they
 * take `relaxed: boolean` as an argument, so that tests can generate both kinds of code in one process.
 */

/** `(func (param v128) (result v128) (f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0)))` as a module. */
// prettier-ignore
const relaxedMaddModule = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, // magic number, version 1
  0x01, 0x06, 0x01, 0x60, 0x01, 0x7b, 0x01, 0x7b, // one type: v128 to v128
  0x03, 0x02, 0x01, 0x00, // one function, of that type
  0x0a, 0x0d, 0x01, 0x0b, 0x00, // one body of 11 bytes without locals
  0x20, 0x00, 0x20, 0x00, 0x20, 0x00, 0xfd, 0x85, 0x02, 0x0b, // three local.get 0, relaxed_madd, end
])

/** The optional instructions this engine accepts. */
export interface Features {
  /** `f32x4.relaxed_madd` and its kin: one instruction, and one rounding, for a multiply and an add. */
  readonly relaxedSimd: boolean
}

/** The features of this process's engine. */
export const features: Features = { relaxedSimd: WebAssembly.validate(relaxedMaddModule) }
