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
    const characters = Array.from(upper, (pixel, column) => {
      const below = lower[column] ?? 0
      if (!colors) return shades[level((pixel + below) / 2, shades.length)]
      return `\u001b[38;5;${grey(pixel)};48;5;${grey(below)}m▀`
    })
    return characters.join('') + (colors ? '\u001b[0m' : '')
  })
}

function grey(pixel: number): number {
  return darkest + level(pixel, greyLevels)
}

/** Which of `count` equal steps a number from 0 to 1 falls on. */
function level(value: number, count: number): number {
  return Math.min(count - 1, Math.floor(value * count))
}
