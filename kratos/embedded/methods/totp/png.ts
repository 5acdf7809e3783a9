import { crc32, deflateSync } from 'node:zlib'

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const GREY = 0
const WHITE = 0xff

function chunk (type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'ascii'), data])
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  checksum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, checksum])
}

/** A square grey PNG (RFC 2083) of a matrix, scaled by whole pixels and centred. */
export function png (modules: boolean[][], size: number): Buffer {
  const scale = Math.max(1, Math.floor(size / modules.length))
  const margin = Math.floor((size - scale * modules.length) / 2)
  const row = Buffer.alloc(size + 1, WHITE)
  const rows = Array.from({ length: size }, (_, y) => {
    const line = Buffer.from(row)
    line[0] = 0 // no filter
    const dark = modules[Math.floor((y - margin) / scale)] ?? []
    for (let x = 0; x < size; x++) if (dark[Math.floor((x - margin) / scale)] === true) line[x + 1] = 0
    return line
  })
  const header = Buffer.alloc(13)
  header.writeUInt32BE(size, 0)
  header.writeUInt32BE(size, 4)
  header.set([8, GREY, 0, 0, 0], 8)
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}
