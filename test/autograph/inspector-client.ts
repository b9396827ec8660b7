/** A debugger that attaches to a process: a client of Node's inspector with as much of the WebSocket protocol as that takes. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

interface Message {
  readonly id?: number
  readonly method?: string
}

export class InspectorClient {
  readonly #socket: Socket
  readonly #events: string[] = []
  readonly #answers = new Map<number, () => void>()
  #next = 0
  #buffer = Buffer.alloc(0)

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Attaches to `ws://host:port/path`. */
  static async attach(address: string): Promise<InspectorClient> {
    const { hostname, port, pathname, host } = new URL(address)
    const socket = connect(Number(port), hostname)
    const client = new InspectorClient(socket)
    const key = randomBytes(16).toString('base64')
    socket.write(
      `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    )
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      const onData = (data: Buffer): void => {
        client.#buffer = Buffer.concat([client.#buffer, data])
        const end = client.#buffer.indexOf('\r\n\r\n')
        if (end < 0) return
        socket.off('data', onData)
        client.#buffer = client.#buffer.subarray(end + 4)
        socket.on('data', (more: Buffer) => client.#read(more))
        resolve()
      }
      socket.on('data', onData)
    })
    return client
  }

  /** How many events of this name have come. */
  count(method: string): number {
    return this.#events.filter((event) => event === method).length
  }

  /** Sends a request and waits for its answer. */
  post(method: string, params: object = {}): Promise<void> {
    const id = ++this.#next
    const text = Buffer.from(JSON.stringify({ id, method, params }))
    // A text frame, masked with zeros.
    const head = Buffer.alloc(8)
    head[0] = 0x81
    head[1] = 0x80 | 126
    head.writeUInt16BE(text.length, 2)
    this.#socket.write(Buffer.concat([head, text]))
    return new Promise((resolve) => this.#answers.set(id, resolve))
  }

  close(): void {
    this.#socket.destroy()
  }

  #read(data: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, data])
    for (;;) {
      if (this.#buffer.length < 2) return
      const short = (this.#buffer[1] ?? 0) & 127
      const start = short === 126 ? 4 : short === 127 ? 10 : 2
      if (this.#buffer.length < start) return
      const length =
        short === 126
          ? this.#buffer.readUInt16BE(2)
          : short === 127
            ? Number(this.#buffer.readBigUInt64BE(2))
            : short
      if (this.#buffer.length < start + length) return
      const message = JSON.parse(this.#buffer.toString('utf8', start, start + length)) as Message
      this.#buffer = this.#buffer.subarray(start + length)
      if (message.method !== undefined) this.#events.push(message.method)
      if (message.id !== undefined) this.#answers.get(message.id)?.()
    }
  }
}
