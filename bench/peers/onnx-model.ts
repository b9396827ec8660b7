// Models in ONNX's file format, made of scratch: a graph of nodes between named float32 arrays. The format is Protocol
// Buffers, whose messages are fields of a number and a wire type: 0 for integers, 2 for bytes with their length in front.
// Numbers of fields are those of onnx.proto3.

type Bytes = readonly number[]

function integer(value: number): Bytes {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...integer(Math.floor(value / 0x80))]
}

function number(field: number, value: number): Bytes {
  return [...integer(8 * field), ...integer(value)]
}

function message(field: number, content: Bytes): Bytes {
  return [...integer(8 * field + 2), ...integer(content.length), ...content]
}

function text(field: number, value: string): Bytes {
  return message(field, [...new TextEncoder().encode(value)])
}

export interface OnnxNode {
  readonly op: string
  readonly inputs: readonly string[]
  readonly output: string
  /** Integers by name. */
  readonly attributes?: Readonly<Record<string, number>>
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[]
  readonly inputs: Readonly<Record<string, readonly number[]>>
  readonly outputs: Readonly<Record<string, readonly number[]>>
  /** Scalars by name. */
  readonly constants?: Readonly<Record<string, number>>
}

const float32 = 1

function nodeBytes({ op, inputs, output, attributes = {} }: OnnxNode): Bytes {
  const integerKind = 2
  return [
    ...inputs.flatMap((input) => text(1, input)),
    ...text(2, output),
    ...text(4, op),
    ...Object.entries(attributes).flatMap(([name, value]) =>
      message(5, [...text(1, name), ...number(3, value), ...number(20, integerKind)]),
    ),
  ]
}

/** A ValueInfoProto: a name, and the type in it. */
function valueBytes([name, shape]: readonly [string, readonly number[]]): Bytes {
  const dimensions = shape.flatMap((size) => message(1, number(1, size)))
  const tensor = [...number(1, float32), ...message(2, dimensions)]
  return [...text(1, name), ...message(2, message(1, tensor))]
}

function constantBytes([name, value]: readonly [string, number]): Bytes {
  const raw = new Uint8Array(new Float32Array([value]).buffer)
  return [...number(2, float32), ...text(8, name), ...message(9, [...raw])]
}

/** The bytes of a model, for opset 13. */
export function onnxModel({ nodes, inputs, outputs, constants = {} }: OnnxGraph): Uint8Array {
  const graph = [
    ...nodes.flatMap((node) => message(1, nodeBytes(node))),
    ...text(2, 'graph'),
    ...Object.entries(constants).flatMap((constant) => message(5, constantBytes(constant))),
    ...Object.entries(inputs).flatMap((input) => message(11, valueBytes(input))),
    ...Object.entries(outputs).flatMap((output) => message(12, valueBytes(output))),
  ]
  const [irVersion, opset] = [8, 13]
  return new Uint8Array([...number(1, irVersion), ...message(7, graph), ...message(8, number(2, opset))])
}
