import { execFile } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { promisify } from 'node:util'
import ts from 'typescript'

const run = promisify(execFile)
export const ROOT = join(import.meta.dirname, '../..')

/** What a clone would not have, or what would be packed by accident. */
const NOT_COPIED = new Set(['node_modules', '.git', '.tap', 'dist', 'data', 'coverage'])

interface Manifest {
  name: string
  dependencies: Record<string, string>
  peerDependencies: Record<string, string>
}
const readManifest = async (): Promise<Manifest> => JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))

/** What a production install brings: Fastify is a peer, and npm installs those too. */
export async function productionPackages (): Promise<string[]> {
  const { dependencies, peerDependencies } = await readManifest()
  return Object.keys({ ...dependencies, ...peerDependencies })
}

/**
 * Compiles a project and says what is wrong with its own files and with the declarations of the package in it.
 * Those of third parties are not looked at: that takes most of the time and is nothing we could mend.
 */
export function compile (project: string): string[] {
  const folder = realpathSync(project)
  const { options, fileNames } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(folder, 'tsconfig.json'), ts.sys.readFile).config,
    ts.sys,
    folder,
  )
  const program = ts.createProgram(fileNames, options)
  const own = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(folder))
  const found = [
    ...program.getOptionsDiagnostics(),
    ...own.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
  ]
  // One by one, because writing all at once checks everything.
  for (const file of own.filter(({ isDeclarationFile }) => !isDeclarationFile)) program.emit(file)
  return found.map(({ file, messageText }) =>
    `${file?.fileName.slice(folder.length) ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
  )
}

export interface Packed {
  file: string
  paths: string[]
}

/**
 * `npm pack` of a copy of the repository with a fresh build, so that neither a stale `dist` nor another test is in the
 * way.
 * @param folder an empty one
 */
export async function pack (folder: string): Promise<Packed> {
  const copy = join(folder, 'copy')
  await cp(ROOT, copy, {
    recursive: true,
    filter: (source) => !NOT_COPIED.has(source.slice(ROOT.length + 1).split(sep)[0] ?? ''),
  })
  // Types are the type check's business; here they only have to be written.
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  await run(process.execPath, [
    tsc,
    '-p',
    join(ROOT, 'tsconfig.build.json'),
    '--noCheck',
    '--outDir',
    join(copy, 'dist'),
  ])
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--offline', '--pack-destination', folder],
    { cwd: copy, shell: process.platform === 'win32' },
  )
  const [report] = JSON.parse(stdout) as Array<{ filename: string, files: Array<{ path: string }> }>
  if (report === undefined) throw new Error('npm pack packed nothing')
  return { file: join(folder, report.filename), paths: report.files.map(({ path }) => path) }
}

async function link (folder: string, name: string): Promise<void> {
  const place = join(folder, 'node_modules', name)
  await mkdir(dirname(place), { recursive: true })
  await symlink(join(ROOT, 'node_modules', name), place, 'junction')
}

/**
 * A project that has the package installed, with its production dependencies and nothing else but Node's types.
 * @returns folder of the installed package
 */
export async function install ({ file }: Packed, project: string): Promise<string> {
  const { name } = await readManifest()
  const place = join(project, 'node_modules', name)
  await mkdir(place, { recursive: true })
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  await run('tar', ['-xzf', file, '--strip-components=1', '-C', place])
  for (const dependency of [...await productionPackages(), '@types/node']) await link(project, dependency)
  return place
}
