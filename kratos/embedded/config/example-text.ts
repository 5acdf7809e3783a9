import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { exampleFolder } from './example-folder.js'

export type ExampleFile = 'kratos.yml' | 'identity.schema.json'

/** The package holds these texts in this module, so that it can be bundled into one file (`packaging/package.mjs`). */
export const exampleText = (name: ExampleFile): string => readFileSync(join(exampleFolder(), name), 'utf8')
