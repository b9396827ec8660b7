// oxlint-disable -- the cases are written in every style that people write
/**
 * Functions with control flow on their arguments, and arguments that take each of their ways. They mention nothing but
 * their own variables and the language, so they can be rebuilt without a scope.
 */
import type { Input, Twin } from './twins.ts'

/** A function from its text: TypeScript would refuse cases that fall through. */
const text = (source: string): Twin => (0, eval)(source) as Twin

type Case = readonly [name: string, fn: Twin, inputs: readonly (readonly Input[])[]]

const signs: readonly (readonly Input[])[] = [[3], [-3], [0], [12.5]]
const lists: readonly (readonly Input[])[] = [[[1, 2, 3]], [[-1, 5, 2, 9]], [[0]]]

const marked: readonly (readonly Input[])[] = [
  [[1, 2, 3, 4], 2],
  [[5, -1, 2, 0], 3],
]

export const corpus: readonly Case[] = [
  [
    'if else',
    (x) => {
      let y
      if (x.greater(0)) y = x
      else y = x.neg()
      return y
    },
    signs,
  ],
  [
    'if without else',
    (x) => {
      if (x.greater(0)) x = x.mul(2)
      return x
    },
    signs,
  ],
  [
    'early return',
    (x) => {
      if (x.greater(0)) return x
      return x.mul(10)
    },
    signs,
  ],
  [
    'chain of returns',
    (x) => {
      if (x.greater(10)) return 1
      if (x.greater(2)) return 2
      if (x.less(-1)) return 3
      return 4
    },
    signs,
  ],
  [
    'else if',
    (x) => {
      let r
      if (x.greater(10)) {
        r = x
      } else if (x.greater(2)) {
        r = x.mul(2)
      } else {
        r = x.add(1)
      }
      return r
    },
    signs,
  ],
  [
    'nested if',
    (x) => {
      let r = x
      if (x.greater(0)) {
        if (x.greater(5)) {
          r = r.add(1)
        } else {
          r = r.sub(1)
        }
        r = r.mul(2)
      }
      return r
    },
    signs,
  ],
  [
    'return inside nested if, then more',
    (x) => {
      let y = x
      if (x.greater(0)) {
        if (x.greater(5)) return y.mul(100)
        y = y.add(1)
      }
      y = y.add(2)
      return y
    },
    signs,
  ],
  [
    'return in both',
    (x) => {
      if (x.greater(0)) {
        return x
      } else {
        return x.neg()
      }
    },
    signs,
  ],
  [
    'return a list',
    (x) => {
      if (x.greater(0)) return [x, x.mul(2)]
      return [x.neg(), x]
    },
    signs,
  ],
  [
    'return an object',
    (x) => {
      if (x.greater(0)) return { a: x, b: [x.mul(2)] }
      return { a: x.neg(), b: [x] }
    },
    signs,
  ],
  ['ternary', (x) => (x.greater(0) ? x : x.neg()), signs],
  ['nested ternary', (x) => (x.greater(10) ? x : x.greater(0) ? x.mul(2) : x.mul(3)), signs],
  [
    'and',
    (x) => {
      if (x.greater(0) && x.less(5)) return x.add(1)
      return x.sub(1)
    },
    signs,
  ],
  [
    'or',
    (x) => {
      if (x.less(0) || x.greater(5)) return x.add(1)
      return x.sub(1)
    },
    signs,
  ],
  [
    'not',
    (x) => {
      if (!x.greater(0)) return x.add(1)
      return x.sub(1)
    },
    signs,
  ],
  [
    'logic as a value',
    (x) => {
      const p = (x.greater(0) && !x.greater(5)) || x.equal(0)
      return p ? x : x.mul(7)
    },
    signs,
  ],
  [
    'and as a statement',
    (x) => {
      let y = x
      x.greater(0) && (y = y.mul(2))
      return y
    },
    signs,
  ],
  [
    'or as a statement',
    (x) => {
      let y = x
      x.greater(0) || (y = y.mul(2))
      return y
    },
    signs,
  ],
  [
    'ternary as a statement',
    (x) => {
      let y = x,
        z = x
      x.greater(0) ? (y = y.mul(2)) : (z = z.add(1))
      return [y, z]
    },
    signs,
  ],
  [
    'assignment in a ternary',
    (x) => {
      let n = x
      const m = x.greater(0) ? (n = n.add(5)) : n
      return m.add(n)
    },
    signs,
  ],
  [
    'sequence',
    (x) => {
      let y = x
      if (x.greater(0)) ((y = y.add(1)), (y = y.mul(2)))
      return y
    },
    signs,
  ],
  [
    'plain condition',
    (x, k) => {
      if (k > 2) return x.add(k)
      return x.sub(k)
    },
    [
      [1, { raw: 3 }],
      [1, { raw: 1 }],
    ],
  ],
  [
    'plain flag',
    (x, flag) => {
      let y = x
      if (flag) y = y.mul(3)
      return flag ? y : y.neg()
    },
    [
      [1, { raw: true }],
      [1, { raw: false }],
    ],
  ],
  [
    'while',
    (x) => {
      let y = x
      while (y.less(100)) y = y.mul(2).add(1)
      return y
    },
    signs.slice(0, 1).concat([[300], [12.5]]),
  ],
  [
    'while with a counter',
    (x) => {
      let i = 0,
        y = x
      while (y.less(50)) {
        y = y.add(7)
        i++
      }
      return [y, i]
    },
    signs,
  ],
  [
    'while with an index',
    (x) => {
      let i = 0,
        y = x
      while (y.less(50) && i < 4) {
        y = y.add(i)
        i += 1
      }
      return [y, i]
    },
    signs,
  ],
  [
    'do while',
    (x) => {
      let y = x
      do {
        y = y.add(3)
      } while (y.less(10))
      return y
    },
    signs,
  ],
  [
    'do while with break',
    (x) => {
      let y = x
      do {
        y = y.add(3)
        if (y.greater(7)) break
        y = y.add(1)
      } while (y.less(30))
      return y
    },
    signs,
  ],
  [
    'for with a tensor test',
    (x) => {
      let s = x
      for (let i = 0; s.less(40); i++) s = s.add(i).add(1)
      return s
    },
    signs,
  ],
  [
    'for over numbers',
    (x) => {
      let s = x
      for (let i = 0; i < 4; i++) {
        if (s.greater(4)) s = s.sub(i)
        else s = s.add(2)
      }
      return s
    },
    signs,
  ],
  [
    'for of',
    (xs) => {
      let s = 0
      for (const e of xs) s = e.add(s)
      return s
    },
    lists.slice(0, 2),
  ],
  [
    'for of with if',
    (xs) => {
      let s = 0
      for (const e of xs) {
        if (e.greater(1)) s = e.add(s)
      }
      return s
    },
    lists,
  ],
  [
    'for of break',
    (xs) => {
      let s = 0
      for (const e of xs) {
        if (e.greater(4)) break
        s = e.add(s)
      }
      return s
    },
    lists,
  ],
  [
    'for of continue',
    (xs) => {
      let s = 0
      for (const e of xs) {
        if (e.equal(2)) continue
        s = e.add(s)
      }
      return s
    },
    lists,
  ],
  [
    'for of break and continue',
    (xs) => {
      let s = 0,
        n = 0
      for (const e of xs) {
        if (e.equal(2)) continue
        n++
        if (e.greater(3)) break
        s = e.add(s)
      }
      return [s, n]
    },
    lists,
  ],
  [
    'return in for of',
    (xs) => {
      for (const e of xs) if (e.greater(2)) return e
      return -1
    },
    lists,
  ],
  [
    'return in while',
    (x) => {
      let y = x
      while (y.less(100)) {
        y = y.mul(2).add(3)
        if (y.greater(20)) return y.neg()
      }
      return y
    },
    [[3], [12.5], [200]],
  ],
  [
    'endless with break',
    (x) => {
      let y = x
      while (true) {
        if (y.greater(30)) break
        y = y.add(7)
      }
      return y
    },
    signs,
  ],
  [
    'endless with return',
    (x) => {
      let y = x
      for (;;) {
        y = y.add(7)
        if (y.greater(30)) return y
      }
    },
    signs,
  ],
  [
    'endless with two ways out',
    (x) => {
      let y = x
      while (true) {
        y = y.add(7)
        if (y.greater(30)) break
        if (y.equal(10)) return y.neg()
      }
      return y.mul(2)
    },
    signs,
  ],
  [
    'break in a plain loop',
    (x) => {
      let y = x
      for (let i = 0; i < 6; i++) {
        if (y.greater(5)) break
        y = y.add(i)
      }
      return y
    },
    signs,
  ],
  [
    'continue in a plain loop',
    (x) => {
      let y = x
      for (let i = 0; i < 6; i++) {
        if (y.greater(3)) {
          y = y.sub(1)
          continue
        }
        y = y.add(i)
      }
      return y
    },
    signs,
  ],
  [
    'counter of a plain loop outside',
    (x) => {
      let y = x,
        i
      for (i = 0; i < 6; i++) {
        if (y.greater(5)) break
        y = y.add(1)
      }
      return [y, i]
    },
    signs,
  ],
  [
    'nested loops',
    (x) => {
      let s = x
      for (let i = 0; i < 3; i++) {
        let t = s
        while (t.less(10)) {
          t = t.add(2)
          s = s.add(1)
        }
        s = s.sub(i)
      }
      return s
    },
    signs,
  ],
  [
    'nested tensor loops',
    (x) => {
      let s = x,
        n = 0
      while (s.less(40)) {
        let k = 0
        while (s.greater(k) && k < 3) {
          s = s.add(k)
          k++
          n++
        }
        s = s.add(9)
      }
      return [s, n]
    },
    signs,
  ],
  [
    'labelled break',
    (xs) => {
      let s = 0
      outer: for (const a of xs) {
        for (let i = 0; i < 3; i++) {
          if (a.greater(4)) break outer
          s = a.add(s).add(i)
        }
      }
      return s
    },
    lists,
  ],
  [
    'labelled continue',
    (xs) => {
      let s = 0
      outer: for (const a of xs) {
        for (let i = 0; i < 3; i++) {
          if (a.greater(i)) continue outer
          s = a.add(s).add(i)
        }
        s = a.add(s).mul(2)
      }
      return s
    },
    lists,
  ],
  [
    'variable wanted where a break leads',
    (x, k) => {
      let i = 0
      switch (k) {
        case 1: {
          if (x.less(5)) {
            i++
            if (x.greater(-1)) break
          }
          return [x, 7]
        }
      }
      return [x, i]
    },
    [
      [3, { raw: 1 }],
      [-3, { raw: 1 }],
      [9, { raw: 1 }],
      [9, { raw: 2 }],
    ],
  ],
  [
    'labelled block',
    (x) => {
      let y = x
      found: {
        if (x.greater(0)) {
          y = y.add(1)
          break found
        }
        y = y.sub(1)
      }
      return y
    },
    signs,
  ],
  [
    'switch',
    (x, k) => {
      switch (k) {
        case 0:
          return x
        case 1:
        case 2:
          return x.neg()
        default:
          return x.mul(2)
      }
    },
    [
      [1, { raw: 0 }],
      [1, { raw: 2 }],
      [1, { raw: 7 }],
    ],
  ],
  [
    'switch that falls through',
    text(`(x, k) => {
      let y = x
      switch (k) {
        case 0:
          y = y.add(1)
        case 1:
          y = y.add(10)
          break
        default:
          y = y.add(100)
        case 5:
          y = y.add(1000)
      }
      return y
    }`),
    [
      [1, { raw: 0 }],
      [1, { raw: 1 }],
      [1, { raw: 9 }],
      [1, { raw: 5 }],
    ],
  ],
  [
    'switch on a counter',
    (x) => {
      let i = 0,
        y = x
      while (y.less(60)) {
        switch (i % 3) {
          case 0:
            y = y.add(5)
            break
          case 1:
            y = y.add(7)
            break
          default:
            y = y.add(11)
        }
        i++
      }
      return [y, i]
    },
    signs,
  ],
  [
    'switch with jumps inside',
    (x, k) => {
      let y = x
      switch (k) {
        case 0:
          if (x.greater(0)) break
          y = y.add(1)
          break
        default:
          y = y.mul(2)
      }
      return y
    },
    [
      [1, { raw: 0 }],
      [-1, { raw: 0 }],
      [5, { raw: 1 }],
    ],
  ],
  [
    'switch falling through in a staged loop',
    text(`(x) => {
      let i = 0,
        y = x
      while (y.less(60)) {
        switch (i % 4) {
          case 0:
            y = y.add(5)
          case 1:
            y = y.add(7)
            break
          case 2: {
            y = y.add(1)
          }
          default:
            y = y.add(11)
        }
        i++
      }
      return [y, i]
    }`),
    signs,
  ],
  [
    'property of an object',
    (x) => {
      const o = { a: x, n: 0 }
      if (x.greater(0)) {
        o.a = o.a.mul(2)
        o.n = 1
      }
      return [o.a, o.n]
    },
    signs,
  ],
  [
    'property in a loop',
    (x) => {
      const o = { a: x }
      while (o.a.less(20)) o.a = o.a.add(3)
      return o.a
    },
    signs,
  ],
  [
    'element of a list',
    (x) => {
      const a = [x, x]
      if (x.greater(0)) a[0] = a[1].mul(2)
      else a[1] = x.add(1)
      return a
    },
    signs,
  ],
  [
    'computed element',
    (x) => {
      const a = [x, x, x]
      for (let i = 0; i < 3; i++) if (x.greater(i)) a[i] = a[i].mul(i)
      return a
    },
    signs,
  ],
  [
    'new property in both',
    (x) => {
      const o: any = {}
      if (x.greater(0)) o.v = x
      else o.v = x.neg()
      return o
    },
    signs,
  ],
  [
    'push in a plain loop',
    (x) => {
      const list = []
      let y = x
      for (let i = 0; i < 3; i++) {
        if (y.greater(2)) y = y.sub(1)
        list.push(y)
      }
      return list
    },
    signs,
  ],
  [
    'push in both',
    (x) => {
      const list = [x]
      if (x.greater(0)) list.push(x.mul(2))
      else list.push(x.mul(3))
      return list
    },
    signs,
  ],
  [
    'destructuring swap',
    (x) => {
      let a = x,
        b = x.add(1)
      while (b.less(20)) {
        ;[a, b] = [b, a.add(b.abs()).add(1)]
      }
      return [a, b]
    },
    signs,
  ],
  [
    'object pattern',
    (x) => {
      let p = x,
        q = x
      if (x.greater(0)) ({ p, q } = { p: x.mul(2), q: p })
      return [p, q]
    },
    signs,
  ],
  [
    'default parameters',
    (x, k = 2) => {
      if (x.greater(k)) return x.mul(k)
      return x.add(k)
    },
    signs,
  ],
  [
    'inner function',
    (x) => {
      const relu = (v: any) => {
        if (v.greater(0)) return v
        return v.mul(0)
      }
      return [relu(x), relu(x.neg())]
    },
    signs,
  ],
  [
    'inner function that writes',
    (x) => {
      let y = x
      const bump = () => {
        y = y.add(1)
      }
      while (y.less(5)) bump()
      return y
    },
    signs,
  ],
  [
    'hoisted function',
    (x) => {
      if (x.greater(0)) return twice(x)
      return twice(twice(x))
      function twice(v: any) {
        return v.add(v)
      }
    },
    signs,
  ],
  [
    'recursion on a number',
    (x) => {
      const f = (v: any, n: number): any => {
        if (n === 0) return v
        if (v.greater(3)) return f(v.sub(1), n - 1)
        return f(v.add(2), n - 1)
      }
      return f(x, 3)
    },
    signs,
  ],
  [
    'closures per iteration',
    (x) => {
      const fs: any[] = []
      for (let i = 0; i < 3; i++) {
        if (x.greater(0)) x = x.add(0)
        fs.push(() => i)
      }
      return fs.map((f) => f())
    },
    signs,
  ],
  [
    'shadowing',
    (x) => {
      let y = x
      if (x.greater(0)) {
        let y = x.mul(5)
        y = y.add(1)
        x = y
      }
      return [x, y]
    },
    signs,
  ],
  [
    'block variables',
    (x) => {
      if (x.greater(0)) {
        const t = x.mul(2)
        x = t.add(1)
      } else {
        const t = x.mul(3)
        x = t
      }
      return x
    },
    signs,
  ],
  [
    'dead variable in branches',
    (x) => {
      let t
      let r = x
      if (x.greater(0)) {
        t = x.mul(2)
        r = t
      } else {
        t = 'no'
        r = x.add(1)
      }
      return r
    },
    signs,
  ],
  [
    'var',
    (x) => {
      if (x.greater(0)) {
        var y = x.mul(2)
      } else {
        var y = x
      }
      for (var i = 0; i < 2; i++) y = y.add(i)
      return y
    },
    signs,
  ],
  [
    'try',
    (x) => {
      try {
        if (x.greater(0)) return x
        return x.neg()
      } catch {
        return 0
      }
    },
    signs,
  ],
  [
    'try finally',
    (x) => {
      let y = x
      try {
        if (x.greater(0)) {
          y = y.mul(2)
          return y
        }
        y = y.add(1)
      } finally {
        y = y.add(100)
      }
      return y
    },
    signs,
  ],
  [
    'number becomes a tensor',
    (x) => {
      let n = 0
      if (x.greater(0)) n = 1
      return x.mul(n)
    },
    signs,
  ],
  [
    'fraction from a counter',
    (x) => {
      let n = 1,
        s = 0
      while (x.greater(n)) {
        s += n / 4
        n++
      }
      return [s, n]
    },
    signs,
  ],
  [
    'boolean flag',
    (x) => {
      let found = false,
        y = x
      while (!found) {
        y = y.add(4)
        if (y.greater(20)) found = true
      }
      return y
    },
    signs,
  ],
  [
    'flag set in one branch',
    (x) => {
      let big = false
      if (x.greater(5)) big = true
      return big ? x : x.neg()
    },
    signs,
  ],
  [
    'compound assignment',
    (x) => {
      let i = 1
      while (x.greater(i)) {
        i *= 2
        i -= 0
      }
      i **= 1
      return i
    },
    signs,
  ],
  [
    'postfix as a value',
    (x) => {
      let i = 0,
        s = x
      while (s.less(20)) {
        s = s.add(i++)
        s = s.add(--i).add(++i)
      }
      return [s, i]
    },
    [[3], [12.5], [40]],
  ],
  [
    'remainder',
    (x) => {
      let i = 0,
        s = x
      while (s.less(20)) {
        if (i % 2 === 0) s = s.add(3)
        else s = s.add(1)
        i++
      }
      return [s, i]
    },
    signs,
  ],
  [
    'nullish is left alone',
    (x, o) => {
      const k = o?.k ?? 2
      if (x.greater(k)) return x
      return x.mul(k)
    },
    [
      [3, { raw: null }],
      [1, { raw: { k: 5 } }],
    ],
  ],
  [
    'undefined tests',
    (x) => {
      let best
      for (let i = 0; i < 3; i++) {
        if (best === undefined) best = x
        else if (best.less(i)) best = best.add(i)
      }
      return best
    },
    signs,
  ],
  [
    'labelled loops with both',
    (x) => {
      let s = x,
        i = 0
      a: while (i < 3) {
        i++
        let j = 0
        while (true) {
          j++
          if (s.greater(9)) {
            s = s.sub(4)
            continue a
          }
          s = s.add(j)
          if (j > 4) break a
        }
      }
      return s
    },
    signs,
  ],
  [
    'for in',
    (x) => {
      let s = x
      for (const k in { a: 1, b: 2 }) {
        if (s.greater(4)) {
          if (k === 'b') break
          s = s.sub(1)
        }
        s = s.add(k === 'a' ? 1 : 10)
      }
      return s
    },
    signs,
  ],
  [
    'Math on a counter',
    (x) => {
      let i = 4,
        s = x
      while (s.less(20)) {
        s = s.add(Math.min(i, 2))
        i--
        s = s.add(Math.abs(i))
      }
      return s
    },
    signs,
  ],
  [
    'named arguments',
    function ({ a, b: [c] }: any) {
      if (a.greater(c)) return a
      return c
    } as Twin,
    [],
  ],
  [
    'assign in test',
    text('(x)=>{let y; if((y=x.add(1)).greater(0)) return y; return x.mul(5).add(y)}'),
    signs,
  ],
  ['chained assign', text('(x)=>{let a=x,b=x; if(x.greater(1)) a=b=x.mul(2); return [a,b]}'), signs],
  ['assign in argument', text('(x)=>{let y=x; if(x.greater(1)) x=x.add(y=x.mul(2)); return [x,y]}'), signs],
  [
    'assign in ?:',
    text('(x)=>{let a=0,b=0; const r = x.greater(1)?(a=x):(b=x.mul(2)); return [a,b,r]}'),
    signs,
  ],
  [
    'assign left of &&',
    text('(x)=>{let y=x; const r=(y=x.sub(1)).greater(0)&&(y=y.mul(2)).greater(9); return [y,r?1:0]}'),
    signs,
  ],
  ['ok &&=', text('(x)=>{let ok=true; ok&&=x.greater(0); ok&&=x.less(9); return ok?x:x.neg()}'), signs],
  ['ok ||=', text('(x)=>{let ok=false; ok||=x.greater(5); ok||=x.less(-1); return ok?x:x.neg()}'), signs],
  [
    '??',
    text('(x)=>{let y; const z = y ?? x; if (z.greater(0)) y ??= z.mul(2); else y = z; return y}'),
    signs,
  ],
  [
    'best null',
    text('(xs)=>{let best=null; for(const e of xs){ if(best===null||e.greater(best)) best=e } return best}'),
    lists,
  ],
  ['best ??', text('(xs)=>{let y; for(const e of xs){ y = (y ?? e.mul(10)).add(e) } return y}'), lists],
  ['best ??=', text('(xs)=>{let y; for(const e of xs){ y ??= e.mul(10); y=y.add(e) } return y}'), lists],
  [
    'first undefined',
    text('(xs)=>{let y; for(const e of xs){ if(y===undefined) y=e.mul(3); else y=y.add(e) } return y}'),
    lists,
  ],
  [
    'while null',
    text(
      '(x)=>{let y=null,i=0; while(x.greater(i)||i<1){ y = y===null ? x.mul(100) : y.add(1); i++ } return [y,i]}',
    ),
    signs,
  ],
  [
    'swap in loop',
    text(
      '(x)=>{let a=x,b=x.mul(2),i=0; while(b.less(20)&&i<5){ [a,b]=[b,a.add(b).abs().add(1)]; i++ } return [a,b]}',
    ),
    signs,
  ],
  [
    'nested path',
    text(
      '(x)=>{const o={a:{b:x},c:[x]}; let i=0; while(o.a.b.abs().less(20)&&i<4){ o.a.b=o.a.b.mul(2); o.c[0]=o.c[0].add(1); i++ } return o}',
    ),
    signs,
  ],
  [
    'o.n++',
    text('(xs)=>{const o={n:0,s:0}; for(const e of xs){ o.n++; if(e.greater(1)) o.s+=2 } return [o.n,o.s]}'),
    lists,
  ],
  [
    'labelled continue while in for',
    text(
      '(xs)=>{let s=0; outer: for(const e of xs){ let i=0; while(i<3){ i++; if(e.less(i)) continue outer; s+=i } s+=100 } return s}',
    ),
    lists,
  ],
  [
    'do continue',
    text(
      '(x)=>{let i=0,s=0; do { i++; if(x.greater(i)) continue; s+=i } while(x.greater(i-4)&&i<9); return [i,s]}',
    ),
    signs,
  ],
  [
    'assign in while test',
    text('(x)=>{let n=x,s=x.mul(0); while((n=n.sub(1)).greater(0)) s=s.add(n); return [n,s]}'),
    signs,
  ],
  [
    'counter in while test',
    text('(x)=>{let i=0,s=x; while(x.greater(i++)) s=s.add(i); return [s,i]}'),
    signs,
  ],
  [
    'switch true',
    text('(x)=>{switch(true){case x.greater(5): return 1; case x.greater(0): return 2; default: return 3}}'),
    signs,
  ],
  [
    'switch in each continue',
    text(
      '(xs)=>{let s=0; let k=0; for(const e of xs){ k++; switch(k%3){case 0: continue; case 1: if(e.greater(1)) break; s+=10; default: s+=1} s+=100 } return [s,k]}',
    ),
    lists,
  ],
  [
    'try finally return',
    text(
      '(x)=>{let n=0; try { if(x.greater(0)) return [x,n]; n=1 } catch { n=2 } finally { n=n+10 } return [x,n]}',
    ),
    signs,
  ],
  ['default param', text('(x,y=x.greater(0)?x:x.neg())=>{ if(y.greater(5)) return y; return x}'), signs],
  ['float counter', text('(x)=>{let t=0; while(x.greater(t)) t+=0.5; return t}'), signs],
  ['mul counter', text('(x)=>{let t=1; while(x.greater(t)) t*=2; return [t,t%3,t/2,-t,~t,t|1,t**2]}'), signs],
  [
    'math counter',
    text(
      '(x)=>{let t=1,f=0; while(x.greater(t)) { t++; f=Math.floor(t/2)+Math.max(t,3)+Math.abs(-t) } return [t,f]}',
    ),
    signs,
  ],
  [
    'two counters',
    text('(x)=>{let s=0; for(let i=0,j=10;x.greater(i)&&i<j;i++,j--) s+=j-i; return s}'),
    signs,
  ],
  [
    'inner depends on outer',
    text('(x)=>{let s=0; for(let i=0;x.greater(i);i++) for(let j=0;j<i;j++) s+=j; return s}'),
    signs,
  ],
  [
    'closure writes',
    text(
      '(xs)=>{let y=0; const inc=(d)=>{y+=d}; for(const e of xs) { inc(1); if(e.greater(1)) inc(10) } return y}',
    ),
    lists,
  ],
  [
    'closure captured let',
    text(
      '(x)=>{const fs=[]; for(let i=0;i<3;i++){ if(x.greater(i)) x=x.add(1); fs.push(()=>i) } return [x,fs.map(f=>f())]}',
    ),
    signs,
  ],
  [
    'closure captured let staged',
    text('(x)=>{let s=0; for(let i=0;x.greater(i);i++){ const f=()=>i*2; i++; s+=f() } return s}'),
    signs,
  ],
  [
    'rows destruct',
    text(
      '(xs,k)=>{let s=0; for(const e of xs){ const [p,q]=[e,e.mul(2)]; if(p.greater(k)) continue; ({p:s}={p:q.add(s)}) } return s}',
    ),
    marked,
  ],
  [
    'length in loop',
    text(
      '(xs)=>{const a=[1,2]; let s=0; for(const e of xs){ if(e.greater(a.length)) s+=a.length } return s}',
    ),
    lists,
  ],
  [
    'array cell',
    text(
      '(x)=>{const a=[x,x.mul(2)]; if(x.greater(1)) a[1]=a[0].add(7); const i=0; if(x.less(9)) a[i]=a[1]; return a}',
    ),
    signs,
  ],
  [
    'array push branch plain',
    text('(x,k)=>{const a=[]; if(k>1) a.push(x); if(x.greater(1)) x=x.mul(2); a.push(x); return a}'),
    [
      [3, { raw: 1 }],
      [-3, { raw: 2 }],
    ],
  ],
  [
    'comma',
    text('(x)=>{let a=x,b=x; if(a=a.add(1),b=b.sub(1),a.greater(b.neg())) a=b,b=x; return [a,b]}'),
    signs,
  ],
  ['logical value mix', text('(x)=>{const k=x.greater(0)&&x.less(5)||x.equal(-3); return k?1:2}'), signs],
  ['not not', text('(x)=>{return !!x.greater(0)?1:!x.less(-1)?2:3}'), signs],
  [
    'ternary statements',
    text('(x)=>{let a=1; x.greater(0)?a++:a--; x.greater(5)||(a=a*3); return a}'),
    signs,
  ],
  [
    'minified',
    text('(x)=>{let t;return x.greater(0)?t=x.mul(2):(t=x.neg(),t.greater(1)&&(t=t.add(5))),t}'),
    signs,
  ],
  ['var hoist', text('(x)=>{ if(x.greater(0)){ var q=x } else { q=x.mul(3) } return q}'), signs],
  [
    'nested function decl',
    text(
      '(x)=>{ if(g(x).greater(0)) return g(x); return x; function g(z){ if(z.greater(5)) return z.sub(5); return z.add(1) } }',
    ),
    signs,
  ],
  [
    'while true return obj',
    text('(x)=>{let i=0; while(true){ i++; if(x.less(i)) return {i,x}; if(i>20) return {i:-1,x} } }'),
    signs,
  ],
  [
    'for of break label try',
    text(
      '(xs)=>{let s=0; a: for(const e of xs){ try { if(e.greater(3)) break a; s+=1 } finally { s+=10 } } return s}',
    ),
    lists,
  ],
  ['eq', text('(x)=>{let i=0; while(x.greater(i)) i++; return i===4?1:i!==0?2:3}'), signs],
  [
    'eq null',
    text('(x)=>{let y=null; if(x.greater(0)) { y=x } else { y=x.neg() } return y===null?0:y!=null?y:1}'),
    signs,
  ],
  [
    'bool state',
    text('(xs)=>{let seen=false; for(const e of xs){ if(e.greater(3)) seen=true } return seen?1:0}'),
    lists,
  ],
  [
    'bool not state',
    text(
      '(xs)=>{let even=true,n=0; for(const e of xs){ even=!even; if(even&&e.greater(0)) n++ } return [n,even?1:0]}',
    ),
    lists,
  ],
  ['return bool', text('(x)=>{return x.greater(0)&&!x.greater(9)}'), signs],
  [
    'nested each',
    text('(xs)=>{let n=0; for(const a of xs) for(const b of xs) if(a.greater(b)) n++; return n}'),
    lists,
  ],
  [
    'plain switch string',
    text('(x,m)=>{switch(m.k){case "a": if(x.greater(0)) return 1; case "b": return 2; default: return 3}}'),
    [
      [3, { raw: { k: 'a' } }],
      [-3, { raw: { k: 'a' } }],
      [-3, { raw: { k: 'c' } }],
    ],
  ],
  ['if in catch', text('(x)=>{try { null.f } catch(e) { if(x.greater(0)) x=x.mul(2) } return x}'), signs],
  [
    'for in',
    text('(x)=>{const o={a:1,b:2}; let s=0; for(const k in o){ if(x.greater(o[k])) s+=o[k] } return s}'),
    signs,
  ],
  ['spread state', text('(x)=>{let l=[x]; if(x.greater(0)) l=[...l.map(e=>e.mul(2))]; return l}'), signs],
  [
    'delete and in',
    text('(x)=>{const o={a:x}; if("a" in o && x.greater(0)) o.a=o.a.add(1); return o.a}'),
    signs,
  ],
]
