import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'

const TIMEOUT_MS = 30_000
/** Kratos takes no larger schema. */
const SIZE_LIMIT = 1024 * 1024

/**
 * The text at a `file://`, `base64://` or `http(s)://` address.
 * @param folder base folder of relative addresses
 */
export async function readResource (address: string, folder: string): Promise<string> {
  const [, scheme = '', rest = ''] = /^([a-z0-9]+):\/\/(.*)$/s.exec(address) ?? []
  switch (scheme) {
    case 'base64':
      return decoded(rest)
    case 'file':
      return await readFile(pathOf(decodeURIComponent(rest), folder), 'utf8')
    case 'http':
    case 'https':
      return await fetched(address)
    default:
      throw new TypeError(`"${address}" is no file://, base64://, http:// or https:// address`)
  }
}

/** @throws Error for what Go's decoder refuses: letters for URLs, and a missing `=` */
function decoded (text: string): string {
  const letters = text.replaceAll(/[\r\n]/g, '')
  if (letters.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(letters)) {
    throw new Error('unable to decode std encoded base64 string: illegal base64 data')
  }
  return Buffer.from(letters, 'base64').toString()
}

/** Relative to the configuration, or as in Kratos to the working directory. */
export function pathOf (path: string, folder: string): string {
  // As in `file:///C:/kratos/person.json`.
  const native = /^\/[a-z]:[\\/]/i.test(path) ? path.slice(1) : path
  if (isAbsolute(native)) return native
  const beside = join(folder, native)
  return existsSync(beside) ? beside : resolve(native)
}

async function fetched (url: string): Promise<string> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`)
  if (text.length > SIZE_LIMIT) throw new Error(`${url} is longer than ${SIZE_LIMIT} characters`)
  return text
}
