import { test } from 'vitest'
import * as tf from '../../src/index.ts'
import { runProgram, planProgram, type Step } from './programs.ts'
import { machineryOf } from '../../src/function.ts'
import { printGraph } from '../../tracer/ir/print.ts'
test('r', () => {
  const x = tf.tensor([[1.6435575, 2.9968143, 3.8207448]]), z = tf.tensor([[2.6320107, 1.1619408, -0.51336217]])
  const y = tf.tensor([[3.9566445, 3.8485446, 3.0606778],[1.7322048, 0.097773165, -1.5539281],[-2.9311597, -3.7906618, -3.9806209]])
  const prog: Step[] = [{"op":"softmax","picks":[336,0,0,0]},{"op":"neg","picks":[357,0,0,0]},{"op":"mean","picks":[7,0,0,0]},{"op":"neg","picks":[0,0,0,0]},{"op":"neg","picks":[745,0,0,0]},{"op":"softmax","picks":[202,0,0,0]},{"op":"neg","picks":[483,0,0,0]},{"op":"neg","picks":[0,0,0,0]},{"op":"neg","picks":[0,0,0,0]}]
  const kept = planProgram([x,y,z], prog)
  const m = tf.spec([null,null])
  const f = tf.function((...a: tf.Tensor[]) => runProgram(a, kept).map((t)=>t.value), {inputSignature:[m,m,m]})
  console.log(kept.map(k=>k.op).join(' '))
  for (const args of [[x,y,z],[x.slice([0,0],[1,1]),y.slice([0,0],[1,1]),z.slice([0,0],[1,1])]]) {
    console.log(String(f(...args)), '\nEAGER', String(runProgram(args, kept).map(t=>t.value)))
  }
  console.log(printGraph(machineryOf(f)!.current!.traced.graph))
})
