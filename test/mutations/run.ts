import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type Mutation, MUTATIONS, occurrences } from './table.js'

/**
 * Takes one guard after the other away, in a copy of the repository, and sees that a test goes red (O07). Not part of
 * `npm test`: it runs many test files many times. An argument picks the guards whose name holds it.
 */
const ROOT = resolve(import.meta.dirname, '../..')
const chosen = MUTATIONS.filter(({ guard }) => guard.includes(process.argv[2] ?? ''))

function copyRepository (): string {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-kratos-mutations-'))
  const { stdout } = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  for (const file of stdout.split('\0').filter((name) => name !== '' && name !== 'node_modules')) {
    mkdirSync(join(folder, dirname(file)), { recursive: true })
    cpSync(join(ROOT, file), join(folder, file))
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

interface Result {
  isGreen: boolean
  failed: string[]
}

function runTests (folder: string, tests: readonly string[]): Result {
  const { status, stdout } = spawnSync('npx', ['tap', '--reporter=tap', ...tests], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1024 ** 3,
  })
  return {
    isGreen: status === 0,
    failed: [...stdout.matchAll(/^ *not ok \d+ - (.*?)(?: # time=.*)?$/gm)].map(([, name = '']) => name),
  }
}

/** @returns whether the tests noticed */
function tryMutation (folder: string, { guard, file, search, replace, tests }: Mutation): boolean {
  const path = join(folder, file)
  const original = readFileSync(path, 'utf8')
  if (occurrences(original, search) !== 1) { throw new Error(`${guard}: "${search}" stands ${occurrences(original, search)} times in ${file}`) }
  writeFileSync(path, original.replace(search, () => replace))
  const { isGreen, failed } = runTests(folder, tests)
  writeFileSync(path, original)
  // A file that cannot even be loaded fails too, and proves nothing: some assertion has to have a name.
  const noticed = !isGreen && failed.some((name) => !name.endsWith('.ts'))
  process.stdout.write(
    `${noticed ? 'red, as it should be' : 'NOT NOTICED'}: without ${guard}${noticed ? ` (${failed[0] ?? ''})` : ''}\n`,
  )
  return noticed
}

const folder = copyRepository()
try {
  const { isGreen, failed } = runTests(folder, [...new Set(chosen.flatMap(({ tests }) => tests))])
  if (!isGreen) throw new Error(`the tests are red before anything was taken away: ${failed.join(', ')}`)
  const unnoticed = chosen.filter((mutation) => !tryMutation(folder, mutation))
  process.stdout.write(`${chosen.length - unnoticed.length} of ${chosen.length} guards are missed when they are gone\n`)
  process.exitCode = unnoticed.length === 0 && chosen.length > 0 ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
