// Comma-separated values as RFC 4180 has them, their types, and what is wrong with them, by line.
import { describe, expect, it } from 'vitest'
import * as tf from '../../src/index.ts'

const rows = (...given: Parameters<typeof tf.data.csv>): unknown[] =>
  tf.data
    .csv(...given)
    .toArray()
    .map((row) => JSON.parse(JSON.stringify(row)) as unknown)

describe('csv', () => {
  it('reads quoted fields, doubled quotes, line breaks of both kinds', () => {
    expect(rows('\uFEFFa,b\r\n"1, 2","say ""hi"""\r\n\r\n"x\ny",\r\n')).toEqual([
      { a: '1, 2', b: 'say "hi"' },
      { a: 'x\ny', b: '' },
    ])
    expect(rows('a;b\n1;2', { delimiter: ';' })).toEqual([{ a: 1, b: 2 }])
    expect(rows('""\n""\n\nx', { columns: { '': 'string' } })).toEqual([{ '': '' }, { '': 'x' }])
    expect(rows('a\n1')).toEqual([{ a: 1 }])
    expect(rows('a,b\n')).toEqual([])
    expect(rows(new TextEncoder().encode('é,b\n1,2'))).toEqual([{ é: 1, b: 2 }])
    expect(
      rows([
        ['a', 'b'],
        ['1', 'x,y'],
      ]),
    ).toEqual([{ a: 1, b: 'x,y' }])
    expect(rows('1,2\n3,4', { hasHeader: false })).toEqual([
      { c0: 1, c1: 2 },
      { c0: 3, c1: 4 },
    ])
    expect(rows('1,2', { hasHeader: false, columnNames: ['p', 'q'] })).toEqual([{ p: 1, q: 2 }])
  })

  it('gives columns their types', () => {
    const [row] = tf.data
      .csv('f,d,i,b,s\n-1.5e2, 2 ,7,TRUE,8\n,0.1,-3,0,', {
        columns: { f: { default: 9 }, d: 'float64', i: 'int32', b: 'bool', s: 'string' },
      })
      .batch(2)
      .toArray() as [Record<string, tf.Tensor>]
    expect(
      Object.entries(row).map(([name, value]) => [name, Array.isArray(value) ? 'texts' : value.dtype]),
    ).toEqual([
      ['f', 'float32'],
      ['d', 'float64'],
      ['i', 'int32'],
      ['b', 'bool'],
      ['s', 'texts'],
    ])
    expect(JSON.parse(JSON.stringify(row))).toEqual({
      f: [-150, 9],
      d: [2, 0.1],
      i: [7, -3],
      b: [true, false],
      s: ['8', ''],
    })
    expect(
      Object.values(tf.data.csv('a\nNaN\n-inf').toArray()[1] as object).map((x: tf.Tensor) => x.item()),
    ).toEqual([-Infinity])
  })

  it('makes features and labels', () => {
    const text = 'a,b,kind\n1,2,0\n3,4,1\n'
    expect(rows(text, { label: 'kind' })).toEqual([
      [{ a: 1, b: 2 }, 0],
      [{ a: 3, b: 4 }, 1],
    ])
    expect(rows(text, { label: ['b', 'kind'], features: ['a'] })).toEqual([
      [[1], { b: 2, kind: 0 }],
      [[3], { b: 4, kind: 1 }],
    ])
    expect(rows(text, { features: ['b', 'a'] })).toEqual([
      [2, 1],
      [4, 3],
    ])
  })

  it.each([
    ['a,b\n1,2\n3', 'line 3: 1 fields, where there are 2 columns', {}],
    ['a\n"x\ny"\n"z', 'line 4: a quoted field has no end', {}],
    ['a,b\n"x"y,1', 'line 2: "y" after the closing quote', {}],
    ['a,b\n1,x"y', 'line 2: a quote within the field', {}],
    ['a\n1\nx', 'line 3: "x" in the column "a" is no float32', { columns: { a: 'float32' } }],
    ['a\n1.5', 'line 2: "1.5" in the column "a" is no int32', { columns: { a: 'int32' } }],
    ['a\n2', 'is no bool', { columns: { a: 'bool' } }],
    ['a,b\n1,2\n,3', 'line 3: the column "a" is empty', {}],
    ['a,a\n1,2', 'two columns are called "a"', {}],
    ['a,b\n1,2', 'label: there is no column "c"', { label: 'c' }],
    ['a,b\n1,2', 'columns: there is no column "c"', { columns: { c: 'int32' } }],
    ['a,b\n1,x', 'line 2: "x" in the column "b" is no number', { features: ['a', 'b'] }],
    ['a\n1', 'the delimiter is', { delimiter: '"' }],
    ['a,b\n1,2', 'columnNames has 1 names, and the header 2', { columnNames: ['p'] }],
  ] as const)('%j: %s', (text, message, options) => {
    expect(() => tf.data.csv(text, options as tf.data.CsvOptions)).toThrow(message)
  })

  it('refuses bytes that are not UTF-8', () => {
    expect(() => tf.data.csv(Uint8Array.of(97, 10, 0xff))).toThrow('UTF-8')
  })

  it('reads back what was written, whatever the fields hold', () => {
    const parts = ['a', '"', ',', '\n', '\r\n', ' ', '']
    const fields = Array.from(
      { length: 60 },
      (_, i) => `${parts[i % 7]}${parts[(i * 3 + 1) % 7]}${parts[(i * 5 + 2) % 7]}-`,
    )
    const text = ['x,y', ...fields.map((field, i) => `"${field.replaceAll('"', '""')}",${i}`)].join('\r\n')
    expect(rows(text)).toEqual(fields.map((x, y) => ({ x, y })))
  })
})
