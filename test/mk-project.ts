import { install, pack } from './support/package.js'
import { mkdir } from 'node:fs/promises'
const f = '/tmp/e16/pk'
await mkdir(f, { recursive: true })
const { plugin, embedded } = await pack(f)
await install(f + '/project', [plugin, embedded])
console.log(Object.keys(embedded.manifest.dependencies), Object.keys(plugin.manifest.dependencies))
