/**
 * Datasets from comma-separated values: each column has a type, given or found by looking at all its fields.
 *
 * The whole text is read when the dataset is made, so that errors come at once, and each says on which line.
 */
import { ValueError } from '../../codegen/errors.ts'
import { convertToTensor } from '../../tracer/convert.ts'
import { type Tensor, tensorOf } from '../../tracer/tensor.ts'
import { type CsvRecord, csvRecords } from './csv-records.ts'
import { Dataset } from './dataset.ts'
import type { Element } from './element.ts'

/** What the fields of a column are. */
export type ColumnType = 'float32' | 'float64' | 'int32' | 'bool' | 'string'

export interface ColumnOptions {
  /** Found from the fields when absent: float32 if all are numbers, else string. */
  readonly type?: ColumnType
  /** What an empty field stands for. Without it, an empty field is an error unless the type is string. */
  readonly default?: number | boolean | string
}

export interface CsvOptions {
  /** Whether the first record names the columns. Default true. */
  readonly hasHeader?: boolean
  /** The names of the columns, instead of the header's; `c0`, `c1`, … where there is neither. */
  readonly columnNames?: readonly string[]
  /** Types and defaults by column. */
  readonly columns?: Readonly<Record<string, ColumnType | ColumnOptions>>
  /** A column, or several, that make elements `[features, label]`. */
  readonly label?: string | readonly string[]
  /** These columns as one float32 vector, instead of an object with all that are no labels. */
  readonly features?: readonly string[]
  /** What separates fields. Default a comma. */
  readonly delimiter?: string
}

/** One column, read. */
type Column = readonly Element[]

/**
 * A dataset of the records of a text (or of UTF-8 bytes, or of rows of fields): objects by column name whose entries are
 * scalars or texts, or `[features, label]`. Users of tfjs: `label` is their `isLabel`, `columns` their `columnConfigs`.
 *
 * @throws ValueError for text that is not as RFC 4180 says, records of different lengths, fields that do not fit the
 *   column's type, unknown columns; with the line where there is one
 * @example
 * const text = 'width,height,kind\n1,2,0\n3,4,1\n'
 * const data = tf.data.csv(text, { features: ['width', 'height'], label: 'kind' })
 * const [[x, y]] = data.batch(2).toArray() as [[tf.Tensor, tf.Tensor]]
 * x // [[1, 2], [3, 4]]
 * y // [0, 1]
 */
export function csv(
  source: string | Uint8Array | readonly (readonly string[])[],
  options: CsvOptions = {},
): Dataset {
  const { hasHeader = true, delimiter = ',' } = options
  if (delimiter === '' || /["\r\n]/.test(delimiter))
    throw complaint(`the delimiter is ${JSON.stringify(delimiter)}`, 'use a comma, a semicolon, a tab.')
  const all = recordsOf(source, delimiter)
  const records = hasHeader ? all.slice(1) : all
  const names = namesOf(hasHeader ? all[0] : undefined, all[0]?.fields.length ?? 0, options.columnNames)
  requireKnown(names, Object.keys(options.columns ?? {}), 'columns')
  const labels = options.label === undefined ? [] : [options.label].flat()
  requireKnown(names, labels, 'label')
  requireKnown(names, options.features ?? [], 'features')
  for (const { fields, line } of records)
    if (fields.length !== names.length)
      throw complaint(
        `line ${line}: ${fields.length} fields, where there are ${names.length} columns`,
        'give each record a field for each column; quote fields that hold the delimiter.',
      )
  const columns = new Map<string, Column>()
  const columnOf = (name: string): Column => {
    const known = columns.get(name) ?? readColumn(records, names.indexOf(name), name, options.columns?.[name])
    columns.set(name, known)
    return known
  }
  const features = featuresOf(
    names.filter((name) => !labels.includes(name)),
    options.features,
    records,
    columnOf,
  )
  const labelOf = objectsOf(labels, columnOf)
  return new Dataset<Element>(
    function* () {
      for (let i = 0; i < records.length; i++)
        if (options.label === undefined) yield features(i)
        else if (typeof options.label === 'string') yield [features(i), columnOf(options.label)[i] as Element]
        else yield [features(i), labelOf(i)]
    },
    () => records.length,
  )
}

function complaint(problem: string, fix: string): ValueError {
  return new ValueError({ op: 'data.csv', problem, fix })
}

function recordsOf(
  source: string | Uint8Array | readonly (readonly string[])[],
  delimiter: string,
): readonly CsvRecord[] {
  if (typeof source === 'string') return csvRecords(source, delimiter)
  if (!(source instanceof Uint8Array)) return source.map((fields, i) => ({ fields, line: i + 1 }))
  try {
    return csvRecords(new TextDecoder('utf-8', { fatal: true }).decode(source), delimiter)
  } catch (error) {
    if (error instanceof TypeError)
      throw complaint('the bytes are not UTF-8', 'decode them first, and pass the text.')
    throw error
  }
}

function namesOf(
  header: CsvRecord | undefined,
  count: number,
  given: readonly string[] | undefined,
): readonly string[] {
  if (given !== undefined && header !== undefined && given.length !== header.fields.length)
    throw complaint(
      `columnNames has ${given.length} names, and the header ${header.fields.length}`,
      'name each column, or leave columnNames out.',
    )
  const names = given ?? header?.fields ?? Array.from({ length: count }, (_, i) => `c${i}`)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined)
    throw complaint(
      `two columns are called ${JSON.stringify(twice)}`,
      'give them names of their own with columnNames.',
    )
  return names
}

function requireKnown(names: readonly string[], wanted: readonly string[], option: string): void {
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown !== undefined)
    throw complaint(
      `${option}: there is no column ${JSON.stringify(unknown)}`,
      `use one of ${names.join(', ')}.`,
    )
}

function featuresOf(
  others: readonly string[],
  chosen: readonly string[] | undefined,
  records: readonly CsvRecord[],
  columnOf: (name: string) => Column,
): (i: number) => Element {
  if (chosen === undefined) return objectsOf(others, columnOf)
  const width = chosen.length
  const table = new Float32Array(records.length * width)
  chosen.forEach((name, j) =>
    columnOf(name).forEach((value, i) => {
      if (typeof value === 'string')
        throw complaint(
          `line ${records[i]?.line ?? 0}: ${JSON.stringify(value)} in the column ${JSON.stringify(name)} is no number`,
          'leave the column out of features, or map its texts to numbers.',
        )
      table[i * width + j] = (value as Tensor).item()
    }),
  )
  return (i) => tensorOf('float32', [width], table.subarray(i * width, (i + 1) * width))
}

function objectsOf(names: readonly string[], columnOf: (name: string) => Column): (i: number) => Element {
  const columns = names.map((name): readonly [string, Column] => [name, columnOf(name)])
  return (i) => Object.fromEntries(columns.map(([name, column]) => [name, column[i] as Element]))
}

function readColumn(
  records: readonly CsvRecord[],
  at: number,
  name: string,
  given: ColumnType | ColumnOptions | undefined,
): Column {
  const options = typeof given === 'string' ? { type: given } : (given ?? {})
  const type = options.type ?? inferred(records, at)
  return records.map(({ fields, line }) => {
    const field = fields[at] ?? ''
    if (type === 'string') return field === '' ? String(options.default ?? '') : field
    const value = field.trim() === '' ? options.default : valueOf(field.trim(), type)
    if (value === undefined)
      throw complaint(
        field.trim() === ''
          ? `line ${line}: the column ${JSON.stringify(name)} is empty`
          : `line ${line}: ${JSON.stringify(field)} in the column ${JSON.stringify(name)} is no ${type}`,
        field.trim() === ''
          ? `give the column a default.`
          : `give the column another type, such as 'string'.`,
      )
    return convertToTensor(value as number | boolean, { dtype: type, op: 'data.csv' })
  })
}

function inferred(records: readonly CsvRecord[], at: number): ColumnType {
  const fields = records.map((record) => (record.fields[at] ?? '').trim()).filter((field) => field !== '')
  return fields.length > 0 && fields.every((field) => number(field) !== undefined) ? 'float32' : 'string'
}

/** Decimal numbers, infinities and NaN as programs write them. */
const numberPattern = /^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf(?:inity)?|nan)$/i

function number(field: string): number | undefined {
  if (!numberPattern.test(field)) return undefined
  if (/nan/i.test(field)) return NaN
  if (/inf/i.test(field)) return field.startsWith('-') ? -Infinity : Infinity
  return Number(field)
}

function valueOf(field: string, type: ColumnType): number | boolean | undefined {
  if (type === 'bool')
    return /^(?:true|1)$/i.test(field) ? true : /^(?:false|0)$/i.test(field) ? false : undefined
  const value = number(field)
  return value !== undefined && type === 'int32' && (value | 0) !== value ? undefined : value
}
