import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ownFolder } from '../own-folder.js'

/** Of the sources, or of `dist/` and of the package; a bundle has none, and its working directory is as good. */
export function exampleFolder (): string {
  const own = ownFolder()
  const candidates = own === undefined ? [] : ['..', '../../../kratos'].map((folder) => join(own, folder))
  return candidates.find((folder) => existsSync(join(folder, 'kratos.yml'))) ?? process.cwd()
}
