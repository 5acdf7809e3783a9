import { dirname, resolve } from 'node:path'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { Configuration } from './base-configuration.js'
import { walksWith } from './generate.js'
import { asObject, isObject, type Json, type JsonObject } from './steps.js'
import { traitsFor, validTraitsFor } from './schema-traits.js'

/** What every walked server has: nothing leaves it, and no walk waits for a network or a slow hash. */
const merged = (base: Json | undefined, changes: JsonObject): JsonObject => {
  const own = asObject(base)
  const entries = Object.entries(changes).map(([name, value]) =>
    [name, isObject(value) ? merged(own[name], value) : value] as const)
  return { ...own, ...Object.fromEntries(entries) }
}

/** Without web hooks, and with addresses of files that do not depend on the working directory. */
function walkable (value: Json, folder: string): Json {
  if (Array.isArray(value)) {
    return value.filter((item) => asObject(item)['hook'] !== 'web_hook').map((item) => walkable(item, folder))
  }
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, walkable(item, folder)]))
  }
  const [, path] = typeof value === 'string' ? /^file:\/\/(.+)$/s.exec(value) ?? [] : []
  return path === undefined ? value : `file://${resolve(folder, path)}`
}

const textAt = (address: string): string =>
  address.startsWith('base64://')
    ? Buffer.from(address.slice('base64://'.length), 'base64').toString()
    : readFileSync(address.replace('file://', ''), 'utf8')

/** The configuration in a kratos.yml, changed as little as walks need, with walks for its default schema. */
export function ownConfiguration (path: string): Configuration {
  const file = resolve(path)
  const read = walkable(parse(readFileSync(file, 'utf8'), { merge: true }) as Json, dirname(file)) as JsonObject
  const { public: open, admin } = asObject(read['serve']) as Record<string, Json>
  const address = (server: Json | undefined, usual: string): JsonObject => {
    const { base_url: url = usual, cors } = asObject(server)
    return { host: '127.0.0.1', base_url: url, ...(cors === undefined ? {} : { cors }) }
  }
  const config = merged(read, {
    dsn: 'memory',
    selfservice: { methods: { password: { config: { haveibeenpwned_enabled: false } } } },
    hashers: { algorithm: 'bcrypt', bcrypt: { cost: 4 } },
    courier: { smtp: { connection_uri: 'smtp://127.0.0.1:1/?disable_starttls=true' } },
  })
  const serve = {
    public: address(open, 'http://kratos.test/'),
    admin: address(admin, 'http://admin.kratos.test/'),
  }
  const { schemas, default_schema_id: id = 'default' } = asObject(config['identity'])
  const known = [schemas ?? []].flat().map(asObject)
  const schema = JSON.parse(textAt(String(known.find((one) => one['id'] === id)?.['url']))) as JsonObject
  return { config: { ...config, serve }, schema, walks: walksWith(traitsFor(schema), validTraitsFor(schema)) }
}
