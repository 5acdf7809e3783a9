import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'

const ROOT = join(import.meta.dirname, '../..')

/**
 * The child and the store as plain JavaScript: a process that has to load a TypeScript loader first takes four times as
 * long to start, and the tests here start many.
 * @param folder inside the repository, so that packages are found
 * @returns the path of the child's script
 */
export function compileChild (folder: string): string {
  for (const name of readdirSync(join(ROOT, 'src/service/store'))) compile(folder, `src/service/store/${name}`)
  compile(folder, 'test/store/records.ts')
  return compile(folder, 'test/store/store-child.ts')
}

function compile (folder: string, name: string): string {
  const target = join(folder, name.replace(/\.ts$/, '.js'))
  const compilerOptions = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, ts.transpileModule(readFileSync(join(ROOT, name), 'utf8'), { compilerOptions }).outputText)
  return target
}
