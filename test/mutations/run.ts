import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { placeOf, replaceAt } from './place.js'
import { type Mutation, MUTATIONS } from './table.js'

/**
 * Takes one guard after the other away, in a copy of the repository, and sees that a test goes red (O07). Not part of
 * `npm test`: it runs many test files many times. Arguments pick the guards whose names hold one of them; `--check`
 * only looks whether each still stands where its row says.
 */
const ROOT = resolve(import.meta.dirname, '../..')

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

/** Seconds that a file may take. Without a guard a test may wait for what never comes. */
const FILE_SECONDS = 180

/** Up to the first failure, so that nothing else waits for what has no end without the guard. */
function runTests (folder: string, tests: readonly string[]): Result {
  const flags = ['--reporter=tap', '--bail', `--timeout=${FILE_SECONDS}`]
  const { status, stdout } = spawnSync('npx', ['tap', ...flags, ...tests], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1024 ** 3,
  })
  return {
    isGreen: status === 0,
    failed: [...stdout.matchAll(/^ *not ok \d+ - (.*?)(?: # time=.*)?$/gm)].map(([, name = '']) => name),
  }
}

/** The file without the guard. @throws when the guard is not where its row says */
function mutated ({ guard, file, search, replace }: Mutation): string {
  try {
    const source = readFileSync(join(ROOT, file), 'utf8')
    return replaceAt(source, placeOf(source, search), replace)
  } catch (error) {
    throw new Error(`${guard}: ${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** All rows that are out of date, at once. */
function checkPlaces (mutations: readonly Mutation[]): void {
  const problems = mutations.flatMap((mutation) => {
    try {
      mutated(mutation)
      return []
    } catch (error) {
      return [String(error)]
    }
  })
  if (problems.length > 0) throw new Error(`rows of test/mutations/table.ts are out of date:\n${problems.join('\n')}`)
}

/** @returns whether the tests noticed */
function tryMutation (folder: string, mutation: Mutation): boolean {
  const { guard, file, tests } = mutation
  const path = join(folder, file)
  const original = readFileSync(path, 'utf8')
  writeFileSync(path, mutated(mutation))
  const { isGreen, failed } = runTests(folder, tests)
  writeFileSync(path, original)
  // A file that cannot even be loaded fails too, and proves nothing: some assertion has to have a name.
  const noticed = !isGreen && failed.some((name) => !name.endsWith('.ts'))
  process.stdout.write(
    `${noticed ? 'red, as it should be' : 'NOT NOTICED'}: without ${guard}${noticed ? ` (${failed[0] ?? ''})` : ''}\n`,
  )
  return noticed
}

function tryAll (mutations: readonly Mutation[]): boolean {
  const folder = copyRepository()
  try {
    const { isGreen, failed } = runTests(folder, [...new Set(mutations.flatMap(({ tests }) => tests))])
    if (!isGreen) throw new Error(`the tests are red before anything was taken away: ${failed.join(', ')}`)
    const unnoticed = mutations.filter((mutation) => !tryMutation(folder, mutation))
    process.stdout.write(
      `${mutations.length - unnoticed.length} of ${mutations.length} guards are missed when they are gone\n`,
    )
    return unnoticed.length === 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const { values: { check }, positionals: names } = parseArgs({
  options: { check: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const chosen = names.length === 0
  ? MUTATIONS
  : MUTATIONS.filter(({ guard }) => names.some((name) => guard.includes(name)))
if (chosen.length === 0) throw new Error(`no guard has ${names.join(' or ')} in its name`)
checkPlaces(chosen)
if (check) process.stdout.write(`${chosen.length} guards are where their rows say\n`)
else process.exitCode = tryAll(chosen) ? 0 : 1
