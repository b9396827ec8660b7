/**
 * Draws an image of a digit with characters, two rows of pixels per line, since a character is twice as high as wide.
 *
 * With colors, every character is an upper half block: its foreground is the upper pixel and its background the lower
 * one, in the 24 grey levels that terminals number from 232 (black) to 255 (white). Without, the mean of the two picks
 * an ASCII character of about that darkness.
 */
import { side } from './data.ts'

const darkest = 232
const greyLevels = 24
const shades = ' .:-=+*#%@'

/** The lines of the drawing, 28 characters wide each; pixels are from 0 (paper) to 1 (ink). */
export function drawDigit(pixels: Float32Array, colors: boolean): readonly string[] {
  return Array.from({ length: side / 2 }, (_, line) => {
    const upper = pixels.subarray(2 * line * side, (2 * line + 1) * side)
    const lower = pixels.subarray((2 * line + 1) * side, (2 * line + 2) * side)
    return colors ? greyLine(upper, lower) : asciiLine(upper, lower)
  })
}

function greyLine(upper: Float32Array, lower: Float32Array): string {
  let text = ''
  let current = ''
  upper.forEach((pixel, column) => {
    const wanted = `\u001b[38;5;${grey(pixel)};48;5;${grey(lower[column] ?? 0)}m`
    // Colors hold until they are changed.
    text += wanted === current ? '▀' : `${wanted}▀`
    current = wanted
  })
  return `${text}\u001b[0m`
}

function asciiLine(upper: Float32Array, lower: Float32Array): string {
  return Array.from(upper, (pixel, column) => {
    return shades[level((pixel + (lower[column] ?? 0)) / 2, shades.length)]
  }).join('')
}

function grey(pixel: number): number {
  return darkest + level(pixel, greyLevels)
}

/** Which of `count` equal steps a number from 0 to 1 falls on. */
function level(value: number, count: number): number {
  return Math.min(count - 1, Math.floor(value * count))
}
