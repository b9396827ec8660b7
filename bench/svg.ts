/**
 * Drawings as SVG text: lines, marks and words, and scales that go up in powers of ten. Colors are CSS classes with a
 * style for light and dark pages in the drawing itself, so that a file needs nothing else.
 */

/** Text as it may stand in SVG and HTML. */
export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** Classes: `axis` and `grid` lines, `own` and `other` marks, `roof` lines, `small` text, `strong` text. */
export const drawingStyle = `
  text { font: 12px system-ui, sans-serif; fill: #222 }
  .small { font-size: 11px; fill: #666 }
  .strong { font-weight: 600 }
  .axis { stroke: #888; fill: none }
  .grid { stroke: #e4e4e4; fill: none }
  .roof { stroke: #444; stroke-width: 1.5; fill: none }
  .own { fill: #0b62d6; stroke: #0b62d6 }
  .other { fill: #98a2b3; stroke: #98a2b3 }
  .paper { fill: #fff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e6e6 } .small { fill: #a0a0a0 } .grid { stroke: #333 } .roof { stroke: #bbb }
    .own { fill: #6aa8ff; stroke: #6aa8ff } .other { fill: #7a8494; stroke: #7a8494 } .paper { fill: #16181c }
  }`

export type Anchor = 'start' | 'middle' | 'end'

/** A drawing of fixed size. */
export class Drawing {
  readonly width: number
  readonly height: number
  readonly #parts: string[] = []

  constructor(width: number, height: number) {
    this.width = width
    this.height = height
  }

  line(x1: number, y1: number, x2: number, y2: number, kind: string): void {
    this.#parts.push(`<line x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}" class="${kind}"/>`)
  }

  dot(x: number, y: number, radius: number, kind: string, title: string): void {
    this.#parts.push(
      `<circle cx="${px(x)}" cy="${px(y)}" r="${px(radius)}" class="${kind}"><title>${escaped(title)}</title></circle>`,
    )
  }

  text(x: number, y: number, words: string, anchor: Anchor = 'start', kind = ''): void {
    const style = kind === '' ? '' : ` class="${kind}"`
    this.#parts.push(
      `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}"${style}>${escaped(words)}</text>`,
    )
  }

  /** The drawing as an element, for a page that has `drawingStyle`, or with it for a file of its own. */
  toSvg(label: string, isFile: boolean): string {
    const paper = `<rect width="100%" height="100%" class="paper"/>`
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${this.width} ${this.height}" width="${this.width}" height="${this.height}" role="img" aria-label="${escaped(label)}">`,
      ...(isFile ? [`<style>${drawingStyle}\n</style>`, paper] : []),
      ...this.#parts,
      '</svg>',
    ].join('\n')
  }
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10)
}

/** From numbers above 0 to places, evenly by ratio. */
export class LogScale {
  readonly from: number
  readonly to: number
  readonly #start: number
  readonly #end: number

  /** Covers the values, and a little more at both ends; at least a factor of 10. */
  constructor(values: readonly number[], start: number, end: number) {
    const [least, most] = [Math.min(...values), Math.max(...values)]
    const middle = Math.sqrt(least * most)
    const half = Math.max(Math.sqrt(10), Math.sqrt(most / least) * 1.3)
    this.from = middle / half
    this.to = middle * half
    this.#start = start
    this.#end = end
  }

  place(value: number): number {
    const share = Math.log(value / this.from) / Math.log(this.to / this.from)
    return this.#start + share * (this.#end - this.#start)
  }

  /** Powers of ten within. */
  get ticks(): readonly number[] {
    const first = Math.ceil(Math.log10(this.from))
    const count = Math.floor(Math.log10(this.to)) - first + 1
    return Array.from({ length: Math.max(0, count) }, (_, i) => 10 ** (first + i))
  }
}
